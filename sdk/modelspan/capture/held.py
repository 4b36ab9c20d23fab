"""Snapshots of tables, and how columns are read of them: of one, or of many small ones at once.

A service that puts each request into a frame of one row makes many frames a second, and to read the columns of each by
itself takes a hundred times what the rows take. So each library has one function that reads a list of snapshots which
are alike, one behind the other; a single snapshot is a list of one.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from modelspan._gentle import READ_AT_ONCE, slices
from modelspan.capture import arrays, values
from modelspan.capture.columns import column_of, one_chunk

SMALL_TABLE = 64
"""Rows up to which tables of several calls are read together."""


class Held(NamedTuple):
    """What was taken inside a call."""

    value: Any
    """A snapshot."""
    read: Callable[[Sequence[Any], Any], Any]
    """Columns of snapshots that are alike; the second argument is the reader's own, see `Table` and `Snapshot`."""
    alike: Callable[[Any], Hashable] | None = None
    """What snapshots share that may be read together; where it is None, or says None, each is read by itself."""


def named(columns: Iterable[tuple[Any, Any]], read: Callable[[Any], Any], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns by name; of those with the same name, the first counts, and the others are told in the reasons."""
    found: dict[str, Any] = {}
    beyond = 0
    for name, column in columns:
        if str(name) in found:
            values.say_twice(str(name), left_out)
        elif len(found) >= values.MOST_FEATURES:
            beyond += 1
        else:
            found[str(name)] = read(column)
    if beyond:
        values.too_many(left_out, beyond)
    return found


def nothing(_snapshots: Sequence[Any], _left_out: dict[str, str]) -> dict[str, Any]:
    """No columns, for rows that are counted without features."""
    return {}


def ready(snapshots: Sequence[dict[str, Any]], _left_out: dict[str, str]) -> dict[str, Any]:
    """Columns that are Arrow's already, of one table."""
    (columns,) = snapshots
    return columns


# --- frames ------------------------------------------------------------------------------------------


def pandas_alike(frame: Any) -> Hashable:
    """Names and types of the columns; categories may differ, as those of a single row often are its own alone."""
    category = sys.modules["pandas"].CategoricalDtype
    kinds = frame.dtypes.tolist()
    if category in map(type, kinds):
        kinds = [(category, kind.categories.dtype) if type(kind) is category else kind for kind in kinds]
    return (*frame.columns.tolist(), *kinds)


def read_pandas(frames: Sequence[Any], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of frames of the same names and types."""
    if len(frames) == 1:
        return named(frames[0].items(), column_of, left_out)
    pandas = sys.modules["pandas"]
    parts = [pandas.concat(part, ignore_index=True) for part in slices(frames, READ_AT_ONCE)]
    whole = parts[0] if len(parts) == 1 else pandas.concat(parts, ignore_index=True)
    categories = {at for at, kind in enumerate(frames[0].dtypes.tolist()) if type(kind) is pandas.CategoricalDtype}

    def columns() -> Iterable[tuple[Any, Any]]:
        for at, (name, column) in enumerate(whole.items()):
            if at in categories and type(column.dtype) is not pandas.CategoricalDtype:
                each = [frame.iloc[:, at] for frame in frames]
                column = pandas.Series(pandas.api.types.union_categoricals(each, ignore_order=True))
            yield name, column

    return named(columns(), column_of, left_out)


def polars_alike(frame: Any) -> Hashable:
    """Names and types of the columns; nothing where there are objects, which only a frame of its own can hold."""
    return None if sys.modules["polars"].Object in (kinds := frame.dtypes) else (*frame.columns, *kinds)


def read_polars(frames: Sequence[Any], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of frames of the same names and types."""
    whole = frames[0] if len(frames) == 1 else sys.modules["polars"].concat(frames)
    return named(zip(whole.columns, whole.get_columns(), strict=True), column_of, left_out)


def arrow_alike(table: Any) -> Hashable:
    """The schema, without what it says beside names and types."""
    return (type(table).__name__, *table.schema.names, *table.schema.types)


def read_arrow(tables: Sequence[Any], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of tables, or of batches, of the same names and types."""
    import pyarrow as pa

    schema = tables[0].schema
    every = [[table.column(at) for table in tables] for at in range(len(schema.names))]

    def one(parts: Sequence[Any]) -> Any:
        chunks = [chunk for part in parts for chunk in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])]
        return pa.concat_arrays(chunks) if len(parts) > 1 and chunks else one_chunk(parts[0])

    return named(zip(list(schema.names), every, strict=True), one, left_out)


# --- arrays ------------------------------------------------------------------------------------------


def array_alike(array: Any) -> Hashable:
    """The type of the values, of texts whatever their length."""
    dtype: Hashable = array.dtype
    return array.dtype.kind if array.dtype.kind in "US" else dtype


def matrix_alike(snapshot: tuple[tuple[Any, ...], Any]) -> Hashable:
    """The names of the columns and the type of the values."""
    return (*snapshot[0], array_alike(snapshot[1]))


def read_matrices(snapshots: Sequence[tuple[tuple[Any, ...], Any]], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of matrices, each given with its names, a row for each column."""
    import numpy as np

    names = snapshots[0][0]
    whole: Any = snapshots[0][1]
    if len(snapshots) > 1:
        whole = np.concatenate([matrix for _, matrix in snapshots], axis=1)
    return named(zip(names, whole, strict=True), column_of, left_out)


def read_structured(snapshots: Sequence[Any], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of structured arrays."""
    import numpy as np

    whole = snapshots[0] if len(snapshots) == 1 else np.concatenate(snapshots)
    columns = ((name, whole[name]) for name in whole.dtype.names or ())
    return named(columns, column_of, left_out)


def vectors_alike(matrix: Any) -> Hashable:
    """How many numbers a row has."""
    return int(matrix.shape[1])


def read_vectors(matrices: Sequence[Any], _left_out: dict[str, str]) -> dict[str, Any]:
    """Matrices of float32 whose rows are one embedding each."""
    import numpy as np
    import pyarrow as pa

    whole = matrices[0] if len(matrices) == 1 else np.concatenate(matrices)
    return {arrays.VECTOR: pa.FixedSizeListArray.from_arrays(pa.array(whole.ravel()), whole.shape[1])}


# --- lists -------------------------------------------------------------------------------------------


def lists_alike(snapshot: tuple[tuple[Any, ...], Any]) -> Hashable:
    """The names of the columns."""
    return snapshot[0]


def read_rows(snapshots: Sequence[tuple[tuple[Any, ...], Any]], _left_out: dict[str, str]) -> dict[str, Any]:
    """Columns of lists of mappings, each list given with all its names."""
    rows = list(itertools.chain.from_iterable(rows for _, rows in snapshots))
    return {name: column_of([row.get(name) for row in rows]) for name in snapshots[0][0]}


def read_lists(snapshots: Sequence[tuple[tuple[Any, ...], Any]], left_out: dict[str, str]) -> dict[str, Any]:
    """Columns given as lists with their names."""
    together = zip(*(columns for _, columns in snapshots), strict=True)
    columns = [list(itertools.chain.from_iterable(parts)) for parts in together]
    return named(zip(snapshots[0][0], columns, strict=True), column_of, left_out)
