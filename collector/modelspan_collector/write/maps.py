"""From one Arrow column a feature to one map a row: vectorised, with the missing values named.

Which column goes where is said by `modelspan.features`; here the writer and the analyzer's baselines turn columns that
are at their place into the maps of the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan import features

COLUMNS: Final[Mapping[features.Place, str]] = {
    "numeric": "numeric_features",
    "categorical": "categorical_features",
    "embedding": "embeddings",
}
"""The column of `predictions` for each place."""

_MOST_SHORT: Final = 2**15
"""Keys that an index of 16 bits can tell apart: it halves the keys' bytes for almost everybody."""
_Indices: TypeAlias = npt.NDArray[np.int64]


def feature_columns(placed: Mapping[features.Place, Mapping[str, pa.Array]], rows: int) -> dict[str, pa.Array]:
    """The columns in which the store keeps features: a map for each place, and the names of those that are missing.

    Args:
        placed: by place, the converted columns by name (`modelspan.features.convert`).
        rows: the number of rows.
    """
    maps = {name: to_map(placed.get(place, {}), rows, features.TYPES[place]) for place, name in COLUMNS.items()}
    return {**maps, "null_features": missing(list(placed.values()), rows)}


def to_map(columns: Mapping[str, pa.Array], rows: int, values: pa.DataType) -> pa.Array:
    """One map a row, its keys sorted; a null is a key that is not there.

    Args:
        columns: one array of `rows` values a key, each of type `values`.
        rows: the number of rows.
        values: the type of the map's values.
    """
    names = sorted(columns)
    row, key, offsets = _marked([columns[name].is_valid() for name in names], rows)
    flat = pa.concat_arrays([pa.nulls(0, values), *(columns[name] for name in names)]).take(pa.array(key * rows + row))
    keys = _keys(names, key)
    return pa.MapArray.from_arrays(offsets, keys, flat, type=pa.map_(keys.type, values))


def missing(columns: Sequence[Mapping[str, pa.Array]], rows: int) -> pa.Array:
    """The names of the features that are null, one list a row."""
    every = {name: column for group in columns for name, column in group.items() if column.null_count}
    names = sorted(every)
    _, key, offsets = _marked([every[name].is_null() for name in names], rows)
    return pa.ListArray.from_arrays(offsets, _keys(names, key))


def _marked(flags: Sequence[pa.Array], rows: int) -> tuple[_Indices, _Indices, pa.Array]:
    """Where columns of flags are true, row by row: the rows, the columns, and where each row begins."""
    if not flags:
        nowhere: _Indices = np.zeros(0, np.int64)
        return nowhere, nowhere, pa.array(np.zeros(rows + 1, np.int32))
    marked = np.column_stack([flag.to_numpy(zero_copy_only=False) for flag in flags])
    row, column = np.nonzero(marked)
    return row, column, pa.array(np.concatenate(([0], np.cumsum(marked.sum(axis=1)))).astype(np.int32))


def _keys(names: list[str], indices: _Indices) -> pa.Array:
    width = pa.int16() if len(names) <= _MOST_SHORT else pa.int32()
    return pa.DictionaryArray.from_arrays(pa.array(indices).cast(width), pa.array(names, pa.string()))
