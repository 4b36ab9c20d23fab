"""`modelspan audit`: who changed what."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import UTC, datetime, timedelta

from modelspan_analyzer.governance.audit import entries
from modelspan_cli.console import console, plain_table
from modelspan_cli.errors import CommandError
from modelspan_cli.known import KnownModel
from modelspan_cli.reach import add_data_argument, reading
from modelspan_cli.shown import as_shown

_MOST_DAYS = 20_000
_MOST_ENTRIES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the filters."""
    parser.add_argument("--model", type=KnownModel, default="", help="only this model")
    parser.add_argument("--action", default="", help="only this action, such as 'subject forgotten'")
    parser.add_argument("--days", type=float, default=30, help="how far back (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=100, help="newest entries shown (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print a JSON array")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the entries, newest first."""
    if not 0 < args.days <= _MOST_DAYS or not 0 < args.limit <= _MOST_ENTRIES:
        raise CommandError(f"--days has to be above 0 and at most {_MOST_DAYS}, --limit at most {_MOST_ENTRIES}")
    since = datetime.now(UTC) - timedelta(days=args.days)
    with reading(args) as store:
        found = entries(store, since=since, model=args.model, action=args.action, limit=args.limit)
        found = as_shown(args, store, found)
    if args.json:
        print(json.dumps([dataclasses.asdict(entry) for entry in found], default=str, indent=2))
        return 0
    if not found:
        asked = {"--model": args.model, "--action": args.action}
        filters = " ".join(f"{name} {value!r}" for name, value in asked.items() if value)
        print(f"no entry of the last {args.days:g} days{' for ' * bool(filters)}{filters}", file=sys.stderr)
        return 0
    table = plain_table("when", "who", "what", "model", "version", "details")
    for entry in found:
        when = f"{entry.timestamp:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, entry.actor, entry.action, entry.model, entry.version, entry.details)
    console().print(table)
    return 0
