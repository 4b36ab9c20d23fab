"""`modelspan feedback INCIDENT useful|noise`, and `modelspan feedback` for the counts of every monitor."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from urllib.parse import quote

from modelspan_analyzer import instants
from modelspan_analyzer.incidents import feedback
from modelspan_analyzer.people import user
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import act, add_data_argument, reading, writing
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("incident", nargs="?", default="", metavar="ID")
    parser.add_argument("opinion", nargs="?", default="", choices=["", *feedback.OPINIONS])
    parser.add_argument("--comment", default="")
    parser.add_argument("--actor", default="", help="who says so (default: you)")
    parser.add_argument("--json", action="store_true", help="print the counts as a JSON array")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Record an opinion, or count them all."""
    if not args.incident:
        return _count(args)
    if not args.opinion:
        raise CommandError("say what you think of the incident", hint="modelspan feedback ID useful, or noise")
    given = {"opinion": args.opinion, "actor": args.actor or user(), "comment": args.comment}
    if not act(args, f"/api/incidents/{quote(args.incident, safe='')}/feedback", given):
        _record(args, given["actor"])
    print(f"recorded: {args.incident} was {args.opinion}")
    return 0


def _count(args: argparse.Namespace) -> int:
    with reading(args) as store:
        counts = as_shown(args, store, feedback.by_monitor(store))
    if args.json:
        print(json.dumps([asdict(one) | {"mostly_noise": one.mostly_noise} for one in counts], indent=2))
        return 0
    if not counts:
        print("nobody has said anything of an incident yet: modelspan feedback ID useful, or noise", file=sys.stderr)
    for one in counts:
        note = "  <- mostly noise: raise its threshold, or switch it off" if one.mostly_noise else ""
        print(f"{one.model} {one.monitor}: {one.useful} useful, {one.noise} noise{note}")
    return 0


def _record(args: argparse.Namespace, who: str) -> None:
    with writing(args) as store:
        try:
            feedback.give(store, args.incident, args.opinion, actor=who, now=instants.now(), comment=args.comment)
        except ValueError as error:
            raise CommandError(str(error)) from error
