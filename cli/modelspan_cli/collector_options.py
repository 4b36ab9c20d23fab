"""The options of a collector, shared by the commands that run one."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelspan_cli.addresses import FORWARD_VARIABLE, address, forwards
from modelspan_cli.errors import CommandError
from modelspan_collector.access.rules import Redaction, RedactionError
from modelspan_collector.access.tls import Tls
from modelspan_collector.config import CollectorConfig
from modelspan_collector.forward.destination import DestinationError, parse


def add_collector_options(parser: argparse.ArgumentParser) -> None:
    """Declare where it listens, whom it lets in, and what it keeps and forwards."""
    listen = parser.add_argument_group("listening")
    listen.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    listen.add_argument("--grpc-port", type=int, default=4317, help="OTLP/gRPC (default: %(default)s; 0: a free one)")
    listen.add_argument("--http-port", type=int, default=4318, help="OTLP/HTTP (default: %(default)s)")
    access = parser.add_argument_group("access")
    access.add_argument("--insecure", action="store_true", help="listen beyond loopback without TLS and tokens")
    access.add_argument("--tls-certificate", type=Path)
    access.add_argument("--tls-key", type=Path)
    access.add_argument("--tls-clients", type=Path, help="authority of client certificates (mutual TLS)")
    access.add_argument("--tokens", type=Path, help="file of bearer tokens, read again when it changes")
    access.add_argument(
        "--cors", action="append", default=[], metavar="ORIGIN", help="origin of browsers that may send"
    )
    access.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="host name under which the ports are reached"
    )
    redact = parser.add_argument_group("redaction, before anything is written")
    redact.add_argument("--drop", action="append", default=[], metavar="PATTERN", help="attributes or features to drop")
    redact.add_argument("--hash", action="append", default=[], metavar="PATTERN", help="attributes or features to hash")
    redact.add_argument("--mask", action="append", default=[], metavar="REGEX", help="text to replace by ***")
    redact.add_argument("--hash-key", type=Path, help="file with the key of the hashes")
    redact.add_argument("--allow", action="append", default=[], metavar="PATTERN", help="keep only these")
    keep = parser.add_argument_group("keeping and forwarding")
    keep.add_argument(
        "--forward",
        type=address,
        action="append",
        default=[],
        metavar="URL|@FILE",
        help=f"grpc://tempo:4317?ratio=0.1; header.NAME=@FILE keeps a key out of ps, as {FORWARD_VARIABLE} does",
    )
    keep.add_argument("--no-fsync", action="store_true", help="answer before the disk has the bytes")
    keep.add_argument("--log-budget", type=int, default=4 << 30, metavar="BYTES", help="disk for the log of one signal")


def collector_config(args: argparse.Namespace, data: Path) -> CollectorConfig:
    """The configuration that the options say.

    Raises:
        CommandError: options contradict each other, or a destination cannot be read.
    """
    if bool(args.tls_certificate) != bool(args.tls_key):
        raise CommandError("--tls-certificate and --tls-key belong together", hint="give both or neither")
    if args.tls_clients and not args.tls_certificate:
        raise CommandError(
            "--tls-clients asks senders for certificates, which needs TLS", hint="add --tls-certificate and --tls-key"
        )
    for file in filter(None, (args.tls_certificate, args.tls_key, args.tls_clients)):
        if not file.is_file():
            raise CommandError(f"there is no file {file}, which an option of TLS names")
    tls = Tls(args.tls_certificate, args.tls_key, args.tls_clients) if args.tls_certificate else None
    try:
        key = args.hash_key.read_bytes().strip() if args.hash_key else b""
        forward = tuple(parse(url) for url in forwards(args.forward))
        redaction = Redaction(tuple(args.drop), tuple(args.hash), tuple(args.allow), tuple(args.mask), key)
    except (argparse.ArgumentTypeError, DestinationError, RedactionError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot read --hash-key {args.hash_key}: {error.strerror or error}") from error
    return CollectorConfig(
        data=data,
        host=args.host,
        grpc_port=args.grpc_port,
        http_port=args.http_port,
        insecure=args.insecure,
        tls=tls,
        tokens=args.tokens,
        cors_origins=tuple(args.cors),
        hosts=tuple(args.allow_host),
        forward=forward,
        redaction=redaction,
        fsync=not args.no_fsync,
        log_budget_bytes=args.log_budget,
    )
