"""How a command reaches the data: through the instance that owns the folder, or on the folder itself."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelspan_cli.errors import CommandError
from modelspan_collector.running import Running, embedded_dsn, find_running
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import StoreError

DEFAULT_DATA = Path(os.environ.get("MODELSPAN_DATA", "modelspan-data"))


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--data` and `--store` as every command that reads the store has them."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the instance (default: %(default)s)")
    parser.add_argument("--store", default="", metavar="DSN", help="a ClickHouse server instead")


def running(args: argparse.Namespace) -> Running | None:
    """The instance that owns the folder, if one runs."""
    return find_running(args.data)


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[Store]:
    """A store to query: the given server, the running instance's SQL endpoint, or the folder's own engine."""
    instance = running(args)
    try:
        if args.store:
            store = connect(args.store)
        elif instance is not None:
            store = Store(instance.sql_dsn)
        elif (args.data / "store").is_dir():
            store = connect(embedded_dsn(args.data))
        else:
            raise CommandError(
                f"there is no modelspan data in {str(args.data)!r}, and no instance runs on it",
                hint=f"start one with `modelspan up --data {args.data}`, or name its folder with --data",
            )
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        yield store
    finally:
        store.close()


@contextmanager
def writing(args: argparse.Namespace) -> Iterator[Store]:
    """A store to change: a server, or the folder's own engine while no instance runs on it."""
    if running(args) is not None and not args.store:
        raise CommandError(
            f"an instance runs on {str(args.data)!r} and owns its store",
            hint="use its HTTP interface, or stop it first",
        )
    try:
        store = connect(args.store or embedded_dsn(args.data))
        schema.apply(store)
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        yield store
    finally:
        store.close()
