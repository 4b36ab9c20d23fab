"""`modelspan up`: everything in one process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from modelspan_cli.addresses import add_store
from modelspan_cli.collector_options import add_collector_options, collector_config
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import DEFAULT_DATA
from modelspan_cli.web_options import add_web_options, web_config
from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.leaving import leave, told_to_end
from modelspan_collector.ports import need_free
from modelspan_collector.running import COLLECTOR_FOLDER, LOOPBACK, SQL_PORT, WEB_PORT, Ports, find_running, web_address
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="folder of store and log (default: %(default)s)"
    )
    add_store(parser, "a ClickHouse server instead of the embedded store")
    parser.add_argument("--disk-budget", type=float, default=0, metavar="GB", help="drop the oldest rows beyond it")
    parser.add_argument("--monitors", type=Path, metavar="FILE", help="monitors.yaml (default: built-in monitors)")
    parser.add_argument(
        "--sql-port", type=int, default=SQL_PORT, help="ClickHouse HTTP, loopback (default: %(default)s)"
    )
    parser.add_argument("--web-port", type=int, default=WEB_PORT, help="pages, /api, /metrics (default: %(default)s)")
    add_web_options(parser)
    add_collector_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT, then flush everything."""
    _look_before(args)
    from modelspan_analyzer.instance import Instance, InstanceConfig  # seconds of imports: not for what is refused

    wait = told_to_end()
    config = InstanceConfig(
        data=args.data,
        dsn=args.store,
        collector=collector_config(args, args.data / COLLECTOR_FOLDER),
        sql_port=args.sql_port,
        web_port=args.web_port,
        web=web_config(args, args.web_host),
        disk_budget=int(args.disk_budget * 1e9),
        monitors=args.monitors,
    )
    try:
        instance = Instance(config)
        instance.start()
    except (OSError, StoreError, TokenFileError, ValueError) as error:
        raise CommandError(str(error)) from error
    scheme = "https" if args.tls_certificate else "http"
    web = web_address(args.web_host, instance.ports.web, tls=config.web.tls is not None)
    print(_banner(scheme, args.host, instance.ports, web, args.data), file=sys.stderr, flush=True)
    wait()
    print("stopping: flushing what was acknowledged ...", file=sys.stderr, flush=True)
    leave(instance.stop)


def _look_before(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is made or read for it.

    Raises:
        CommandError: somebody has the folder or a port.
    """
    if (owner := find_running(args.data)) is not None:
        raise CommandError(
            f"process {owner.pid} already runs on {str(args.data)!r}", hint="stop it first, or give another --data"
        )
    own = [(args.web_host, args.web_port), *([] if args.store else [(LOOPBACK, args.sql_port)])]
    try:
        for host, port in (*own, (args.host, args.grpc_port), (args.host, args.http_port)):
            need_free(host, port)
    except OSError as error:
        raise CommandError(str(error)) from error


def _banner(scheme: str, host: str, ports: Ports, web: str, data: Path) -> str:
    lines = [
        "modelspan is up",
        f"  OTLP/gRPC        {host}:{ports.grpc}",
        f"  OTLP/HTTP        {scheme}://{host}:{ports.http}",
        f"  ClickHouse HTTP  http://{LOOPBACK}:{ports.sql}" if ports.sql else "",
        f"  pages            {web}/",
        f"  metrics, health  {web}/metrics",
        f"  data             {data}",
        f"  query it with    modelspan sql --data {data} 'SHOW TABLES'",
    ]
    return "\n".join(line for line in lines if line)
