"""Columns of text as numbers, truth values or times, where all that a column holds is such.

Codes stay texts: a column with a leading zero (`00042`), or with more digits than a 64-bit number has, is no number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files import times
from modelspan_analyzer.files.cells import is_text, lost, numbers, trimmed, valid
from modelspan_analyzer.files.date_order import ORDERS, SHORT_DATE
from modelspan_analyzer.files.rows import FileRows, Remarks

_WHOLE: Final = r"^[+-]?(?:0|[1-9]\d{0,17})$"
_DIGITS: Final = r"^[+-]?\d+$"
_CODE: Final = r"^[+-]?0\d+$"
_LONG: Final = r"^[+-]?\d{19,}$"
_MOSTLY: Final = 0.95
_CONTINUOUS: Final = 20
"""More different numbers than this are measurements and no codes: then a few texts among them are misfits."""


@dataclass(frozen=True, slots=True)
class Notation:
    """A way to write numbers that is not the plain one."""

    name: str
    cell: str
    """Pattern of a cell."""
    sure: str
    """Pattern that at least one cell has to match."""
    plain: Callable[[pa.Array], pa.Array]
    in_commas: bool
    """Whether it is also looked for where commas separate the columns."""


def _decimal_comma(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(texts, ".", ""), ",", ".")


def _thousands_comma(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(texts, ",", "")


def _thousands_mark(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring_regex(texts, r"['’\x{a0}\x{202f}]", ""), ",", ".")


NOTATIONS: Final = (
    Notation(
        "a comma for thousands",
        r"^[+-]?\d{1,3}(?:,\d{3})*(?:\.\d+)?$",
        r"^[+-]?\d{1,3}(?:,\d{3}){2,}|^[+-]?\d{1,3}(?:,\d{3})+\.",
        _thousands_comma,
        True,
    ),
    Notation(
        "a decimal comma",
        r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?(?:[eE][+-]?\d+)?$",
        r",\d",
        _decimal_comma,
        True,
    ),
    Notation(
        "apostrophes or narrow spaces for thousands",
        r"^[+-]?(?:\d+|\d{1,3}(?:['’\x{a0}\x{202f}]\d{3})+)(?:[.,]\d+)?$",
        r"\d['’\x{a0}\x{202f}]\d{3}",
        _thousands_mark,
        True,
    ),
)
_SIGN: Final = r"(?P<sign>[$€£¥₹]|\b(?:USD|EUR|GBP|CHF|JPY)\b)"
_MARKED: Final = rf"^\(?\s?[+-]?\s?(?:{_SIGN}\s?)?[+-]?\d[^()%]*%?\)?$".replace("?P<sign>", "?:")


def with_types(rows: FileRows, texts: frozenset[str], date_order: str = "") -> FileRows:
    """Give every column of text its type, except those that are to stay texts."""
    names = [field.name for field in rows.table.schema if field.name not in texts and is_text(field.type)]
    columns = {name: _typed(rows, name, date_order) for name in names}
    shares = {name for name in names if not is_text(columns[name].type) and _in_per_cent(trimmed(rows.column(name)))}
    return replace(rows.set_all(columns), percents=rows.percents | shares)


def _typed(rows: FileRows, name: str, date_order: str) -> pa.Array:
    column = rows.column(name)
    texts = trimmed(column)
    if texts.null_count == len(texts):
        return column
    values = _as_values(rows, name, texts, date_order)
    if values is None:
        return column
    if (words := lost(column, texts)).size:
        listed = ", ".join(map(repr, column.take(pa.array(words)).unique()[:5].to_pylist()))
        rows.remarks.assume(f"{listed} in column {name!r} means missing ({words.size:,} cells)")
    return values


def _as_values(rows: FileRows, name: str, texts: pa.Array, date_order: str) -> pa.Array | None:
    """Texts as what all of them are; None where they are only texts."""
    if _all(texts, r"^(?i:true|false)$"):
        return pc.equal(pc.utf8_lower(texts), "true")
    if _any(texts, _CODE) and _all(texts, _DIGITS):
        rows.remarks.assume(f"column {name!r} holds leading zeros, so codes: read as text")
        return None
    if _any(texts, _LONG) and _all(texts, _DIGITS):
        rows.remarks.assume(f"column {name!r} holds more digits than a number keeps, so codes: read as text")
        return None
    if _all(texts, _WHOLE):
        return texts.cast(pa.int64())
    values = numbers(texts)
    if not lost(texts, values).size:
        return values
    if (other := _in_notation(texts, name, rows.remarks)) is not None:
        return other
    if (amounts := _marked(texts, name, rows.remarks)) is not None:
        return amounts
    moments = times.parse_texts(texts, date_order)
    if moments.untold and _all(texts, SHORT_DATE):
        rows.remarks.assume(
            f"column {name!r} holds dates such as {moments.untold!r}, of which nothing tells where day, month and year"
            f" stand: read as text (--date-order {'|'.join(ORDERS)} makes times of them)"
        )
        return None
    if moments.values.null_count == texts.null_count:
        moments.say(name, rows.remarks)
        return moments.values
    return _mostly_numbers(rows, name, texts, values)


def _in_notation(texts: pa.Array, name: str, remarks: Remarks) -> pa.Array | None:
    if (written := notation(texts)) is None:
        return None
    remarks.assume(f"column {name!r} is written with {written.name}")
    return numbers(written.plain(texts))


def notation(texts: pa.Array) -> Notation | None:
    """How all numbers of a column are written, where that is not the plain way."""
    fitting = (each for each in NOTATIONS if _all(texts, each.cell) and _any(texts, each.sure))
    return next(fitting, None)


def _marked(texts: pa.Array, name: str, remarks: Remarks) -> pa.Array | None:
    """Numbers with the sign of one currency, in per cent, or in parentheses where they are negative."""
    if not _all(texts, _MARKED) or not _any(texts, r"[^\d.,+\-]"):
        return None
    percent, marks = _in_per_cent(texts), pc.struct_field(pc.extract_regex(texts, _SIGN), "sign")
    signs = marks.drop_null().unique().to_pylist()
    if len(signs) > 1 or (_any(texts, "%") and not percent):
        return None  # which cannot be compared
    bare = pc.replace_substring_regex(pc.replace_substring_regex(texts, r"^\((.*)\)$", r"-\1"), _SIGN, "")
    bare = trimmed(pc.replace_substring_regex(pc.replace_substring(bare, "%", ""), r"^([+-]?)\s+", r"\1"))
    values = numbers(bare)
    if lost(texts, values).size:
        assumptions = Remarks()
        if (other := _in_notation(bare, name, assumptions)) is None:
            return None
        values = other
        for sentence in assumptions.assumed:
            remarks.assume(sentence)
    if signs:
        remarks.assume(f"column {name!r} holds amounts in {signs[0]}: read as numbers")
    if percent:
        remarks.assume(f"column {name!r} is in per cent: 12.5% is read as 0.125")
    if _any(texts, r"^\("):
        remarks.assume(f"numbers in parentheses in column {name!r} are negative")
    return pc.divide(values, 100.0) if percent else values


def _in_per_cent(texts: pa.Array) -> bool:
    return texts.null_count < len(texts) and _all(texts, r"%\)?$")


def _mostly_numbers(rows: FileRows, name: str, texts: pa.Array, found: pa.Array) -> pa.Array | None:
    """Numbers with a few misfits among them, which are left out and named."""
    misfits = lost(texts, found)
    if misfits.size > (1 - _MOSTLY) * valid(texts).sum() or np.unique(found.drop_null()).size <= _CONTINUOUS:
        return None
    rows.remarks.leave_out(
        f"{misfits.size:,} cells of column {name!r}, which hold no number ({rows.examples(misfits, texts)})"
    )
    return found


def _all(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _any(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())
