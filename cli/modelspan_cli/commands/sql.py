"""`modelspan sql`: one query, on a running instance or on a data folder."""

from __future__ import annotations

import argparse
import sys

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the query and its output format."""
    parser.add_argument("query", help="SQL, for example: SELECT model, count() FROM predictions GROUP BY model")
    parser.add_argument(
        "--format", help="any ClickHouse output format: PrettyCompact, CSVWithNames, JSONEachRow, Parquet, ..."
    )
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result: a table on a terminal, tab-separated values in a pipe."""
    chosen = args.format or ("PrettyCompactMonoBlock" if sys.stdout.isatty() else "TSVWithNames")
    with reading(args) as store:
        try:
            result = store.client().raw_query(args.query.rstrip().rstrip(";"), fmt=chosen)
        except DatabaseError as error:
            raise CommandError(f"the query failed: {error}") from error
    sys.stdout.buffer.write(result)
    sys.stdout.flush()
    return 0
