"""Conversion of columns cell by cell in effect, and of whole columns in cost: one misfit costs itself alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "na", "n/a", "#n/a", "#na", "nan", "-nan", "null", "none", "nil", "?", "-", "--", ".", "missing", "<na>")
"""What stands for a missing value among numbers, times and truth values; among texts only the empty cell does."""

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"


def cast_or_null(column: pa.Array, cast: Callable[[pa.Array], pa.Array], kind: pa.DataType) -> pa.Array:
    """A cast that leaves the cells null which it cannot do, found by halving."""
    try:
        return cast(column)
    except (pa.ArrowException, ValueError, OverflowError):
        if len(column) <= 1:
            return pa.nulls(len(column), kind)
        half = len(column) // 2
        return pa.concat_arrays([cast_or_null(part, cast, kind) for part in (column[:half], column[half:])])


def lost(before: pa.Array, after: pa.Array) -> npt.NDArray[np.int64]:
    """The rows that held a value before a conversion and hold none after it."""
    return np.flatnonzero(valid(before) & ~valid(after))


def valid(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Which cells hold a value."""
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), bool)


def utf8(column: pa.Array) -> pa.Array:
    """Text or bytes as plain strings; null where the bytes are no UTF-8, such as a lone surrogate."""
    kind = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
    raw = column.cast(kind) if is_text(column.type) else column
    return cast_or_null(raw, lambda part: part.cast(pa.string()), pa.string())


def is_text(kind: pa.DataType) -> bool:
    """Any of Arrow's string types."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Integers, floats and decimals."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def trimmed(texts: pa.Array) -> pa.Array:
    """Texts without spaces around, null for what stands for a missing value."""
    texts = pc.utf8_trim_whitespace(texts)
    absent = pc.is_in(pc.utf8_lower(texts), pa.array(MISSING))
    return pc.if_else(absent, pa.scalar(None, pa.string()), texts)


def numbers(column: pa.Array) -> pa.Array:
    """A column as Float64, null for a missing value and for a cell that is no number; None of other types fails.

    Raises:
        pa.ArrowNotImplementedError: its type holds no numbers.
    """
    if is_text(column.type):
        texts = trimmed(utf8(column))
        column = pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, pa.scalar(None, pa.string()))
    if pa.types.is_decimal(column.type):
        column = cast_or_null(column, lambda part: part.cast(pa.string()), pa.string())
    values = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
