"""`modelspan forget`: erase a person everywhere, and prove it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from modelspan_analyzer.governance.forget import Forgotten, forget
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.people import user
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, ask_owner, need_store, running, writing
from modelspan_collector.running import COLLECTOR_FOLDER
from modelspan_collector.store.connect import DEFAULT_DATABASE
from modelspan_collector.wal.erase import CollectorFiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the person is named."""
    parser.add_argument("--prediction-id", action="append", default=[], metavar="ID", help="may be given repeatedly")
    parser.add_argument(
        "--tag", default="", metavar="NAME=VALUE", help="all predictions with this tag, as subject=4711"
    )
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--tenant", default="", metavar="NAME", help="whose, where several use the id or the tag")
    whose.add_argument("--all-tenants", action="store_true", help="the id or the tag of every tenant that uses it")
    parser.add_argument("--actor", default="", help="who asks, for the audit log (default: the user)")
    add_data_argument(parser, database="")


def run(args: argparse.Namespace) -> int:
    """Erase, and say what went; exit status 1 where anything is left, or may be."""
    name, _, value = args.tag.partition("=")
    try:
        subject = Subject(frozenset(args.prediction_id), name, value, args.tenant, every_tenant=args.all_tenants)
        done = _forget(args, subject)
    except ValueError as error:
        raise CommandError(str(error)) from error
    for table, rows in done.rows.items():
        print(f"{table}\t{rows} rows")
    print(f"log segments and dead letters\t{done.records} records")
    print(f"sketches\t{done.sketched_days} days rebuilt")
    print(f"databases looked at\t{', '.join(done.databases)}")
    if not done.rows and not done.records:
        print("nothing was there: is the name spelt as the predictions have it?", file=sys.stderr)
    for place in done.not_covered:
        print(f"not looked at: {place}", file=sys.stderr)
    for place in done.left:
        print(f"left: {place}", file=sys.stderr)
    if done.left:
        print("what is left is not forgotten: run the command again, the names are kept until then", file=sys.stderr)
    return 1 if done.left else 0


def _forget(args: argparse.Namespace, subject: Subject) -> Forgotten:
    """In the running instance, where there is one: it holds its collector still meanwhile."""
    databases = [args.database] if args.database else []
    instance = running(args)
    if instance is not None:
        if args.store and args.store != instance.dsn:
            raise CommandError(
                f"an instance on another store runs on {str(args.data)!r}, and its files cannot be rewritten meanwhile",
                hint="name the folder of the collector that fills this store with --data, or an empty one",
            )
        asked = asdict(subject) | {"prediction_ids": sorted(subject.prediction_ids)}
        answer = ask_owner(instance, "/api/forget", {**asked, "databases": databases, "actor": args.actor or user()})
        return Forgotten(**answer)
    if not args.store:
        need_store(args)
    inside = args.data / COLLECTOR_FOLDER  # of an instance; `modelspan collector run` has the folder for itself
    collector = next((folder for folder in (inside, args.data) if folder.is_dir()), None)
    with writing(argparse.Namespace(**vars(args) | {"database": DEFAULT_DATABASE})) as store:
        return forget(store, subject, CollectorFiles(collector), databases=databases, actor=args.actor)
