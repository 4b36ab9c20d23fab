"""Many rows at once: pandas, polars, Arrow, arrays of any library, lists of rows, mappings of columns.

`table_of` takes a snapshot inside the call, as cheaply as the library allows (copy-on-write, shared immutable buffers,
one memory copy); `columns` turns it into Arrow in the background.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelspan._failsafe import swallowed
from modelspan._loaded import loaded
from modelspan.capture import arrays, held, values
from modelspan.capture.columns import array_of, column_of
from modelspan.capture.held import SMALL_TABLE, Held

if TYPE_CHECKING:
    import numpy as np


class Table:
    """A snapshot of rows: how many, how many bytes, and how to get their columns."""

    __slots__ = ("held", "left_out", "nbytes", "rows")

    def __init__(self, rows: int, nbytes: int, taken: Held, left_out: dict[str, str] | None = None) -> None:
        self.rows = rows
        self.nbytes = nbytes
        self.held = taken
        """Its reader is told the reasons why columns are left out."""
        self.left_out: dict[str, str] = {} if left_out is None else left_out
        """Why columns are left out, by their names; whole once the columns have been read."""

    def columns(self) -> dict[str, Any]:
        """The columns by name, each an Arrow array of `rows` values, or a list where it mixes kinds."""
        found: dict[str, Any] = self.held.read([self.held.value], self.left_out)
        return found


def _without_features(rows: int) -> Table:
    return Table(rows, 0, Held(None, held.nothing))


def table_of(value: Any, names: Sequence[str] | None = None) -> Table | None:
    """A snapshot of the table that a value is; None where it is none.

    Names that do not fit a matrix are said once, and its rows are counted without features.
    """
    if isinstance(value, Mapping) and not arrays.is_sparse(value):
        return _of_columns(value)
    if isinstance(value, (list, tuple)):
        return _of_rows(value, names)
    pandas, polars, numpy, pyarrow = (loaded(name) for name in ("pandas", "polars", "numpy", "pyarrow"))
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _of_pandas(value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _of_array(value, value.shape, names)
    if pyarrow is not None and isinstance(value, (pyarrow.Table, pyarrow.RecordBatch)):
        return _of_arrow(value)
    if polars is not None and isinstance(value, (polars.DataFrame, polars.LazyFrame)):
        return _of_polars(value) if isinstance(value, polars.DataFrame) else None
    shape = arrays.shape_of(value)
    return _of_counted(value) if shape is None else _of_array(value, shape, names)


def _of_counted(value: Any) -> Table | None:
    """What only says how many rows it has, as the matrices of XGBoost and CatBoost."""
    if not callable(getattr(value, "num_row", None)):
        return None
    swallowed(f"objects of type {type(value).__name__} are recorded without their features; tell them with features=")
    return _without_features(int(value.num_row()))


def _of_pandas(frame: Any) -> Table:
    """Copy-on-write makes a shallow copy a snapshot from pandas 3 on; before, the values are copied.

    Its bytes are estimated at 16 a value, since asking pandas for them takes longer than the snapshot.
    """
    pandas = sys.modules["pandas"]
    plain = type(frame) is pandas.DataFrame  # what others join to, only they know
    if plain and len(frame) <= SMALL_TABLE and (found := _of_one_type(frame)) is not None:
        return found
    frozen = frame.copy(deep=int(pandas.__version__.split(".")[0]) < 3)
    rows, width = len(frozen), len(frozen.columns)
    alike = held.pandas_alike if plain else None
    return Table(rows, _FRAME_BYTES + 16 * rows * width, Held(frozen, held.read_pandas, alike))


_FRAME_BYTES = 4096
"""Memory of a frame of pandas beside its values: what counts of one that has a row."""


def _of_one_type(frame: Any) -> Table | None:
    """A small frame all of whose columns are of one type of NumPy's numbers, as a matrix; None where it is none.

    pandas hands out its values without a copy, for reading alone, where they are one array, and so of one type.
    """
    names = tuple(frame.columns.tolist())
    if names in _of_several_types or len(_of_several_types) >= _MOST_LAYOUTS:
        return None
    matrix = frame.to_numpy()
    if matrix.flags.writeable or matrix.dtype.kind not in "fiub" or len(names) < 2:
        _of_several_types.add(names)  # to make one array of them takes too long to be tried again
        return None
    return Table(len(matrix), matrix.nbytes, Held((names, matrix.T.copy()), held.read_matrices, held.matrix_alike))


_of_several_types: set[tuple[Any, ...]] = set()
_MOST_LAYOUTS = 1_000
"""Sets of names that are remembered."""


def _of_polars(frame: Any) -> Table:
    frozen = frame.clone()
    return Table(len(frozen), int(frozen.estimated_size()), Held(frozen, held.read_polars, held.polars_alike))


def _of_arrow(table: Any) -> Table:
    return Table(table.num_rows, table.nbytes, Held(table, held.read_arrow, held.arrow_alike))


def _of_array(array: Any, shape: tuple[int, ...], names: Sequence[str] | None) -> Table | None:
    """An array of two dimensions or more, a sparse matrix, or a structured array: one row for each of the first."""
    if getattr(getattr(array, "dtype", None), "names", None) is not None and len(shape) == 1:
        frozen = array.copy()
        return Table(len(frozen), frozen.nbytes, Held(frozen, held.read_structured, held.array_alike))
    if len(shape) < 2:
        return None
    if len(shape) == 2 and (names is not None or shape[1] <= arrays.MOST_UNNAMED):
        if arrays.is_sparse(array) and shape[0] * shape[1] > arrays.MOST_CELLS:
            swallowed(f"sparse matrices of more than {arrays.MOST_CELLS:,} cells are recorded without their features")
            return _without_features(shape[0])
        return _of_matrix(arrays.numpy_of(array), names)
    if arrays.is_sparse(array):
        swallowed("sparse matrices of many columns are recorded without their features; name some with features=")
        return _without_features(shape[0])
    if names is not None:
        return _misnamed(names, shape[0], f"the array the shape {shape}")
    if arrays.too_large(shape, "an array") or 0 in shape:
        return _without_features(shape[0])
    return _of_vectors(arrays.numpy_of(array).reshape(shape[0], -1))


def _of_matrix(matrix: np.ndarray, names: Sequence[str] | None) -> Table:
    rows, width = matrix.shape
    columns = tuple(map(str, names)) if names is not None else _numbered(width)
    if len(columns) != width:
        return _misnamed(columns, rows, f"the matrix {width} columns")
    frozen = matrix.T.copy()  # by column: each becomes an Arrow array without another copy
    return Table(rows, frozen.nbytes, Held((columns, frozen), held.read_matrices, held.matrix_alike))


@functools.lru_cache(maxsize=8)
def _numbered(width: int) -> tuple[str, ...]:
    """Names of columns without any."""
    return tuple(f"f{position}" for position in range(width))


def _misnamed(names: Sequence[str], rows: int, others: str) -> Table:
    """Rows whose features cannot be told by the names that were given."""
    swallowed(f"feature_names has {len(names)} names and {others}: the rows are recorded without features")
    return _without_features(rows)


def _of_vectors(matrix: np.ndarray) -> Table:
    """Rows of so many numbers that they are one embedding each."""
    if matrix.dtype.kind not in "fiub":
        told = [values.safely(row) for row in matrix]
        return Table(len(matrix), 0, Held({arrays.VECTOR: told}, held.ready))
    long_vector(matrix.shape[1])
    flat = matrix.astype("float32")
    return Table(len(matrix), flat.nbytes, Held(flat, held.read_vectors, held.vectors_alike))


def long_vector(numbers: int) -> None:
    """Say what becomes of numbers without names that are too many to be a feature each."""
    if numbers > arrays.MOST_UNNAMED:
        swallowed(
            f"vectors of more than {arrays.MOST_UNNAMED:,} numbers are one embedding, {arrays.VECTOR!r}; "
            "with feature_names= each is a feature"
        )


def _of_rows(rows: list[Any] | tuple[Any, ...], names: Sequence[str] | None) -> Table | None:
    """A list of mappings or records, or of lists or arrays."""
    first = rows[0] if rows else None
    if isinstance(first, Mapping) or values.fields(first) is not None:
        left_out: dict[str, str] = {}
        flat = [values.flatten(row if isinstance(row, Mapping) else values.fields(row) or {}, left_out) for row in rows]
        every = tuple(dict.fromkeys(name for row in flat for name in row))
        taken = Held((every, flat), held.read_rows, held.lists_alike)
        return Table(len(flat), 64 * len(flat) * len(every), taken, left_out)
    shape = arrays.shape_of(first)
    if not isinstance(first, (list, tuple)) and not shape:
        return None
    if shape is not None:
        rows = [arrays.numpy_of(row) for row in rows]
    return _of_nested(rows, names)


def _of_nested(rows: Sequence[Any], names: Sequence[str] | None) -> Table:
    """Rows that are lists or arrays: a matrix, columns of several kinds, or vectors of several lengths."""
    import numpy as np

    widths = {len(row) if hasattr(row, "__len__") else -1 for row in rows}
    if len(widths) == 1 and _depth(rows) <= _MOST_DEPTH:
        try:
            found = np.asarray(rows)
        except ValueError:  # lists beside numbers, or of several lengths
            found = np.zeros(0)
        listed = isinstance(rows[0], (list, tuple))
        if listed and _has_scalars(rows[0]) and (found.ndim != 2 or found.dtype.kind not in "fiub" or _has_flags(rows)):
            return _of_mixed(rows, names or _numbered(len(rows[0])))
        table = _of_array(found, found.shape, names)
        if table is not None:
            return table
    told = [values.safely(row) for row in rows]
    numbers = sum(len(each) for each in told if hasattr(each, "__len__"))
    return Table(len(told), 4 * numbers, Held({arrays.VECTOR: told}, held.ready))


def _has_scalars(row: Sequence[Any]) -> bool:
    """Whether a row has anything but lists: then each place is a feature."""
    return any(not isinstance(value, (list, tuple)) for value in row)


def _has_flags(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether flags stand beside numbers, which NumPy would make numbers."""
    return len({type(value).__name__ in ("bool", "bool_") for value in rows[0]}) > 1


