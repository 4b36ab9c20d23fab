"""Plain columns of a table into the maps in which the store keeps features.

A column's place follows from its Arrow type, as docs/conventions.md says: numbers, dates and durations are numeric
features, text and booleans categorical ones, lists of floats embeddings; a null and a NaN are missing values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CHUNK_ROWS = 65_536
"""Rows turned at a time, which bounds the memory beside the table itself."""


def reference_parts(
    rows: pa.Table,
    *,
    prediction: str | None = None,
    score: str | None = None,
    label: str | None = None,
    features: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """A table in the shape of `reference_predictions`, part by part, without the columns that name the baseline.

    Raises:
        ValueError: a named column is not in the table.
    """
    special = [name for name in (prediction, score, label) if name]
    chosen = list(features) if features is not None else [name for name in rows.column_names if name not in special]
    absent = [name for name in [*special, *chosen] if name not in rows.column_names]
    if absent:
        raise ValueError(f"no column {', '.join(absent)} in the table; it has {', '.join(rows.column_names)}")
    for start in range(0, rows.num_rows, CHUNK_ROWS):
        part = rows.slice(start, CHUNK_ROWS).combine_chunks()
        yield _reference_chunk(part, prediction, score, label, chosen, start)


def _reference_chunk(
    rows: pa.Table, prediction: str | None, score: str | None, label: str | None, features: list[str], start: int
) -> pa.Table:
    ids = pa.array([f"row-{number}" for number in range(start, start + rows.num_rows)])
    columns: dict[str, pa.Array] = {
        "timestamp": pa.array(np.zeros(rows.num_rows, np.int64)).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": ids,
    }
    columns |= _outcome(rows, prediction, "value", "label")
    if score:
        columns["value"] = _numbers(rows[score])
    columns |= _outcome(rows, label, "true_value", "true_label")
    columns |= feature_maps(rows.select(features))
    return pa.table(columns)


def feature_maps(rows: pa.Table) -> dict[str, pa.Array]:
    """The columns `numeric_features`, `categorical_features`, `null_features`, `embeddings` of a table's features."""
    kinds = {name: feature_kind(rows.schema.field(name).type) for name in rows.column_names}
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    embedded = [name for name, kind in kinds.items() if kind == "embedding"]
    numbers = [_numbers(rows[name]) for name in numeric]
    texts = [_text(rows[name]) for name in categorical]
    vectors = [rows[name].combine_chunks().cast(pa.list_(pa.float32())) for name in embedded]
    every = [*numeric, *categorical, *embedded]
    return {
        "numeric_features": _maps(numeric, numbers, pa.float64(), rows.num_rows),
        "categorical_features": _maps(categorical, texts, pa.string(), rows.num_rows),
        "embeddings": _maps(embedded, vectors, pa.list_(pa.float32()), rows.num_rows),
        "null_features": _missing(every, [*numbers, *texts, *vectors], rows.num_rows),
    }


def feature_kind(kind: pa.DataType) -> str:
    """`numeric`, `categorical` or `embedding`: where a column of this Arrow type goes."""
    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numeric"
    if types.is_temporal(kind):
        return "numeric"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "embedding"
    return "categorical"


def _numbers(column: pa.ChunkedArray) -> pa.Array:
    """Float64 with null for a missing value; times and durations in seconds."""
    column = column.combine_chunks()
    types = pa.types
    if types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if types.is_timestamp(column.type) or types.is_duration(column.type) or types.is_time(column.type):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
        whole = pa.int32() if types.is_time32(column.type) else pa.int64()
        return pc.divide(column.cast(whole).cast(pa.float64()), float(per_second))
    values = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)


def _text(column: pa.ChunkedArray) -> pa.Array:
    column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _outcome(rows: pa.Table, column: str | None, number: str, text: str) -> dict[str, pa.Array]:
    """A predicted or true outcome: fractional numbers are values, everything else is a class."""
    if column is None:
        return {}
    if pa.types.is_floating(rows.schema.field(column).type):
        return {number: _numbers(rows[column])}
    return {text: pc.fill_null(_text(rows[column]), "")}


def _maps(names: list[str], columns: list[pa.Array], item_type: pa.DataType, rows: int) -> pa.Array:
    """One map a row, of the features that are present in it."""
    if not names:
        empty = pa.array([], pa.string()), pa.array([], item_type)
        return pa.MapArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), *empty)
    present = _present(columns)
    places = np.flatnonzero(present)
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    by_column = pa.concat_arrays(columns)
    row, column = places // len(names), places % len(names)
    items = by_column.take(pa.array(column * rows + row))
    return pa.MapArray.from_arrays(pa.array(offsets), pa.array(names).take(pa.array(column)), items)


def _missing(names: list[str], columns: list[pa.Array], rows: int) -> pa.Array:
    if not names:
        return pa.array([[]] * rows, pa.list_(pa.string()))
    absent = ~_present(columns)
    offsets = np.concatenate([[0], np.cumsum(absent.sum(axis=1))]).astype(np.int32)
    places = np.flatnonzero(absent) % len(names)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names).take(pa.array(places)))


def _present(columns: list[pa.Array]) -> npt.NDArray[np.bool_]:
    """Rows × columns: True where there is a value."""
    return np.column_stack([column.is_valid().to_numpy(zero_copy_only=False) for column in columns])
