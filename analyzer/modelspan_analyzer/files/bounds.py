"""How large a table becomes once its columns are spelt out, told before they are.

Dictionaries, runs and views let a few bytes stand for many: a text of a megabyte, named a million times, is a terabyte.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.rows import FileError

NO_LIMIT: Final = 2**62
"""Of a file of the user's own, which may unfold to anything."""
MOST_COLUMNS: Final = 100_000
MOST_CELLS: Final = 200_000_000


def check_shape(rows: int, columns: int) -> None:
    """Refuse tables of more columns, or of more cells, than are of use.

    Raises:
        FileError: it is beyond one of them.
    """
    if columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise FileError(f"it has {columns:,} columns and {rows:,} rows; read it in parts")


def too_large(limit: int) -> FileError:
    """The refusal of what unfolds to more than a limit."""
    return FileError(f"it unfolds to more than {limit:,} bytes; send it in parts")


def check_unfolded(table: pa.Table, limit: int) -> None:
    """Refuse a table whose columns are larger than a limit once they are plain.

    Raises:
        FileError: it is.
    """
    total = 0
    for column in table.columns:
        for chunk in column.chunks:
            total += unfolded(chunk)
            if total > limit:
                raise too_large(limit)


def unfolded(column: pa.Array) -> int:
    """Bytes of a column without dictionary, runs and views."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return unfolded(column.storage)
    if pa.types.is_dictionary(kind):
        return _repeated(column.dictionary, column.indices.drop_null()) + 4 * len(column)
    if pa.types.is_run_end_encoded(kind):
        return _largest(column.values) * len(column)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return int(_view_lengths(column).sum()) + 4 * len(column)
    if kind.num_fields and "view" in str(kind):
        return _largest(column.values) * int(pc.sum(pc.list_value_length(column)).as_py() or 0)
    return int(column.nbytes)


def _lengths(values: pa.Array) -> pa.Array:
    """Bytes of each value."""
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        return pa.array(_view_lengths(values))
    try:
        return pc.binary_length(values).cast(pa.int64())
    except pa.ArrowNotImplementedError:
        return pa.array(np.full(len(values), values.nbytes // max(1, len(values)) + 8))


def _repeated(values: pa.Array, indices: pa.Array) -> int:
    return int(pc.sum(_lengths(values).take(indices)).as_py() or 0)


def _largest(values: pa.Array) -> int:
    return int(pc.max(_lengths(values)).as_py() or 0) + 8


def _view_lengths(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The lengths of views, which each begin with theirs."""
    views = np.frombuffer(column.buffers()[1], np.int32)[: 4 * (column.offset + len(column))].reshape(-1, 4)
    return views[column.offset :, 0].astype(np.int64)
