"""`modelspan alerts rules|test|push`: the Prometheus rule file, its unit tests, and Alertmanager without Prometheus."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from modelspan_analyzer import instants
from modelspan_analyzer.alerts import Owned, PromtoolError, PushError, alerts_of, check, push, rule_file, rule_tests
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_cli.addresses import address
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading
from modelspan_collector.address import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    writing = verbs.add_parser("rules", help="write the Prometheus rule file")
    testing = verbs.add_parser("test", help="write unit tests for it, and run them with promtool")
    testing.add_argument("--promtool", default="promtool", help="the program (default: %(default)s)")
    testing.add_argument("--write-only", action="store_true", help="print the tests instead of running them")
    pushing = verbs.add_parser("push", help="send the open incidents to an Alertmanager, once")
    pushing.add_argument("urls", type=address, nargs="*", metavar="URL|@FILE", help="default: those of monitors.yaml")
    add_data_argument(pushing)
    for verb in (writing, testing, pushing):
        verb.add_argument("--config", type=Path, metavar="FILE", help="monitors.yaml (default: the built-in settings)")
    writing.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")


def run(args: argparse.Namespace) -> int:
    """Run the verb."""
    try:
        config = load(args.config) if args.config else MonitorsConfig()
    except ConfigError as error:
        raise CommandError(str(error)) from error
    if args.verb == "rules":
        return _rules(args, config)
    return _test(args, config) if args.verb == "test" else _push(args, config)


def _rules(args: argparse.Namespace, config: MonitorsConfig) -> int:
    text = rule_file(config.alerts)
    if args.output is None:
        print(text, end="")
    else:
        args.output.write_text(text, encoding="utf-8")
        print(f"wrote {args.output}", file=sys.stderr)
    return 0


def _test(args: argparse.Namespace, config: MonitorsConfig) -> int:
    if args.write_only:
        print(rule_tests(config.alerts, _owned(config)), end="")
        return 0
    try:
        print(check(config.alerts, _owned(config), args.promtool))
    except PromtoolError as error:
        raise CommandError(str(error)) from error
    return 0


def _owned(config: MonitorsConfig) -> list[Owned]:
    return [
        Owned(entry.model, entry.version or "", config.for_model(entry.model, entry.version).incidents.owner)
        for entry in config.models
    ]


def _push(args: argparse.Namespace, config: MonitorsConfig) -> int:
    urls = args.urls or config.alerts.alertmanagers
    if not urls:
        raise CommandError("there is no Alertmanager to push to", hint="name its address, or set alerts.alertmanagers")
    with reading(args) as store:
        incidents, database = load_open(store), store.database
    until = instants.now() + 4 * config.alerts.resend
    alerts = [alert for one in incidents for alert in alerts_of(one, config.alerts, until, database).values()]
    try:
        for url in urls:
            push(url, alerts)
    except PushError as error:
        raise CommandError(str(error)) from error
    if not incidents:
        print(f"no incident is open, so nothing was pushed; {', '.join(map(shown, urls))} would have taken it")
        return 0
    print(f"pushed {len(incidents)} open incidents to {', '.join(map(shown, urls))}")
    return 0
