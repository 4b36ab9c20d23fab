"""Many rows at once: pandas, polars, Arrow, NumPy, lists of rows, mappings of columns.

`table_of` takes a snapshot inside the call, as cheaply as the library allows (copy-on-write, shared immutable buffers,
one memory copy); `columns` turns it into Arrow in the background.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelspan._interrupts import pass_on
from modelspan.capture import values

if TYPE_CHECKING:
    import pyarrow as pa


class Table:
    """A snapshot of rows: how many, how many bytes, and how to get their columns."""

    __slots__ = ("_columns", "nbytes", "rows")

    def __init__(self, rows: int, nbytes: int, columns: Callable[[], dict[str, Any]]) -> None:
        self.rows = rows
        self.nbytes = nbytes
        self._columns = columns

    def columns(self) -> dict[str, Any]:
        """The columns by name, each an Arrow array of `rows` values, or a list where it mixes kinds."""
        return self._columns()


def table_of(value: Any, names: Sequence[str] | None = None) -> Table | None:
    """A snapshot of the table that a value is; None where it is none.

    Raises:
        ValueError: The names given do not fit the matrix.
    """
    if isinstance(value, Mapping):
        return _of_columns(value)
    if isinstance(value, (list, tuple)):
        return _of_rows(value, names)
    pandas, polars, numpy, pyarrow = (sys.modules.get(name) for name in ("pandas", "polars", "numpy", "pyarrow"))
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _of_pandas(value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _of_matrix(value, names) if value.ndim == 2 else None
    if pyarrow is not None and isinstance(value, (pyarrow.Table, pyarrow.RecordBatch)):
        return Table(value.num_rows, value.nbytes, lambda: _of_arrow(value))
    if polars is not None and isinstance(value, polars.DataFrame):
        frozen = value.clone()
        return Table(len(frozen), int(frozen.estimated_size()), lambda: _of_arrow(frozen.to_arrow()))
    return None


def _of_pandas(frame: Any) -> Table:
    """Copy-on-write makes a shallow copy a snapshot from pandas 3 on; before, the values are copied.

    Its bytes are estimated at 16 a value, since asking pandas for them takes longer than the snapshot.
    """
    pandas = sys.modules["pandas"]
    frozen = frame.copy(deep=int(pandas.__version__.split(".")[0]) < 3)
    return Table(
        len(frozen), 16 * frozen.size, lambda: {str(name): column_of(column) for name, column in frozen.items()}
    )


def _of_matrix(matrix: Any, names: Sequence[str] | None) -> Table:
    rows, width = matrix.shape
    columns = [str(name) for name in names] if names is not None else [f"f{position}" for position in range(width)]
    if len(columns) != width:
        raise ValueError(f"feature_names has {len(columns)} names and the matrix {width} columns")
    frozen = matrix.T.copy()  # by column: each becomes an Arrow array without another copy
    return Table(rows, frozen.nbytes, lambda: {name: column_of(frozen[at]) for at, name in enumerate(columns)})


def _of_arrow(table: Any) -> dict[str, pa.Array]:
    return {name: _one_chunk(table.column(at)) for at, name in enumerate(table.schema.names)}


def _of_rows(rows: list[Any] | tuple[Any, ...], names: Sequence[str] | None) -> Table | None:
    """A list of mappings or records, or of equally long lists of scalars."""
    first = rows[0] if rows else None
    if isinstance(first, Mapping) or values.fields(first) is not None:
        flat = [values.flatten(row if isinstance(row, Mapping) else values.fields(row) or {}) for row in rows]
        every = list(dict.fromkeys(name for row in flat for name in row))
        return Table(
            len(flat),
            64 * len(flat) * len(every),
            lambda: {name: column_of([row.get(name) for row in flat]) for name in every},
        )
    if isinstance(first, (list, tuple)) or (hasattr(first, "__array__") and getattr(first, "ndim", 0) == 1):
        import numpy as np

        return _of_matrix(np.asarray(rows), names)
    return None


def _of_columns(columns: Mapping[Any, Any]) -> Table | None:
    """A mapping of equally long arrays, Series or Arrow arrays is a table; a mapping of lists is a row of vectors."""
    if not columns or not all(
        hasattr(column, "__array__") and getattr(column, "ndim", 1) == 1 for column in columns.values()
    ):
        return None
    if not all(hasattr(column, "__len__") for column in columns.values()):
        return None
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        return None
    frozen = {str(name): array_of(_copied(column)) for name, column in columns.items()}
    return Table(lengths.pop(), sum(column.nbytes for column in frozen.values()), lambda: frozen)


def _copied(column: Any) -> Any:
    return column.copy() if hasattr(column, "copy") else column


def column_of(column: Any) -> Any:
    """One column as an Arrow array, or, where its values have no common type, as a list of plain values."""

    try:
        return array_of(column)
    except BaseException as error:  # no common type, or a value that fails: they are looked at one by one
        pass_on(error)
        return [values.freeze(value) for value in column]


def array_of(column: Any) -> pa.Array:
    """One column as an Arrow array; NaN, NaT and pd.NA become nulls.

    Raises:
        pyarrow.ArrowInvalid: The column mixes kinds that have no common Arrow type.
    """
    import pyarrow as pa

    if hasattr(column, "to_arrow"):  # polars
        return _one_chunk(column.to_arrow())
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return _one_chunk(column)
    if getattr(getattr(column, "dtype", None), "kind", "") == "f":  # NaN stays: the reader counts it as missing
        return pa.array(column.to_numpy() if hasattr(column, "to_numpy") else column)
    return _one_chunk(pa.array(column, from_pandas=True))


def _one_chunk(column: Any) -> pa.Array:
    combine = getattr(column, "combine_chunks", None)
    return combine() if combine is not None else column
