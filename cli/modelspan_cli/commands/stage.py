"""`modelspan stage`: in which stage versions are, whether they are approved, and deciding on it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from modelspan_analyzer import instants
from modelspan_analyzer.governance.decisions import DECISIONS, decide
from modelspan_analyzer.governance.lifecycle import Lifecycle, every_version, history_of
from modelspan_analyzer.people import user
from modelspan_analyzer.reading.names import brief, named
from modelspan_analyzer.views.stages import as_json
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import act, add_data_argument, reading, writing
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "without a decision: what is told of one version, of all versions of a model, or of all models. An approval is "
        "of the model card as it is now."
    )
    parser.add_argument("model", nargs="?", default="", help="of this model")
    parser.add_argument("version", nargs="?", default=None, help="of this version; '' came without one")
    parser.add_argument("decision", nargs="?", default="", choices=["", *DECISIONS], help="what is decided of it")
    parser.add_argument("--reason", default="", help="why; a decision needs it")
    parser.add_argument("--actor", default="", help="who decides (default: you)")
    parser.add_argument(
        "--unseen", action="store_true", help="the version is meant, though it has neither a card nor a prediction"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Say what is told, or decide."""
    if not args.decision and (args.reason or args.unseen or args.actor):
        raise CommandError(f"say what is decided: modelspan stage MODEL VERSION {'|'.join(DECISIONS)} --reason ...")
    if args.decision:
        _decide(args)
    found = _told(args)
    if args.json:
        print(json.dumps(as_json(found), indent=2))
        return 0
    if args.decision:
        (mine,) = found
        print(f"recorded: {mine.history[-1].actor} said {args.decision} of {_name(mine)}; it is {mine.words}")
        for against in mine.contradictions:
            print(f"but {against}")
        return 0
    _print(found, history=bool(args.model))
    return 0


def _decide(args: argparse.Namespace) -> None:
    """One decision, through the instance that owns the store, if one runs."""
    if not args.reason.strip():
        raise CommandError("say why: --reason ...")
    given = {name: getattr(args, name) for name in ("version", "decision", "reason", "unseen")}
    given["actor"] = args.actor or user()
    if act(args, f"/api/models/{quote(args.model, safe='')}/stages", given):
        return
    with writing(args) as store:
        try:
            decide(store, args.model, now=instants.now(), **given)
        except ValueError as error:
            raise CommandError(str(error).replace("(unseen)", "(--unseen)")) from error


def _told(args: argparse.Namespace) -> list[Lifecycle]:
    with reading(args) as store:
        try:
            found = every_version(store, instants.now(), args.model)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if args.version is not None:
            there = [one.version for one in found]
            found = [one for one in found if one.version == args.version]
            if not found:
                known = named(args.version, there, "version")
                raise CommandError(f"there is no version {brief(args.version)!r} of {args.model}; it has {known}")
        return as_shown(args, store, found)


def _print(found: Sequence[Lifecycle], *, history: bool) -> None:
    if not found:
        print("there is no model yet: nothing is known of any stage", file=sys.stderr)
        return
    table = plain_table("model", "version", "stage", "since", "by", "approval", "on", "by", "what contradicts it")
    for one in found:
        stage = (one.stage_words, _day(one.stage_since), one.stage_by)
        approval = (one.approval_words, _day(one.approval_at), one.approved_by)
        table.add_row(one.model, one.version, *stage, *approval, "; ".join(one.contradictions))
    console().print(table)
    for version, each in history_of(found) if history else ():
        print(
            f"  {each.at:%Y-%m-%d %H:%M:%S}  {version or 'no version'} {each.decision} by {each.actor}: {each.reason}"
        )


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _name(one: Lifecycle) -> str:
    return f"{one.model} {one.version}".strip()
