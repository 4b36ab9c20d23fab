"""`modelspan backup`: every row of the store into a new folder, while the instance runs or not."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from pathlib import Path

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.governance import audit
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading, running
from modelspan_collector.store.backup import backup
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder."""
    parser.add_argument("folder", type=Path, help="a new folder, which appears once the backup is whole")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the backup and say what is in it."""
    with reading(args) as store:
        try:
            manifest = backup(store, args.folder)
        except (StoreError, DriverError, OSError) as error:
            raise CommandError(f"the backup failed: {error}") from error
        _log(args, store, manifest.rows)
    size = sum(path.stat().st_size for path in args.folder.iterdir())
    print(f"{manifest.rows} rows in {len(manifest.files)} files, {size} bytes: {args.folder}", file=sys.stderr)
    return 0


def _log(args: argparse.Namespace, store: Store, rows: int) -> None:
    """Into the audit log; the store of a running instance is written by that instance only."""
    instance = running(args)
    if instance is None or args.store:
        audit.record_export(store, str(args.folder), rows)
        return
    told = json.dumps({"folder": str(args.folder), "rows": rows, "actor": audit.user()}).encode()
    request = urllib.request.Request(  # noqa: S310 - the running instance's own URL
        f"{instance.web_url}/api/exports", data=told, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
    except OSError as error:
        print(f"the backup is whole, but the instance did not log it: {error}", file=sys.stderr)
