"""`modelspan collector`: run a collector alone, or try its dead letters again."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from modelspan_cli.collector_options import add_collector_options, collector_config
from modelspan_cli.errors import CommandError
from modelspan_collector.access.logs import log_json
from modelspan_collector.access.tokens import TokenFileError
from modelspan_collector.log.dead import list_dead, retry
from modelspan_collector.service import Collector, UnsafeListenError
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's sub-commands and options."""
    actions = parser.add_subparsers(dest="action", required=True)
    run_parser = actions.add_parser("run", help="take OTLP until interrupted")
    run_parser.add_argument(
        "--store", required=True, help="chdb:///absolute/path or clickhouse://user:password@host:port"
    )
    run_parser.add_argument("--database", default="modelspan")
    run_parser.add_argument("--data", type=Path, required=True, help="folder of the write-ahead log and dead letters")
    add_collector_options(run_parser)
    retry_parser = actions.add_parser(
        "retry", help="put dead letters back into the log; a running collector takes them up"
    )
    retry_parser.add_argument("--data", type=Path, required=True)
    dead_parser = actions.add_parser("dead", help="list dead letters with their reasons")
    dead_parser.add_argument("--data", type=Path, required=True)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    if args.action == "retry":
        print(f"{retry(args.data)} dead letters go back into the log")
        return 0
    if args.action == "dead":
        for letter in list_dead(args.data):
            print(f"{letter.path}\t{letter.reason}")
        return 0
    return _run_collector(args)


def _run_collector(args: argparse.Namespace) -> int:
    log_json(logging.INFO)
    try:
        store = connect(args.store, args.database)
        schema.apply(store)
        collector = Collector(store, collector_config(args, args.data))
    except (StoreError, OSError, TokenFileError, UnsafeListenError) as error:
        raise CommandError(str(error)) from error
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    collector.start()
    print(f"OTLP/gRPC {args.host}:{collector.grpc_port}  OTLP/HTTP {args.host}:{collector.http_port}", flush=True)
    stopping.wait()
    collector.stop()
    store.close()
    return 0
