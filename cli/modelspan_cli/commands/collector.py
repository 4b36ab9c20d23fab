"""`modelspan collector`: run a collector alone, or try its dead letters again."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from modelspan_cli.errors import CommandError
from modelspan_collector.access.logs import log_json
from modelspan_collector.access.redact import Redaction
from modelspan_collector.access.tls import Tls
from modelspan_collector.access.tokens import TokenFileError
from modelspan_collector.config import CollectorConfig
from modelspan_collector.forward.destination import DestinationError, parse
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
    run_parser.add_argument("--host", default="127.0.0.1")
    run_parser.add_argument("--grpc-port", type=int, default=4317)
    run_parser.add_argument("--http-port", type=int, default=4318)
    run_parser.add_argument("--insecure", action="store_true", help="listen beyond loopback without TLS and tokens")
    run_parser.add_argument("--tls-certificate", type=Path)
    run_parser.add_argument("--tls-key", type=Path)
    run_parser.add_argument("--tls-clients", type=Path, help="authority of client certificates (mutual TLS)")
    run_parser.add_argument("--tokens", type=Path, help="file of bearer tokens, read again when it changes")
    run_parser.add_argument(
        "--cors", action="append", default=[], metavar="ORIGIN", help="origin of browsers that may send"
    )
    run_parser.add_argument("--forward", action="append", default=[], metavar="URL", help="grpc://tempo:4317?ratio=0.1")
    run_parser.add_argument(
        "--drop", action="append", default=[], metavar="PATTERN", help="attributes or features to drop"
    )
    run_parser.add_argument(
        "--hash", action="append", default=[], metavar="PATTERN", help="attributes or features to hash"
    )
    run_parser.add_argument("--hash-key", type=Path, help="file with the key of the hashes")
    run_parser.add_argument("--allow", action="append", default=[], metavar="PATTERN", help="keep only these")
    run_parser.add_argument("--no-fsync", action="store_true", help="answer before the disk has the bytes")
    run_parser.add_argument(
        "--log-budget", type=int, default=4 << 30, metavar="BYTES", help="disk for the log of one signal"
    )
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
        collector = Collector(store, _config(args))
    except (StoreError, OSError, DestinationError, TokenFileError, UnsafeListenError) as error:
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


def _config(args: argparse.Namespace) -> CollectorConfig:
    if bool(args.tls_certificate) != bool(args.tls_key):
        raise CommandError("--tls-certificate and --tls-key belong together", hint="give both or neither")
    tls = Tls(args.tls_certificate, args.tls_key, args.tls_clients) if args.tls_certificate else None
    key = args.hash_key.read_bytes().strip() if args.hash_key else b""
    return CollectorConfig(
        data=args.data,
        host=args.host,
        grpc_port=args.grpc_port,
        http_port=args.http_port,
        insecure=args.insecure,
        tls=tls,
        tokens=args.tokens,
        cors_origins=tuple(args.cors),
        forward=tuple(parse(url) for url in args.forward),
        redaction=Redaction(tuple(args.drop), tuple(args.hash), tuple(args.allow), key),
        fsync=not args.no_fsync,
        log_budget_bytes=args.log_budget,
    )
