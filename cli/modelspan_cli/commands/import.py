# ruff: noqa: N999 - the command is called so
"""`modelspan import`: predictions that others captured, into a data folder or beside the instance that runs on it."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
    OTEL_EXPORTER_OTLP_CLIENT_KEY,
    OTEL_EXPORTER_OTLP_HEADERS,
)
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from modelspan_analyzer.captures.lines import files_of
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.import_capture import Imported, Target, import_batches
from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_analyzer.replay.send import SendError, given_headers
from modelspan_cli.addresses import add_store
from modelspan_cli.capture_options import add_columns, options
from modelspan_cli.console import console
from modelspan_cli.errors import CommandError
from modelspan_cli.file_options import add_hints, hints, names, place, say
from modelspan_cli.reach import DEFAULT_DATA, reading, running, trust
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.config import CollectorConfig
from modelspan_collector.otlp.errors import UnauthenticatedError
from modelspan_collector.running import COLLECTOR_FOLDER, LOOPBACK, Running
from modelspan_collector.store.connect import DEFAULT_DATABASE
from modelspan_collector.store.errors import StoreError

EXIT_LEFT_OUT = 3
"""Something was imported, and something was left out."""
STORE_SECONDS = 900.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    listed = "; ".join(f"{name}: {each.words}" for name, each in FORMATS.items())
    parser.add_argument("format", choices=FORMATS, metavar="FORMAT", help=listed)
    parser.add_argument("paths", nargs="+", type=place, metavar="PATH", help="files, or folders of them")
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", help="default: what the capture says of each prediction, if anything")
    add_columns(parser)
    parser.add_argument(
        "--prediction", metavar="COL", help="the output that is the prediction, where there are several"
    )
    parser.add_argument("--score", metavar="COL", help="the output that is the score behind it")
    parser.add_argument("--features", type=names, default=(), metavar="a,b,...", help="default: all inputs")
    parser.add_argument(
        "--segments", type=names, default=(), metavar="a,b,...", help="inputs to slice by, kept as tags"
    )
    add_hints(parser, times=False)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the instance (default: %(default)s)")
    add_store(parser, "a ClickHouse server instead")
    words = "of the tenant whose token OTEL_EXPORTER_OTLP_HEADERS has (default: the token's own)"
    parser.add_argument("--database", default="", help=words)


def run(args: argparse.Namespace) -> int:
    """Import, and say what was added and what was left out."""
    misfits, chosen = Misfits(), FORMATS[args.format]
    roles = Roles(args.prediction, args.score, segments=args.segments, features=args.features)
    try:
        total = sum(file.stat().st_size for file in files_of(args.paths))
        with _target(args) as target, _progress() as bar:
            task = bar.add_task("", total=total)
            batches = chosen.read(args.paths, options(args), misfits)
            done = import_batches(
                target, batches, roles, hints(args), misfits, lambda size: bar.update(task, completed=min(size, total))
            )
    except (FileError, StoreError, SendError, OSError) as error:
        raise CommandError(str(error)) from error
    say(misfits.told())
    print(_summary(args, done, misfits))
    if not (done.added or done.known or done.labels):
        raise CommandError(f"nothing of it could be imported as {args.format}")
    return EXIT_LEFT_OUT if misfits else 0


def _summary(args: argparse.Namespace, done: Imported, misfits: Misfits) -> str:
    parts = [f"{done.added:,} predictions of {args.model} imported"]
    if done.known:
        parts.append(f"{done.known:,} were there already")
    if done.repeated:
        parts.append(f"{done.repeated:,} came twice")
    if done.labels:
        parts.append(f"{done.labels:,} labels")
    if misfits:
        rest = f", and all that follows in {misfits.files:,} files" if misfits.files else ""
        parts.append(f"left out: {misfits.lines:,} lines or events and {misfits.cells:,} cells{rest}")
    return "; ".join(parts)


@contextmanager
def _target(args: argparse.Namespace) -> Iterator[Target]:
    """The running instance, or one of our own while the import lasts."""
    owner = running(args)
    if owner is not None and not args.store:
        database = args.database or _database_of_token(owner)
        with reading(argparse.Namespace(data=args.data, store="", database=database)) as store:
            yield Target(store, owner.otlp_url, args.model, args.version, _trusted(owner))
        print(f"the instance (process {owner.pid}) brings them into its tables within seconds", file=sys.stderr)
        return
    if args.database not in ("", DEFAULT_DATABASE):
        raise CommandError(
            "a tenant's database is filled through a running instance alone, by the tenant's token",
            hint="start `modelspan up --tokens FILE` on the folder first",
        )
    collector = CollectorConfig(args.data / COLLECTOR_FOLDER, grpc_port=0, http_port=0)
    instance = Instance(
        InstanceConfig(args.data, dsn=args.store, collector=collector, sql_port=0, web_port=0, analyze=False)
    )
    instance.start()
    try:
        instance.collector.flush(STORE_SECONDS)  # what an import that was broken off has left in the log
        url = f"http://{LOOPBACK}:{instance.ports.http}"
        yield Target(instance.store, url, args.model, args.version)
        instance.collector.flush(STORE_SECONDS)
    finally:
        instance.stop()


def _database_of_token(owner: Running) -> str:
    """Where the rows go that are sent with the token of the environment.

    Raises:
        CommandError: the collector would not take it.
    """
    if not owner.tokens:
        return DEFAULT_DATABASE
    try:
        return Tokens(Path(owner.tokens)).tenant(given_headers().get("authorization", "")).database or DEFAULT_DATABASE
    except UnauthenticatedError as error:
        hint = f"{OTEL_EXPORTER_OTLP_HEADERS}=authorization=Bearer%20TOKEN has it sent"
        raise CommandError(str(error), hint=hint) from error


def _trusted(owner: Running) -> ssl.SSLContext | None:
    """The collector's own certificate, and what the environment shows it in turn; None without TLS."""
    context = trust(owner.otlp_certificate)
    if context is not None and (shown := os.environ.get(OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE)):
        context.load_cert_chain(shown, os.environ.get(OTEL_EXPORTER_OTLP_CLIENT_KEY))
    return context


def _progress() -> Progress:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console(stderr=True), transient=True)
