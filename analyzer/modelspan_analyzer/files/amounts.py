"""Numbers of a file, whatever they are written as: a few cells that hold none are left out and named."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.cells import is_text, lost, numbers, trimmed, utf8, valid
from modelspan_analyzer.files.rows import FileError, FileRows, shown


def amounts(rows: FileRows, name: str, option: str) -> pa.Array:
    """A column as numbers; a few cells that hold none are left out and named.

    Raises:
        FileError: most of them hold none.
    """
    values = with_infinite(rows, name, option)
    infinite = np.flatnonzero(np.isinf(values.to_numpy(zero_copy_only=False)))
    if not infinite.size:
        return values
    rows.remarks.leave_out(
        f"{infinite.size:,} of {len(values):,} cells of column {name!r}, which are infinite"
        f" ({rows.examples(infinite, values)})"
    )
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def with_infinite(rows: FileRows, name: str, option: str) -> pa.Array:
    """The same, infinite ones among them.

    Raises:
        FileError: most of them hold none.
    """
    column = rows.column(name)
    values = _numbers(rows, name, option)
    missed = lost(trimmed(utf8(column)) if is_text(column.type) else column, values)
    missed = missed[~_nan(column)[missed]]
    if missed.size:
        rows.remarks.leave_out(
            f"{missed.size:,} of {len(column):,} cells of column {name!r}, which hold no number"
            f" ({rows.examples(missed, column)})"
        )
    return values


def _numbers(rows: FileRows, name: str, option: str) -> pa.Array:
    column = rows.column(name)
    try:
        values = numbers(column)
    except pa.ArrowException:
        hint = "; take one number of each list first" if pa.types.is_nested(column.type) else ""
        raise FileError(
            f"column {name!r} holds {column.type}, not numbers; name a column of numbers with {option}{hint}"
        ) from None
    held = valid(trimmed(utf8(column)) if is_text(column.type) else column)
    if is_text(column.type) and held.any():
        absent = np.flatnonzero(valid(column) & ~held)
        some = f"; {absent.size:,} of its cells are missing ({rows.examples(absent, column)})" if absent.size else ""
        rows.remarks.assume(f"column {name!r} is text and is read as numbers{some}")
    if held.any() and valid(values).sum() < held.sum() / 2 and is_text(column.type):
        first = int(np.flatnonzero(held & ~valid(values))[0])
        raise FileError(
            f"column {name!r} holds text such as {shown(column[first])} ({rows.where(first)}), not numbers;"
            f" name a column of numbers with {option}"
        )
    return values


def _nan(column: pa.Array) -> npt.NDArray[np.bool_]:
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), bool)
    return np.asarray(pc.fill_null(pc.is_nan(column), False).to_numpy(zero_copy_only=False), bool)
