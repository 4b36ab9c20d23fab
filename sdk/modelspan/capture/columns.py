"""One column of any library as an Arrow array."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from modelspan._failsafe import attempt
from modelspan.capture import arrays, values

if TYPE_CHECKING:
    import pyarrow as pa


class MixedError(TypeError):
    """A column holds objects that are to be looked at one by one."""


def column_of(column: Any) -> Any:
    """One column as an Arrow array, or, where its values have no common type, as a list of plain values."""
    with attempt():
        return array_of(column)
    return list(map(values.safely, column))  # no common type, or a value that fails: they are looked at one by one


def array_of(column: Any) -> pa.Array:
    """One column as an Arrow array; NaN, NaT and pd.NA become nulls.

    Raises:
        MixedError: The column holds objects that Arrow is not to look into.
        pyarrow.ArrowInvalid: The column mixes kinds that have no common Arrow type.
    """
    import pyarrow as pa

    if hasattr(type(column), "to_arrow"):  # polars
        if str(column.dtype) == "Object":  # such as members of an enum: Arrow would be given their addresses
            raise MixedError
        return one_chunk(column.to_arrow())
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return one_chunk(column)
    if arrays.shape_of(column) is not None:
        column = arrays.numpy_of(column)
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    if kind == "f":  # NaN stays: the reader counts it as missing
        return pa.array(column.to_numpy() if hasattr(type(column), "to_numpy") else column)
    if kind == "O" and not _is_plain(column):
        raise MixedError
    return one_chunk(pa.array(column, from_pandas=True))


def _is_plain(column: Any) -> bool:
    """Whether objects are scalars of one kind: of two kinds, Arrow would make one, an instant a date, a flag a number.

    It follows lists and dicts that hold themselves until the process dies.
    """
    if type(column) not in (list, tuple) and not hasattr(column, "dtype"):
        column = list(column)
    if str(getattr(column, "dtype", "object")) != "object":
        return True  # of pandas' own types, such as categories and intervals
    kinds = {kind for kind in set(map(type, column)) if kind is not type(None) and not values.is_missing_type(kind)}
    if len(kinds) > 1 and float in kinds and all(value != value for value in column if type(value) is float):
        kinds.remove(float)  # NaN among texts is missing
    if _TIME in kinds and len({value.tzinfo is None for value in column if type(value) is _TIME}) > 1:
        return False
    if kinds == _NUMBERS and any(map(values.is_long, column)):
        return False
    return kinds <= values.IMMUTABLE and (len(kinds) <= 1 or kinds <= _NUMBERS)


_TIME = datetime.datetime
_NUMBERS = {int, float}


def one_chunk(column: Any) -> Any:
    """A chunked array as one."""
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column
