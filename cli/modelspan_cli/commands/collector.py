"""`modelspan collector`: run a collector alone, or try its dead letters again."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from starlette.applications import Starlette

from modelspan_cli.addresses import add_store, address
from modelspan_cli.collector_options import add_collector_options, collector_config
from modelspan_cli.errors import CommandError
from modelspan_collector.access.logs import log_json
from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.forward.destination import DestinationError, parse
from modelspan_collector.lean import keep_pandas_out
from modelspan_collector.leaving import leave, told_to_end
from modelspan_collector.operations import operations_routes
from modelspan_collector.origins import Allowed
from modelspan_collector.running import LOOPBACK, web_address
from modelspan_collector.self_metrics import SelfMetrics
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector, UnsafeListenError
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect
from modelspan_collector.store.errors import StoreError
from modelspan_collector.wal.dead import list_broken, list_dead, retry

WEB_PORT = 8601
"""Beside the 8600 of `modelspan up` and `modelspan analyzer run`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's sub-commands and options."""
    actions = parser.add_subparsers(dest="action", required=True)
    run_parser = actions.add_parser("run", help="take OTLP until interrupted")
    add_store(run_parser, "chdb:///absolute/path or clickhouse://user:password@host:port", required=True)
    run_parser.add_argument("--database", default="modelspan")
    run_parser.add_argument("--data", type=Path, required=True, help="folder of the write-ahead log and dead letters")
    run_parser.add_argument(
        "--web-port",
        type=int,
        default=WEB_PORT,
        help="/metrics, /healthz and /readyz (default: %(default)s; 0: a free one)",
    )
    run_parser.add_argument(
        "--web-host", default=LOOPBACK, help="address of them, which ask nobody for a token (default: %(default)s)"
    )
    run_parser.add_argument(
        "--self-metrics",
        type=address,
        metavar="URL|@FILE",
        help="send the collector's own metrics over OTLP too: grpc://host:4317",
    )
    add_collector_options(run_parser)
    retry_parser = actions.add_parser(
        "retry", help="put dead letters back into the log; a running collector takes them up"
    )
    retry_parser.add_argument("--data", type=Path, required=True)
    dead_parser = actions.add_parser("dead", help="list dead letters with their reasons, and what is damaged")
    dead_parser.add_argument("--data", type=Path, required=True)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    if args.action == "retry":
        print(f"{retry(args.data)} dead letters go back into the log")
        return 0
    if args.action == "dead":
        for letter in list_dead(args.data):
            print(f"{letter.path}\t{letter.reason}")
        for path in list_broken(args.data):
            print(f"{path}\tthe disk damaged these bytes of the log: they cannot be read any more, remove the file")
        return 0
    return _run_collector(args)


def _run_collector(args: argparse.Namespace) -> int:
    log_json(logging.INFO)
    keep_pandas_out()
    try:
        store = connect(args.store, args.database)
        schema.apply(store)
        config = collector_config(args, args.data)
        collector = Collector(store, config)
        routes = operations_routes([collector.registry], collector.health)
        web = AsgiServer(
            Starlette(routes=routes), args.web_host, args.web_port, name="web", allowed=Allowed(config.hosts)
        )
        own = SelfMetrics(collector.registry, parse(args.self_metrics)) if args.self_metrics else None
    except (StoreError, OSError, TokenFileError, UnsafeListenError, DestinationError) as error:
        raise CommandError(str(error)) from error
    wait = told_to_end()
    collector.start()
    web.start()
    if own is not None:
        own.start()
    print(
        f"OTLP/gRPC {args.host}:{collector.grpc_port}  OTLP/HTTP {args.host}:{collector.http_port}  "
        f"metrics {web_address(args.web_host, web.port, tls=False)}/metrics",
        flush=True,
    )
    wait()

    def stop() -> None:
        if own is not None:
            own.stop()
        collector.stop()
        web.stop()
        store.close()

    leave(stop)
