"""`modelspan report MODEL -o FILE`: what is on record of a model, for the file or for its owner."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from modelspan_analyzer.governance.notice import noticed_owners
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.reports.schema import json_schema
from modelspan_analyzer.views.report import Report, read
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel, KnownVersion
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.report_file import add_output, hand_out
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", type=KnownModel)
    parser.add_argument("--version", type=KnownVersion, help="default: the version that predicted last")
    parser.add_argument(
        "--since", default="", metavar="TIME", help="such as 30d, or 2026-01-31; default: newest windows"
    )
    parser.add_argument("--until", default="", metavar="TIME", help="default: now")
    parser.add_argument(
        "--summary", action="store_true", help="one page for its owner, instead of all that is on record"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the monitors.yaml that its monitors run by")
    add_output(parser, json_schema())
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the report, or print it."""
    hand_out(_read(args), args.output, "report", brief=args.summary)
    return 0


def _read(args: argparse.Namespace) -> Report:
    given = {"model": args.model, "since": args.since, "until": args.until}
    given |= {} if args.version is None else {"version": args.version}
    try:
        told = load(args.config) if args.config else None
        with reading(args) as store:
            config = told or noticed_owners(store)
            return as_shown(args, store, read(store, given, config, datetime.now(UTC)))
    except (ConfigError, ValueError) as error:
        raise CommandError(str(error)) from error
