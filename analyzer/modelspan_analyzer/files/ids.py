"""Ids are text, always: as they are written in a text file, and exactly as many digits as a number has.

An id is one in every format: what a float column with missing ids makes of 7, `7.0` in a text and 7.0 in a typed
column, is `7`, which is also what the SDK makes of it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.cells import cast_or_null, is_text, lost, utf8, valid
from modelspan_analyzer.files.rows import FileError, FileRows

_EXACT = 2.0**53
_UUID_BYTES = 16
_WHOLE = r"^[+-]?\d+\.0+$"
_SAID = "ids of column {name!r} are fractional numbers that are whole: '7.0' is read as '7'"
_FORMULA = r'^="([^"]*)"$'


def texts(rows: FileRows, name: str) -> pa.Array:
    """A column of ids as texts, null where there is none; what cannot be an id is named.

    Raises:
        FileError: the column holds what is no id in any row.
    """
    column = rows.column(name)
    kind = column.type
    if pa.types.is_floating(kind):
        ids = _whole(column, name, rows)
    elif pa.types.is_fixed_size_binary(kind) and kind.byte_width == _UUID_BYTES:
        ids = _uuids(column)
    elif is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        ids = _written(utf8(column), name, rows)
    elif pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        ids = column.cast(pa.string())
    else:
        raise FileError(f"column {name!r} holds {kind}, which are no ids; name the column of the ids with --id")
    return pc.if_else(pc.equal(ids, ""), pa.scalar(None, pa.string()), ids)


def _written(ids: pa.Array, name: str, rows: FileRows) -> pa.Array:
    """Texts as they are; what a spreadsheet has made of them is undone where it can be, and said where it cannot."""
    if _some(ids, _FORMULA):
        rows.remarks.assume(f'ids of column {name!r} are written as formulas: ="7" is read as 7')
        ids = pc.replace_substring_regex(ids, _FORMULA, r"\1")
    given = pc.if_else(pc.equal(pc.utf8_trim_whitespace(ids), ""), pa.scalar(None, pa.string()), ids)
    if given.null_count < len(given) and pc.all(pc.match_substring_regex(given, _WHOLE)).as_py():
        rows.remarks.assume(_SAID.format(name=name))
        ids = pc.replace_substring_regex(ids, r"\.0+$", "")
    if _some(ids, r"^\d\.\d+[eE]\+\d+$"):
        rows.remarks.assume(
            f"ids of column {name!r} such as 1.23457E+11 are what a spreadsheet leaves of long numbers: they are no"
            " longer what they were; export the column as text"
        )
    if _some(ids, r"^\s+\S|\S\s+$"):
        rows.remarks.assume(f"the spaces around ids of column {name!r} are part of them")
    return ids


def _some(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _whole(column: pa.Array, name: str, rows: FileRows) -> pa.Array:
    """Fractional numbers that are whole, which is what an integer column with a missing id becomes on its way."""
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    integers = cast_or_null(column, lambda part: part.cast(pa.int64()), pa.int64())
    if lost(column, integers).size or not valid(column).any():
        return column.cast(pa.string())
    rows.remarks.assume(_SAID.format(name=name))
    if pc.any(pc.greater_equal(pc.abs(column), _EXACT)).as_py():
        rows.remarks.assume(
            f"ids of column {name!r} have more digits than a fractional number keeps, so some are no longer what they"
            " were: write them as text"
        )
    return integers.cast(pa.string())


def _uuids(column: pa.Array) -> pa.Array:
    """Sixteen bytes as a UUID is written."""
    raw = [None if value is None else value.hex() for value in column.to_pylist()]
    return pa.array(
        [text and f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}" for text in raw], pa.string()
    )
