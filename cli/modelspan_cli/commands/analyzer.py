"""`modelspan analyzer run|once`: the monitors as a service of their own, or one look for a CronJob or a DAG."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.events import endpoint
from modelspan_analyzer.exposition_otlp import start_otlp
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.app import build_alone, operations_alone
from modelspan_analyzer.web.config import WebConfig
from modelspan_analyzer.web.port import OfBound, web_server
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, writing
from modelspan_cli.web_options import add_access_options, web_config
from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.forward.destination import DestinationError
from modelspan_collector.leaving import told_to_end
from modelspan_collector.running import LOOPBACK, WEB_PORT, web_address
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="look for due windows on schedule until stopped")
    running.add_argument("--metrics-host", default=LOOPBACK, help="address of pages, /metrics (default: %(default)s)")
    running.add_argument("--metrics-port", type=int, default=WEB_PORT, help="port of them (default: %(default)s)")
    web = running.add_argument_group("pages and HTTP interface; beyond loopback only with tokens and TLS")
    web.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="host name under which the port is reached"
    )
    add_access_options(web)
    once = verbs.add_parser("once", help="run every due window, the missed ones included, and end")
    once.add_argument("--json", action="store_true", help="print one JSON object")
    for verb in (running, once):
        verb.add_argument("--monitors", type=Path, metavar="FILE", help="monitors.yaml (default: built-in monitors)")
        add_data_argument(verb)


def run(args: argparse.Namespace) -> int:
    """Run on schedule, or once."""
    try:
        config = load(args.monitors) if args.monitors else MonitorsConfig()
        endpoint(config.alerts.events)  # of the environment, perhaps: refused before anything runs
    except (ConfigError, DestinationError) as error:
        raise CommandError(str(error)) from error
    with writing(args) as store:
        return _once(store, config, args) if args.verb == "once" else _serve(store, config, args)


def _once(store: Store, config: MonitorsConfig, args: argparse.Namespace) -> int:
    at_once = config.model_copy(update={"alerts": config.alerts.model_copy(update={"hold": timedelta()})})
    responder = Responder(store, at_once)
    results = Runner(store, config, respond=responder).once()
    responder.push(instants.now())  # where no window was due, too: an open incident must be sent again and again
    responder.send_events()
    failed = Reporter(store, config).once()
    windows = sorted({(result.model, result.version, result.window.start, result.window.end) for result in results})
    verdicts = Counter(result.verdict.value for result in results)
    if args.json:
        json.dump({"windows": len(windows), "results": len(results), "verdicts": verdicts}, sys.stdout)
        print()
    else:
        print(f"{len(windows)} windows, {len(results)} results: {_counted(verdicts)}")
        for result in _alarms(results):
            about = " ".join(part for part in (result.signal, result.metric, result.feature, result.segment) if part)
            print(f"{result.model} {result.version} {result.window.start:%Y-%m-%d %H:%M} {about}: {result.reason}")
        if failed:
            print(f"{failed} reports could not be delivered: see the log, and `modelspan audit`")
    return 0


def _serve(store: Store, config: MonitorsConfig, args: argparse.Namespace) -> int:
    wait = told_to_end()
    bound = OfBound(store, lambda other: build_alone(other, config))
    web = web_config(args, args.metrics_host)
    server = _served(store, config, args, web, bound)
    server.start()
    exported = start_otlp(store)
    responder = Responder(store, config)
    runner = Runner(store, config, respond=responder)
    runner.start()
    responder.start()
    reporter = Reporter(store, config)
    reporter.start()
    address = web_address(args.metrics_host, server.port, tls=web.tls is not None)
    where = f"metrics at {address}/metrics" if web.unsafe else f"pages at {address}/, metrics at {address}/metrics"
    print(f"analyzing; {where}", file=sys.stderr, flush=True)
    try:
        wait()
    finally:
        runner.stop()
        responder.stop()
        reporter.stop()
        if exported is not None:
            exported.shutdown()
        server.stop()
        bound.close()
    return 0


def _served(
    store: Store, config: MonitorsConfig, args: argparse.Namespace, web: WebConfig, bound: OfBound
) -> AsgiServer:
    """The port: where others reach it without tokens and TLS, metrics and health alone."""

    def application(desk: Desk | None) -> Starlette:
        return Starlette(routes=operations_alone(store, config)) if web.unsafe else build_alone(store, config, desk)

    try:
        open_to_all = replace(web, insecure=web.insecure or web.unsafe)
        return web_server(open_to_all, args.metrics_port, application, bound, hosts=tuple(args.allow_host))
    except (OSError, TokenFileError) as error:
        raise CommandError(
            f"cannot serve on {args.metrics_host}:{args.metrics_port}: {error}", hint="give --metrics-port"
        ) from error


def _alarms(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.verdict.value == "alarm"]


def _counted(verdicts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "nothing was due"
