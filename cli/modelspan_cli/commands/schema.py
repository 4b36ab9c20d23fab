"""`modelspan schema`: print or apply the tables of a server or cluster, their retention, and per-model views."""

from __future__ import annotations

import argparse
import sys

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel
from modelspan_cli.reach import add_data_argument, reading, writing
from modelspan_collector.store import cluster, retention, schema, views
from modelspan_collector.store.connect import DEFAULT_DATABASE, Store, connect
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="print|apply|views")
    shown = actions.add_parser("print", help="write the DDL to standard output")
    applied = actions.add_parser("apply", help="make or upgrade the tables")
    for action in (shown, applied):
        action.add_argument(
            "--cluster", default="", metavar="NAME", help="for a cluster of the server's remote_servers"
        )
        action.add_argument("--replicated", action="store_true", help="replicate within each shard (ClickHouse Keeper)")
    shown.add_argument("--database", default=DEFAULT_DATABASE, help="default: %(default)s")
    applied.add_argument(
        "--ttl", action="append", default=[], metavar="TABLE=DAYS", help="keep rows of a table for so long; repeatable"
    )
    add_data_argument(applied)
    made = actions.add_parser("views", help="one view a model, one typed column a feature")
    made.add_argument("models", type=KnownModel, nargs="*", help="default: every model that has predictions")
    made.add_argument("--prefix", default="", help="put before each view's name")
    made.add_argument("--apply", action="store_true", help="make the views instead of printing them")
    add_data_argument(made)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    try:
        {"print": _print, "apply": _apply, "views": _views}[args.action](args)
    except (StoreError, ValueError, DatabaseError) as error:
        raise CommandError(str(error)) from error
    return 0


def _ddl(args: argparse.Namespace) -> list[str]:
    if not args.cluster:
        if args.replicated:
            raise CommandError("--replicated needs the name of a cluster", hint="add --cluster NAME")
        return [statement for _, statement in schema.statements()]
    return cluster.statements(cluster.Cluster(args.cluster, replicated=args.replicated), args.database)


def _print(args: argparse.Namespace) -> None:
    print(";\n\n".join(_ddl(args)) + ";")


def _apply(args: argparse.Namespace) -> None:
    wanted = dict(_retention(pair) for pair in args.ttl)
    if args.cluster:
        if not args.store:
            raise CommandError("a cluster is reached through one of its servers", hint="add --store clickhouse://...")
        store = connect(args.store, args.database)
        for statement in _ddl(args):
            store.command(statement)
        _finish(store, wanted, args.cluster)
        store.close()
        return
    with writing(args) as store:
        schema.apply(store)
        _finish(store, wanted, "")


def _finish(store: Store, wanted: dict[str, int], cluster_name: str) -> None:
    retention.set_days(store, wanted, cluster_name)
    print(f"schema version {schema.newest()} in the database {store.database}", file=sys.stderr)


def _retention(pair: str) -> tuple[str, int]:
    table, _, days = pair.partition("=")
    number = days.removesuffix("d")
    if not number.isdigit():
        raise CommandError(f"--ttl takes TABLE=DAYS, found {pair!r}", hint="for example --ttl otel_traces=7")
    return table, int(number)


def _views(args: argparse.Namespace) -> None:
    with writing(args) if args.apply else reading(args) as store:
        models = args.models or views.models(store)
        if not models:
            print(
                f"no model has predictions in the database {args.database}: there is no view to make", file=sys.stderr
            )
        for model in models:
            view = views.plan(store, model, prefix=args.prefix)
            if args.apply:
                store.command(view.statement)
                print(f"{view.name}: {len(view.features)} features of {model}", file=sys.stderr)
            else:
                print(view.statement + ";\n")
