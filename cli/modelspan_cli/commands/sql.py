"""`modelspan sql`: one query, on a running instance or on a data folder."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Final

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_cli.errors import CommandError
from modelspan_cli.reach import add_data_argument, reading

_PLAIN: Final = "TSVWithNamesAndTypes"
"""What is asked for where the output is a pipe; see `readable`."""
_ESCAPED: Final = re.compile(rb"\\.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the query and its output format."""
    parser.add_argument("query", help="SQL, for example: SELECT model, count() FROM predictions GROUP BY model")
    parser.add_argument(
        "--format", help="any ClickHouse output format: PrettyCompact, CSVWithNames, JSONEachRow, Parquet, ..."
    )
    add_data_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result: a table on a terminal, tab-separated values in a pipe."""
    query, said = _parts(args.query)
    if said and args.format:
        raise CommandError(f"the query says FORMAT {said} and --format says {args.format}: say one of them")
    chosen = said or args.format or ("PrettyCompactMonoBlock" if sys.stdout.isatty() else _PLAIN)
    with reading(args) as store:
        try:
            result = store.client().raw_query(query, fmt=chosen)
        except DatabaseError as error:
            raise CommandError(f"the query failed: {error}") from error
    sys.stdout.buffer.write(readable(result) if chosen == _PLAIN else result)
    sys.stdout.flush()
    return 0


def _parts(query: str) -> tuple[str, str]:
    """A query without its semicolon, and the format that it asks for by itself, if it does."""
    text = query.rstrip().rstrip(";").rstrip()
    words = text.rsplit(None, 2)
    return (words[0], words[2]) if len(words) == 3 and words[1].upper() == "FORMAT" else (text, "")


def readable(lines: bytes) -> bytes:
    """Tab-separated values with names and types, as people read them: without the types, with apostrophes as they are.

    A tab, a line break and a backslash within a text stay escaped, so that a line stays a row. Within arrays, maps and
    tuples an apostrophe ends a text, and stays escaped too.
    """
    if lines.count(b"\n") < 2:
        return lines  # a statement without a result
    names, types, *rows = lines.split(b"\n", 2)
    names = _plain(names)
    plain = [not kind.startswith((b"Array(", b"Map(", b"Tuple(", b"Nested(")) for kind in types.split(b"\t")]
    if all(plain):
        return names + b"\n" + b"".join(map(_plain, rows))
    cells = ((zip(plain, row.split(b"\t"), strict=False)) for part in rows for row in part.split(b"\n"))
    return (
        names
        + b"\n"
        + b"\n".join(b"\t".join(_plain(cell) if is_plain else cell for is_plain, cell in row) for row in cells)
    )


def _plain(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: b"'" if found[0] == b"\\'" else found[0], text)
