"""Delimited text (CSV and its relatives) as columns of text, before any of them is given a meaning."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from modelspan_analyzer.files.bounds import check_shape
from modelspan_analyzer.files.header import find_header
from modelspan_analyzer.files.rows import SHOWN, FileError, FileRows, Remarks

_NAMES: Final = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}
_BLOCK: Final = 64 * 2**20
"""A row is never longer: the parser reads whole rows in a block."""


def read_delimited(text: bytes, remarks: Remarks, skip: int | None = None) -> FileRows:
    """The cells of a text of rows below a header, all of them texts, empty ones null.

    Args:
        text: the file in UTF-8.
        remarks: takes what was assumed and left out.
        skip: lines above the header; told from the lines if None.

    Raises:
        FileError: there is no header, or no parser can make rows of it.
    """
    quoted = text.count(b'"') % 2 == 0
    if not quoted:
        remarks.assume("the quotation marks do not pair up: read as plain characters")
    header = find_header(text, quoted, remarks, skip)
    names, text, delimiter = header.names, header.text, header.delimiter
    check_shape(0, len(names))
    if delimiter != "," and not header.told:
        remarks.assume(f"the columns are separated by {_NAMES[delimiter]}s")
    if any(name != name.strip() for name in names):
        remarks.assume("the names of the columns have no spaces around them")
        names = [name.strip() for name in names]
    table, skipped = _parse(text, delimiter, distinct_names(names, remarks), quoted)
    lines = text.rstrip().count(b"\n")  # as many as rows, unless a quoted cell holds a line break
    return _placed(table, skipped, remarks, header.above, plain=lines == table.num_rows + len(skipped))


def distinct_names(names: list[str], remarks: Remarks) -> list[str]:
    """Names that each stand once: a repeated one gets a number, and that is said."""
    given, seen = set(names), Counter[str]()
    found: list[str] = []
    for name in names:
        seen[name] += 1
        chosen = name
        while seen[name] > 1 and (chosen := f"{name}.{seen[name]}") in given:
            seen[name] += 1
        if chosen != name:
            remarks.assume(f"the column name {name!r} stands more than once: one of them is read as {chosen!r}")
        found.append(chosen)
    return found


def _parse(text: bytes, delimiter: str, names: list[str], quoted: bool) -> tuple[pa.Table, list[arrow_csv.InvalidRow]]:
    skipped: list[arrow_csv.InvalidRow] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        if row.text.strip():
            skipped.append(row)
        return "skip"

    read = arrow_csv.ReadOptions(column_names=names, skip_rows_after_names=1, use_threads=False, block_size=_BLOCK)
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter,
        quote_char='"' if quoted else False,
        newlines_in_values=quoted,
        ignore_empty_lines=False,
        invalid_row_handler=skip,
    )
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text.rstrip() + b"\n"), read_options=read, parse_options=parse, convert_options=convert
        )
    except pa.ArrowException as error:
        raise FileError(f"cannot be read as rows separated by {_NAMES.get(delimiter, delimiter)}s: {error}") from error
    return table, skipped


def _placed(
    table: pa.Table, skipped: list[arrow_csv.InvalidRow], remarks: Remarks, above: int, *, plain: bool
) -> FileRows:
    """Give each row its line, and say which rows have too many or too few cells."""
    total = table.num_rows + len(skipped)
    places = np.arange(2, total + 2)
    places = np.delete(places, [row.number - 2 for row in skipped if 0 <= row.number - 2 < total])[: table.num_rows]
    unit, shift = ("line", above) if plain else ("row", -1)
    if skipped:
        some = ", ".join(
            f"{unit} {row.number + shift} has {row.actual_columns} cells, not {row.expected_columns}"
            for row in skipped[:SHOWN]
        )
        more = f" and {len(skipped) - SHOWN:,} more" if len(skipped) > SHOWN else ""
        remarks.leave_out(f"{len(skipped):,} of {total:,} rows: {some}{more}")
    return FileRows(table, remarks, places + shift, unit)
