"""Columns without what their encoding adds: extension types, runs of equal values, lists that overlap."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def plain(column: pa.Array) -> pa.Array:
    """A column without extension type and run-end encoding."""
    if pa.types.is_run_end_encoded(column.type):
        column = _runs_decoded(column)
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _runs_decoded(column: pa.Array) -> pa.Array:
    """A value for every row, also where Arrow cannot decode runs of that type itself."""
    values = plain(column.values)
    if pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    rows: np.ndarray = np.arange(column.offset, column.offset + len(column))
    return values.take(pa.array(np.searchsorted(column.run_ends.to_numpy(), rows, side="right")))


def is_list_view(kind: pa.DataType) -> bool:
    """Whether values are lists that may overlap."""
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def listed(views: pa.Array) -> pa.Array:
    """Lists that may overlap as lists that stand one behind the other; Arrow's own cast ends the process at some."""
    width = np.int32 if pa.types.is_list_view(views.type) else np.int64
    rows = slice(views.offset, views.offset + len(views))
    begins, sizes = (np.frombuffer(buffer, width)[rows].astype(np.int64) for buffer in views.buffers()[1:3])
    valid = views.is_valid().to_numpy(zero_copy_only=False)
    sizes = np.where(valid, sizes, 0)
    ends = np.cumsum(sizes)
    places = np.repeat(begins - (ends - sizes), sizes) + np.arange(sizes.sum())
    return pa.LargeListArray.from_arrays(
        pa.array(np.concatenate(([0], ends))), views.values.take(pa.array(places)), mask=pa.array(~valid)
    )
