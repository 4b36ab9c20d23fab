"""`modelspan backup`: every row of the store into a new folder, while the instance runs or not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading
from modelspan_collector.store.backup import backup
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
    size = sum(path.stat().st_size for path in args.folder.iterdir())
    print(f"{manifest.rows} rows in {len(manifest.files)} files, {size} bytes: {args.folder}", file=sys.stderr)
    return 0
