"""`modelspan forget`: erase a person everywhere, and prove it."""

from __future__ import annotations

import argparse
import sys

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.forget import Forgotten, forget
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.instance import COLLECTOR_FOLDER
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, ask_owner, running, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the person is named."""
    parser.add_argument("--prediction-id", action="append", default=[], metavar="ID", help="may be given repeatedly")
    parser.add_argument(
        "--tag", default="", metavar="NAME=VALUE", help="all predictions with this tag, as subject=4711"
    )
    parser.add_argument("--actor", default="", help="who asks, for the audit log (default: the user)")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Erase, and say what went; exit status 1 where a trace is left."""
    name, _, value = args.tag.partition("=")
    try:
        subject = Subject(frozenset(args.prediction_id), name, value)
    except ValueError as error:
        raise CommandError(str(error)) from error
    done = _forget(args, subject)
    for table, rows in done.rows.items():
        print(f"{table}\t{rows} rows")
    print(f"log segments and dead letters\t{done.records} records")
    print(f"sketches\t{done.sketched_days} days rebuilt")
    for place in done.left:
        print(f"still found in {place}; run the command again", file=sys.stderr)
    return 1 if done.left else 0


def _forget(args: argparse.Namespace, subject: Subject) -> Forgotten:
    """In the running instance, where there is one: it holds its collector still meanwhile."""
    instance = running(args)
    if instance is not None and not args.store:
        asked = {"prediction_ids": sorted(subject.prediction_ids), "tag": subject.tag, "value": subject.value}
        return Forgotten(**ask_owner(instance, "/api/forget", {**asked, "actor": args.actor or audit.user()}))
    inside = args.data / COLLECTOR_FOLDER  # of an instance; `modelspan collector run` has the folder for itself
    collector = next((folder for folder in (inside, args.data) if folder.is_dir()), None)
    with writing(args) as store:
        return forget(store, subject, collector, actor=args.actor)