def _of_mixed(rows: Sequence[Any], names: Sequence[str]) -> Table:
    """Rows of texts and numbers, which NumPy would make all texts."""
    columns = [list(map(values.safely, column)) for column in zip(*rows, strict=True)]
    if len(columns) != len(names):
        return _misnamed(names, len(rows), f"the rows {len(columns)} values")
    taken = Held((tuple(names), columns), held.read_lists, held.lists_alike)
    return Table(len(rows), 64 * len(rows) * len(columns), taken)


_MOST_DEPTH = 8


def _depth(rows: Sequence[Any]) -> int:
    """How deep lists are in lists, looked at where they begin; NumPy would look everywhere, for ever if need be."""
    depth, inner = 0, rows
    while isinstance(inner, (list, tuple)) and inner and depth <= _MOST_DEPTH:
        depth, inner = depth + 1, inner[0]
    return depth


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
    left_out: dict[str, str] = {}
    frozen = held.named(columns.items(), _frozen, left_out)
    rows = lengths.pop()
    nbytes = sum(getattr(column, "nbytes", 64 * rows) for column in frozen.values())
    return Table(rows, nbytes, Held(frozen, held.ready), left_out)


def _frozen(column: Any) -> Any:
    shape = arrays.shape_of(column)
    if shape is not None:
        return column_of(arrays.numpy_of(column).copy())
    return column_of(column.copy() if hasattr(column, "copy") else column)


__all__ = ["Table", "array_of", "column_of", "table_of"]
