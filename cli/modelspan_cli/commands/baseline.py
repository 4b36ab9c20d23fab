"""`modelspan baseline set|list`: what models are compared with, and where it came from."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as parquet
from clickhouse_connect.driver.exceptions import Error as DriverError
from rich.table import Table

from modelspan_analyzer import baselines
from modelspan_analyzer.replay.history import HistoryError, read
from modelspan_analyzer.results import Window
from modelspan_analyzer.web.baselines import JSON_TYPE, PARQUET_TYPE, as_json
from modelspan_cli.console import console
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading, running, writing
from modelspan_collector.running import Running


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    setting = verbs.add_parser("set", help="set a baseline from a file, a query, or a past window")
    setting.add_argument("--model", required=True)
    setting.add_argument("--version", default="", help="empty: for all versions")
    setting.add_argument("--file", type=Path, help="training or validation rows, CSV or Parquet")
    setting.add_argument("--query", metavar="SELECT", help="rows of the store instead of a file's")
    for role in ("prediction", "score", "label"):
        setting.add_argument(f"--{role}", metavar="COL", help=f"the column of the {role}")
    setting.add_argument("--features", metavar="a,b,...", help="default: all other columns")
    setting.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="COL[,COL...]",
        help="column of a group that rows belong to, no feature: a slice `tag.COL` or a facet is compared with its own",
    )
    setting.add_argument("--start", type=_utc, help="start of a past window, such as 2026-01-31T00:00:00")
    setting.add_argument("--end", type=_utc, help="end of the window")
    listing = verbs.add_parser("list", help="list the baselines")
    listing.add_argument("--model")
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    for verb in (setting, listing):
        add_data_argument(verb)


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def run(args: argparse.Namespace) -> int:
    """Set or list."""
    return _set(args) if args.verb == "set" else _list(args)


def _list(args: argparse.Namespace) -> int:
    with reading(args) as store:
        found = [as_json(baseline) for baseline in baselines.listing(store, args.model)]
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    table = Table("model", "version", "kind", "rows", "created", "source", box=None, pad_edge=False)
    for entry in found:
        row = [str(entry[name]) for name in ("model", "version", "kind", "rows", "created_at", "source")]
        table.add_row(*row)
    console().print(table)
    return 0


def _set(args: argparse.Namespace) -> int:
    given = [args.file is not None, args.query is not None, args.start is not None and args.end is not None]
    if sum(given) != 1:
        raise CommandError("a baseline needs one of --file, --query, or both --start and --end")
    if args.tag and args.start is not None:
        raise CommandError("a past window's predictions keep their own tags; --tag goes with --file and --query")
    instance = running(args)
    try:
        made = _post(instance, args) if instance and not args.store else _set_here(args)
    except (HistoryError, ValueError, DriverError) as error:
        raise CommandError(str(error)) from error
    print(
        f"baseline {made['baseline_id']} of {made['model']} {made['version'] or '(all versions)'}: {made['rows']} rows"
    )
    return 0


def _set_here(args: argparse.Namespace) -> dict[str, object]:
    with writing(args) as store:
        if args.start is not None:
            return as_json(baselines.set_from_window(store, args.model, args.version, Window(args.start, args.end)))
        features = args.features.split(",") if args.features else None
        columns = {role: getattr(args, role) for role in ("prediction", "score", "label")}
        if args.query is not None:
            made = baselines.set_from_query(
                store, args.model, args.version, args.query, **columns, features=features, tags=_tags(args)
            )
            return as_json(made)
        rows, source = read(args.file), str(args.file)
        made = baselines.set_from_table(
            store, args.model, args.version, rows, **columns, features=features, tags=_tags(args), source=source
        )
    return as_json(made)


def _tags(args: argparse.Namespace) -> list[str]:
    return [name.strip() for given in args.tag for name in given.split(",") if name.strip()]


def _rows(args: argparse.Namespace) -> pa.Table:
    if args.query is None:
        return read(args.file)
    with reading(args) as store:
        return baselines.query_rows(store, args.query)


def _post(instance: Running, args: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(args, name) for name in ("model", "version", "prediction", "score", "label", "features")}
    if args.start is not None:
        body, kind = b"{}", JSON_TYPE
        given |= {"start": args.start.isoformat(), "end": args.end.isoformat()}
    else:
        sink = BytesIO()
        parquet.write_table(_rows(args), sink)
        body, kind = sink.getvalue(), PARQUET_TYPE
        given["source"] = args.query or str(args.file)
    query = urlencode([(name, value) for name, value in given.items() if value] + [("tag", tag) for tag in _tags(args)])
    request = urllib.request.Request(  # noqa: S310 - the running instance's own URL
        f"{instance.web_url}/api/baselines?{query}", data=body, headers={"Content-Type": kind}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise CommandError(f"the instance refused the baseline: {json.load(error)['error']}") from error
