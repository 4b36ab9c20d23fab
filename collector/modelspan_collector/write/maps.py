"""From one Arrow column a feature to one map a row: vectorised, with the missing values named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEX = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""The two digits of each byte."""

LARGEST_EXACT = 2**53
"""Integers beyond it are rounded when they become Float64."""


@dataclass(frozen=True, slots=True)
class Features:
    """The feature columns of a stream, by the map that they belong to."""

    numeric: dict[str, pa.Array]
    categorical: dict[str, pa.Array]
    embeddings: dict[str, pa.Array]
    rounded: int
    """Integers too large for Float64 to hold exactly."""


def classify(columns: dict[str, pa.Array]) -> Features:
    """Sort features into maps by their Arrow type, as `docs/conventions.md` says."""
    features, rounded = Features({}, {}, {}, 0), 0
    for name, column in columns.items():
        kind = column.type
        if pa.types.is_dictionary(kind):
            column, kind = column.dictionary_decode(), kind.value_type
        if pa.types.is_boolean(kind):
            features.categorical[name] = pc.if_else(column, "true", "false")
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            features.embeddings[name] = column.cast(pa.list_(pa.float32()), safe=False)
        elif (numbers := _numbers(column)) is not None:
            features.numeric[name] = numbers
            rounded += _beyond(column)
        else:
            features.categorical[name] = column.cast(pa.string(), safe=False)
    return Features(features.numeric, features.categorical, features.embeddings, rounded)


def _numbers(column: pa.Array) -> pa.Array | None:
    """A column as Float64 with NaN as null; None where it is not of numbers."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = pc.divide(
            column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False), 1e6
        )
    elif pa.types.is_duration(kind) or pa.types.is_time(kind):
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        integers = column.cast(pa.int32()) if pa.types.is_time32(kind) else column.cast(pa.int64())
        column = pc.divide(integers.cast(pa.float64(), safe=False), unit)
    elif pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.float64(), safe=False)
    else:
        return None
    return pc.if_else(pc.is_nan(column), None, column)


def _beyond(column: pa.Array) -> int:
    if not pa.types.is_integer(column.type) or column.type.bit_width < 64:
        return 0
    large = pc.or_(pc.greater(column, LARGEST_EXACT), pc.less(column.cast(pa.int64(), safe=False), -LARGEST_EXACT))
    return int(pc.sum(large).as_py() or 0)


def to_map(columns: dict[str, pa.Array], rows: int, values: pa.DataType) -> pa.Array:
    """One map a row, its keys sorted; a null is a key that is not there.

    Args:
        columns: one array of `rows` values a key, all of type `values`.
        rows: the number of rows.
        values: the type of the map's values.
    """
    kind = pa.map_(pa.dictionary(pa.int16(), pa.string()), values)
    if not columns:
        return pa.MapArray.from_arrays(
            np.zeros(rows + 1, np.int32), _keys([], np.empty(0, np.int16)), pa.array([], values), type=kind
        )
    names = sorted(columns)
    present = np.column_stack([columns[name].is_valid().to_numpy(zero_copy_only=False) for name in names])
    row, key = np.nonzero(present)
    flat = pa.concat_arrays([columns[name] for name in names]).take(pa.array(key * rows + row))
    offsets = np.concatenate(([0], np.cumsum(present.sum(axis=1)))).astype(np.int32)
    return pa.MapArray.from_arrays(offsets, _keys(names, key.astype(np.int16)), flat, type=kind)


def missing(columns: Sequence[dict[str, pa.Array]], rows: int) -> pa.Array:
    """The names of the features that are null, one list a row."""
    every = {name: column for group in columns for name, column in group.items() if column.null_count}
    names = sorted(every)
    if not names:
        return pa.ListArray.from_arrays(np.zeros(rows + 1, np.int32), _keys([], np.empty(0, np.int16)))
    absent = np.column_stack([every[name].is_null().to_numpy(zero_copy_only=False) for name in names])
    _, key = np.nonzero(absent)
    offsets = np.concatenate(([0], np.cumsum(absent.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, _keys(names, key.astype(np.int16)))


def _keys(names: list[str], indices: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int16()), pa.array(names, pa.string()))


def hexadecimal(ids: pa.Array, width: int) -> pa.Array:
    """Ids of `width` bytes as lower-case hexadecimal; '' for null and for all zeros."""
    rows = len(ids)
    if pa.types.is_null(ids.type):
        return pa.array([""] * rows, pa.string())
    filled = ids.fill_null(bytes(width))
    raw = np.frombuffer(filled.buffers()[1], np.uint8)[filled.offset * width : (filled.offset + rows) * width]
    text = pa.StringArray.from_buffers(
        rows,
        pa.py_buffer(np.arange(0, (rows + 1) * 2 * width, 2 * width, dtype=np.int32)),
        pa.py_buffer(_HEX[raw].tobytes()),
    )
    return pc.if_else(pc.equal(text, "0" * 2 * width), "", text)
