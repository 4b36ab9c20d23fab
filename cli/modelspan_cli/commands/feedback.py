"""`modelspan feedback INCIDENT useful|noise`, and `modelspan feedback` for the counts of every monitor."""

from __future__ import annotations

import argparse
import getpass
import json
import urllib.error
import urllib.request
from dataclasses import asdict

from modelspan_analyzer import moments
from modelspan_analyzer.incidents import feedback
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading, running, writing
from modelspan_collector.running import Running


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
    instance = running(args)
    if instance and not args.store:
        _post(instance, args)
    else:
        _record(args)
    print(f"recorded: {args.incident} was {args.opinion}")
    return 0


def _count(args: argparse.Namespace) -> int:
    with reading(args) as store:
        counts = feedback.by_monitor(store)
    if args.json:
        print(json.dumps([asdict(one) | {"mostly_noise": one.mostly_noise} for one in counts], indent=2))
        return 0
    for one in counts:
        note = "  <- mostly noise: raise its threshold, or switch it off" if one.mostly_noise else ""
        print(f"{one.model} {one.monitor}: {one.useful} useful, {one.noise} noise{note}")
    return 0


def _record(args: argparse.Namespace) -> None:
    with writing(args) as store:
        try:
            who = args.actor or getpass.getuser()
            feedback.give(store, args.incident, args.opinion, actor=who, now=moments.now(), comment=args.comment)
        except ValueError as error:
            raise CommandError(str(error)) from error


def _post(instance: Running, args: argparse.Namespace) -> None:
    given = {"opinion": args.opinion, "actor": args.actor or getpass.getuser(), "comment": args.comment}
    request = urllib.request.Request(  # noqa: S310 - the running instance's own URL
        f"{instance.web_url}/api/incidents/{args.incident}/feedback",
        data=json.dumps(given).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        raise CommandError(f"the instance refused it: {json.load(error)['error']}") from error
