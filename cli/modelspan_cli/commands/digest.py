"""`modelspan digest [--owner TEAM | --project P]`: a week of a team, as one short document over all its models."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from modelspan_analyzer.governance.notice import noticed_owners
from modelspan_analyzer.monitors_yaml import ConfigError, load
from modelspan_analyzer.reports.schema import json_schema
from modelspan_analyzer.views.digest import OWNER, PROJECT, Digest, read
from modelspan_analyzer.views.view import NotThereError
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.report_file import add_output, hand_out
from modelspan_cli.shown import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    team = parser.add_mutually_exclusive_group()
    team.add_argument("--owner", help="models of this owner; '' for those of nobody; default: all models")
    team.add_argument("--project", help="models of this project; '' for those of none")
    parser.add_argument("--since", default="", metavar="TIME", help="such as 30d, or 2026-01-31; default: 7d")
    parser.add_argument("--until", default="", metavar="TIME", help="default: now, with the hour that runs")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the monitors.yaml, which may name owners too")
    add_output(parser, json_schema(Digest))
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the digest, or print it."""
    hand_out(_read(args), args.output, "digest")
    return 0


def _read(args: argparse.Namespace) -> Digest:
    times = {"since": args.since, "until": args.until}
    team: dict[str, str] = {by: name for by, name in ((OWNER, args.owner), (PROJECT, args.project)) if name is not None}
    try:
        told = load(args.config) if args.config else None
        with reading(args) as store:
            config = told or noticed_owners(store)
            return as_shown(args, store, read(store, {**team, **times}, config, datetime.now(UTC)))
    except (ConfigError, ValueError, NotThereError) as error:
        raise CommandError(str(error)) from error
