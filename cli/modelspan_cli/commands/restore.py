"""`modelspan restore`: a backup's rows into an empty store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, writing
from modelspan_collector.store.backup import restore
from modelspan_collector.store.errors import StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder."""
    parser.add_argument("folder", type=Path, help="the folder that `modelspan backup` wrote")
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Check the backup, then put its rows back."""
    with writing(args) as store:
        try:
            manifest = restore(store, args.folder)
        except (StoreError, DriverError) as error:
            raise CommandError(
                f"nothing, or not all, was restored: {error}", hint="restore into an empty store"
            ) from error
    print(f"{manifest.rows} rows of {len(manifest.files)} files are back", file=sys.stderr)
    return 0
