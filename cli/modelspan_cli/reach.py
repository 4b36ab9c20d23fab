"""How a command reaches the data: through the instance that owns the folder, or on the folder itself."""

from __future__ import annotations

import argparse
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as parquet
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.governance.databases import databases
from modelspan_analyzer.reading.names import brief
from modelspan_cli.addresses import add_store
from modelspan_cli.errors import CommandError
from modelspan_cli.known import need_names
from modelspan_collector.running import Running, embedded_dsn, find_running
from modelspan_collector.store import schema
from modelspan_collector.store.connect import DEFAULT_DATABASE, Store, connect
from modelspan_collector.store.errors import StoreError

DEFAULT_DATA = Path(os.environ.get("MODELSPAN_DATA", "modelspan-data"))


def add_data_argument(parser: argparse.ArgumentParser, *, database: str = DEFAULT_DATABASE) -> None:
    """Declare `--data`, `--store` and `--database` as every command that reads the store has them."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the instance (default: %(default)s)")
    add_store(parser, "a ClickHouse server instead")
    default = database or "all of the store"
    parser.add_argument("--database", default=database, help=f"a tenant's own (default: {default})")


def running(args: argparse.Namespace) -> Running | None:
    """The instance that owns the folder, if one runs."""
    return find_running(args.data)


def ask_owner(instance: Running, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Have a running instance do what only its owner may ask for; returns its answer, however long it takes.

    Raises:
        CommandError: it refuses, or fails.
    """
    headers = {"Content-Type": "application/json", **_as_owner(instance)}
    url, body = f"{instance.web_url}{path}", json.dumps(asked).encode()
    return _answer(instance, urllib.request.Request(url, data=body, headers=headers, method="POST"))  # noqa: S310


def act(args: argparse.Namespace, path: str, given: Mapping[str, Any]) -> bool:
    """Have the instance that owns the store act on what is in its own database; False where none runs on it.

    Raises:
        CommandError: it refuses, or another database is meant.
    """
    instance = running(args)
    if instance is None or args.store:
        return False
    if args.database != DEFAULT_DATABASE:
        raise CommandError(
            "through the running instance, a command acts on its own database alone",
            hint=f"use a token of that tenant over HTTP, or stop it first, to act in {args.database!r}",
        )
    ask_owner(instance, path, given)
    return True


def get_json(instance: Running, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """What a running instance answers to a question that anybody may ask of it.

    Raises:
        CommandError: it refuses, or fails.
    """
    url = f"{instance.web_url}{path}?{urlencode(asked)}"
    return _answer(instance, urllib.request.Request(url, headers=_as_owner(instance)))  # noqa: S310


def _as_owner(instance: Running) -> dict[str, str]:
    """Proof that a command is the owner's, who could read the note: no token is needed beside it."""
    return {"Authorization": f"Bearer {instance.secret}"} if instance.secret else {}


def trust(certificate: str) -> ssl.SSLContext | None:
    """The very certificate that the note names, whoever signed it and whatever name is in it; None without TLS."""
    if not certificate:
        return None
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _answer(instance: Running, request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, context=trust(instance.web_certificate)) as response:  # noqa: S310 - the running instance's own URL
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        try:
            why = json.load(error)["error"]
        except (ValueError, KeyError):
            why = str(error)
        raise CommandError(f"the running instance says: {why}") from error
    except OSError as error:
        raise CommandError(f"the running instance does not answer at {instance.web_url}: {error}") from error


def need_store(args: argparse.Namespace) -> None:
    """Refuse a folder without a store.

    Raises:
        CommandError: there is none; a typing error in `--data` must not make one.
    """
    if not (args.data / "store").is_dir():
        raise CommandError(
            f"there is no modelspan data in {str(args.data)!r}, and no instance runs on it",
            hint=f"start one with `modelspan up --data {args.data}`, or name its folder with --data",
        )


def post_table(instance: Running, path: str, asked: Sequence[tuple[str, str]], rows: pa.Table) -> dict[str, Any]:
    """Have a running instance take a table, as Parquet; returns its answer.

    Raises:
        CommandError: it refuses, or fails.
    """
    sink = BytesIO()
    parquet.write_table(rows, sink, compression="zstd")
    return post(instance, path, asked, sink.getvalue(), "application/vnd.apache.parquet")


def post(instance: Running, path: str, asked: Sequence[tuple[str, str]], body: bytes, kind: str) -> dict[str, Any]:
    """Post a body to a running instance; empty values are not asked.

    Raises:
        CommandError: it refuses, or fails.
    """
    query = urlencode([(name, value) for name, value in asked if value])
    request = urllib.request.Request(  # noqa: S310 - the running instance's own URL
        f"{instance.web_url}{path}?{query}",
        data=body,
        headers={"Content-Type": kind, **_as_owner(instance)},
        method="POST",
    )
    return _answer(instance, request)


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[Store]:
    """A store to query: the given server, the running instance's SQL endpoint, or the folder's own engine."""
    instance = running(args)
    if not args.store and instance is None:
        need_store(args)
    dsn = args.store or (instance.sql_dsn if instance else embedded_dsn(args.data))
    try:
        first = connect(dsn, "default") if args.store or instance is None else Store(dsn, "default")
        _need_database(first, args.database)
        store = Store(dsn, args.database, anchor=first.client())
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        need_names(store, args)
        yield store
    except DriverError as error:
        raise CommandError(f"the store cannot answer: {str(error).splitlines()[0]}") from error
    finally:
        store.close()
        first.close()


def _need_database(store: Store, wanted: str) -> None:
    present = databases(store)
    if wanted not in present:
        raise CommandError(
            f"there is no database {brief(wanted)!r} with modelspan's tables in this store",
            hint=f"with --database, name one of: {', '.join(present)}" if present else "nothing was ever sent to it",
        )


@contextmanager
def writing(args: argparse.Namespace) -> Iterator[Store]:
    """A store to change: a server, or the folder's own engine while no instance runs on it."""
    if running(args) is not None and not args.store:
        raise CommandError(
            f"an instance runs on {str(args.data)!r} and owns its store",
            hint="use its HTTP interface, or stop it first",
        )
    try:
        store = connect(args.store or embedded_dsn(args.data), args.database)
        schema.apply(store)
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        need_names(store, args)
        yield store
    finally:
        store.close()
