"""Where the header of delimited text is, and what separates its columns.

Above it may stand a title, comments and empty lines, as reports have them. What has the cells of no header is skipped,
and said; where that is not certain, the file is refused with the option that settles it.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from modelspan_analyzer.files.rows import FileError, Remarks

_DELIMITERS: Final = ("\t", ";", "|", ",")
"""The rarest within texts first: it wins where two fit equally well."""
_LOOKED_AT: Final = 60
_FIRST_BYTES: Final = 4 * 2**20
_MOST_ABOVE: Final = 50
_LONGEST_CELL: Final = 64 * 2**20
_NUMBER: Final = re.compile(r"[-+\d.,' %]+")
_SHOWN: Final = 60


class Header(NamedTuple):
    """The header of a text."""

    delimiter: str
    told: bool
    """Whether the file names its delimiter."""
    names: list[str]
    text: bytes
    """The text from the header on."""
    above: int
    """Lines above it."""


class _Record(NamedTuple):
    cells: list[str]
    start: int
    """The byte at which it begins."""


def find_header(text: bytes, quoted: bool, remarks: Remarks, skip: int | None) -> Header:
    """The header, below what stands above it.

    Args:
        text: the file in UTF-8.
        quoted: whether quotation marks are such.
        remarks: takes what was skipped.
        skip: lines to skip; told from the lines if None.

    Raises:
        FileError: there is none, or nobody can say which line it is.
    """
    total = len(text)
    text, told = _told_delimiter(text)
    above = 1 if told else 0
    end = b"\n" if b"\n" in text else b"\r"
    text = _without_lines(text, skip or 0, end)
    if not text.strip():
        some = f" below the {skip:,} lines of --skip-rows" if skip and total else ""
        raise FileError(f"the file is empty{some}; expected a header and rows")
    found: list[tuple[float, str, list[_Record], int]] = []
    for delimiter in (told,) if told else _DELIMITERS:
        if records := _records(text, delimiter, quoted):
            at = 0 if skip is not None else _first_of_a_table(records)
            found.append((_fit(records, at), delimiter, records, at))
    if not found:
        raise FileError("the file has no header that can be read; expected the names of the columns in the first line")
    fit, delimiter, records, at = max(found, key=lambda each: each[0])
    if not fit:
        delimiter, records, at = _single_column(found, told)
    start = records[at].start
    lines = text[:start].count(end)
    if skip is None:
        _say_skipped(records, at, lines, remarks)
        _check_width(records, at, above + lines + 1)
    return Header(delimiter, bool(told), records[at].cells, text[start:], above + (skip or 0) + lines)


def _told_delimiter(text: bytes) -> tuple[bytes, str]:
    """Excel's first line `sep=;`, taken off."""
    if match := re.match(rb"sep=([^\r\n])\r?\n", text):
        return text[match.end() :], match[1].decode("latin-1")
    return text, ""


def _without_lines(text: bytes, count: int, end: bytes) -> bytes:
    start = 0
    for _ in range(count):
        start = text.find(end, start) + 1
        if not start:
            return b""
    return text[start:]


def _records(text: bytes, delimiter: str, quoted: bool) -> list[_Record]:
    """The first records that hold anything; none where they cannot be read."""
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in io.StringIO(text[:_FIRST_BYTES].decode("utf-8", "ignore"), newline=""):
            taken += len(line.encode())
            yield line

    records, start = [], 0
    usual = csv.field_size_limit(_LONGEST_CELL)  # of the whole process
    try:
        for cells in islice(csv.reader(lines(), delimiter=delimiter, quotechar='"' if quoted else None), _LOOKED_AT):
            if len(cells) > 1 or any(map(str.strip, cells)):
                records.append(_Record(cells, start))
            start = taken
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(usual)
    return records


def _fit(records: Sequence[_Record], at: int) -> float:
    """The share of the rows that have as many cells as the header; 0 of a single column."""
    width, below = len(records[at].cells), records[at + 1 :]
    if width < 2:
        return 0.0
    return sum(len(record.cells) == width for record in below) / len(below) if below else 0.001


def _single_column(found: list[tuple[float, str, list[_Record], int]], told: str) -> tuple[str, list[_Record], int]:
    """What is read where nothing separates columns: the lines themselves, unless all but a few have more cells."""
    for _, delimiter, records, at in found:
        if len(records[at].cells) > 1 or _usual_width(records) > 1:
            return delimiter, records, at
    _, delimiter, records, at = found[-1]
    return told or delimiter, records, at


def _usual_width(records: Sequence[_Record]) -> int:
    """The number of cells that most records have; 1 where it is not most of them."""
    width, count = Counter(len(record.cells) for record in records).most_common(1)[0]
    return width if count > len(records) / 2 else 1


def _first_of_a_table(records: Sequence[_Record]) -> int:
    """Which record is the header: the first that has the cells of one."""
    width, at = _usual_width(records), 0
    while at < min(len(records) - 1, _MOST_ABOVE) and _is_above(records[at].cells, width):
        at += 1
    names_one = at and len(records[0].cells) == width and _holds_a_number(records[at].cells)
    return 0 if names_one else at


def _is_above(cells: list[str], width: int) -> bool:
    """Whether a record is a title, a comment or empty, rather than the names of so many columns."""
    if cells[0].startswith("#") and (len(cells) != width or width == 1):
        return True
    held = [cell for cell in cells if cell.strip()]
    alone = len(held) <= 1 and (not held or cells[0] == held[0])
    return alone and width > 1 and (len(cells) < width or width > 2)


def _say_skipped(records: Sequence[_Record], at: int, lines: int, remarks: Remarks) -> None:
    """Say what stands above the header.

    Raises:
        FileError: what follows is no header for sure.
    """
    if not (skipped := records[:at]):
        return
    if all(record.cells[0].startswith("#") for record in skipped):
        remarks.assume("lines that begin with # above the header are comments (--skip-rows says otherwise)")
        return
    shown = ",".join(skipped[0].cells).strip(", ")[:_SHOWN]
    below = records[at + 1 :]
    if _holds_a_number(records[at].cells) or not any(_holds_a_number(record.cells) for record in below):
        raise FileError(
            f"its first line, {shown!r}, has fewer cells than those below; say --skip-rows {lines} if it is a title"
            " above the header, --skip-rows 0 if it is the header"
        )
    kind, stand = ("line", "stands") if lines == 1 else (f"{lines} lines", "stand")
    remarks.assume(f"the first {kind} ({shown!r}) {stand} above the header (--skip-rows says otherwise)")


def _holds_a_number(cells: list[str]) -> bool:
    return any(map(_NUMBER.fullmatch, map(str.strip, cells)))


def _check_width(records: Sequence[_Record], at: int, line: int) -> None:
    """See that the header has the cells of the rows.

    Raises:
        FileError: most rows have more.
    """
    width, below = len(records[at].cells), records[at + 1 :]
    usual = _usual_width(below) if below else width
    if usual > max(width, 1):
        raise FileError(
            f"line {line} has {width} cells and most lines below have {usual}; say --skip-rows N to"
            " skip N lines above the header, or give each column a name"
        )
