"""Delimited text (CSV and its relatives) as columns of text, before any of them is given a meaning."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from modelspan_analyzer.files.bounds import check_shape
from modelspan_analyzer.files.rows import SHOWN, FileError, FileRows, Remarks

_DELIMITERS: Final = ("\t", ";", "|", ",")
"""The rarest within texts first: it wins where two fit equally well."""
_NAMES: Final = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}
_LOOKED_AT: Final = 30
_FIRST_BYTES: Final = 4 * 2**20
_MOST_COMMENTS: Final = 50
_BLOCK: Final = 64 * 2**20
"""A row is never longer: the parser reads whole rows in a block."""


def read_delimited(text: bytes, remarks: Remarks) -> tuple[FileRows, str]:
    """The cells of a text of rows below a header, all of them texts, empty ones null; and the delimiter.

    Raises:
        FileError: there is no header, or no parser can make rows of it.
    """
    text, told, above = _told_delimiter(text)
    while above < _MOST_COMMENTS and text.startswith(b"#") and not _separates(text.partition(b"\n")[0]):
        remarks.assume("lines that begin with # above the header are comments")
        text, above = text.partition(b"\n")[2], above + 1
    if not text.strip():
        raise FileError("the file is empty; expected a header and rows")
    quoted = text.count(b'"') % 2 == 0
    if not quoted:
        remarks.assume("the quotation marks do not pair up: read as plain characters")
    head = _head(text, told, quoted)
    delimiter, names = head
    check_shape(0, len(names))
    if delimiter != "," and not told:
        remarks.assume(f"the columns are separated by {_NAMES[delimiter]}s")
    if any(name != name.strip() for name in names):
        remarks.assume("the names of the columns have no spaces around them")
        names = [name.strip() for name in names]
    table, skipped = _parse(text, delimiter, distinct_names(names, remarks), quoted)
    lines = text.rstrip().count(b"\n")  # as many as rows, unless a quoted cell holds a line break
    return _placed(table, skipped, remarks, above, plain=lines == table.num_rows + len(skipped)), delimiter


def _separates(line: bytes) -> bool:
    return any(delimiter.encode() in line for delimiter in _DELIMITERS)


def _told_delimiter(text: bytes) -> tuple[bytes, str, int]:
    """Excel's first line `sep=;`, taken off."""
    if match := re.match(rb"sep=([^\r\n])\r?\n", text):
        return text[match.end() :], match[1].decode("latin-1"), 1
    return text, "", 0


def _head(text: bytes, told: str, quoted: bool) -> tuple[str, list[str]]:
    """The delimiter by which most of the first rows have as many cells as the header, and the header's cells."""
    first = text[:_FIRST_BYTES].decode("utf-8", "ignore")
    best: tuple[float, int, str, list[str]] = (-1.0, 0, told or ",", [])
    csv.field_size_limit(_BLOCK)
    for delimiter in (told,) if told else _DELIMITERS:
        try:
            lines = io.StringIO(first, newline="")
            reader = csv.reader(lines, delimiter=delimiter, quotechar='"' if quoted else None)
            records = [record for record in islice(reader, _LOOKED_AT) if record]
        except csv.Error:
            continue
        header, *others = records
        alike = sum(len(record) == len(header) for record in others) / max(1, len(others))
        fit = (alike if len(header) > 1 else 0.0, min(len(header), 2))
        if len(header) == 1:
            delimiter = told or ","
        if fit > best[:2]:
            best = (*fit, delimiter, header)
    if not best[3]:
        raise FileError("the file has no header that can be read; expected the names of the columns in the first line")
    return best[2], best[3]


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
