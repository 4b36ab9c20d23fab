"""`modelspan backup`: every row of the store into a new folder, while the instance runs or not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.databases import databases
from modelspan_analyzer.people import user
from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, ask_owner, reading, running
from modelspan_collector.store.backup import backup
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder."""
    parser.add_argument("folder", type=Path, help="a new folder, which appears once the backup is whole")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the backup and say what is in it."""
    instance = running(args)
    if instance is not None and not args.store:  # it has the store open, and no query limit
        asked = {"folder": str(args.folder.resolve()), "database": args.database, "actor": user()}
        done = ask_owner(instance, "/api/backups", asked)
        rows, files, others = done["rows"], done["files"], done["others"]
    else:
        rows, files, others = _backup(args)
    size = sum(path.stat().st_size for path in args.folder.iterdir())
    print(f"{rows} rows of {args.database} in {files} files, {size} bytes: {args.folder}", file=sys.stderr)
    if others:
        print(f"not in it: {', '.join(others)}; back each up with --database NAME", file=sys.stderr)
    return 0


def _backup(args: argparse.Namespace) -> tuple[int, int, list[str]]:
    with reading(args) as store:
        try:
            manifest = backup(store, args.folder)
        except (StoreError, DriverError, OSError) as error:
            raise CommandError(f"the backup failed: {error}") from error
        audit.record_export(store, str(args.folder), manifest.rows)
        others = [name for name in databases(store) if name != store.database]
    return manifest.rows, len(manifest.files), others
