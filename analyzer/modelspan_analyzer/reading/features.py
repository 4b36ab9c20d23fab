"""Plain columns of a table into the maps in which the store keeps features.

A column's place follows from its Arrow type, as `modelspan.features` says; a null and a NaN are missing values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan import features
from modelspan_collector.write import maps

CHUNK_ROWS = 65_536
"""Rows turned at a time, which bounds the memory beside the table itself."""


def reference_parts(
    rows: pa.Table,
    *,
    prediction: str | None = None,
    score: str | None = None,
    label: str | None = None,
    ids: str | None = None,
    features: Sequence[str] | None = None,
    time: str | None = None,
) -> Iterator[pa.Table]:
    """A table in the shape of `reference_predictions`, part by part, without the columns that name the baseline.

    Rows keep the ids of a column, by which the person that they are about is found and forgotten; others get one.

    Raises:
        ValueError: a named column is not in the table, or does not hold what it is named for.
    """
    special = [name for name in (prediction, score, label, ids, time) if name]
    chosen = list(features) if features is not None else [name for name in rows.column_names if name not in special]
    have = rows.column_names
    absent = {*special, *chosen} - set(have)
    if absent:
        raise ValueError(f"no column {', '.join(sorted(absent))} in the table; it has {', '.join(have)}")
    for start in range(0, rows.num_rows, CHUNK_ROWS):
        part = rows.slice(start, CHUNK_ROWS)
        known = _ids(part, ids, start)
        told = _reference_chunk(part, prediction, score, label, chosen)
        stamps = pa.array(np.zeros(part.num_rows, np.int64)) if time is None else part[time].cast(pa.int64())
        told = told.add_column(0, "timestamp", stamps.cast(pa.timestamp("ns", "UTC")))
        yield told.add_column(0, "prediction_id", known)


def _ids(rows: pa.Table, column: str | None, start: int) -> pa.Array:
    made = pa.array([f"row-{number}" for number in range(start, start + rows.num_rows)], pa.string())
    return made if column is None else pc.coalesce(rows[column].combine_chunks().cast(pa.string()), made)


def _reference_chunk(
    rows: pa.Table, prediction: str | None, score: str | None, label: str | None, features: list[str]
) -> pa.Table:
    columns: dict[str, pa.Array] = _outcome(rows, prediction, "value", "label")
    if score:
        columns["value"] = _numbers(rows, score)
    columns |= _outcome(rows, label, "true_value", "true_label")
    columns |= feature_maps(rows.select(features))
    return pa.table(columns)


def feature_maps(rows: pa.Table) -> dict[str, pa.Array]:
    """The columns `numeric_features`, `categorical_features`, `null_features`, `embeddings` of a table's features.

    Columns that have no place (`modelspan.features.place` says why) are left out.
    """
    placed: dict[features.Place, dict[str, pa.Array]] = {}
    for field in rows.schema:
        converted = features.convert(rows[field.name], field)
        if converted.place is not None:
            placed.setdefault(converted.place, {})[field.name] = converted.column
    return maps.feature_columns(placed, rows.num_rows)


def _numbers(rows: pa.Table, name: str) -> pa.Array:
    """A column as Float64, with null for a missing value."""
    converted = features.convert(rows[name], rows.schema.field(name))
    if converted.place != "numeric":
        raise ValueError(f"column {name!r} holds no numbers but {rows.schema.field(name).type}")
    return converted.column


def _text(rows: pa.Table, name: str) -> pa.Array:
    converted = features.text(rows[name], rows.schema.field(name))
    if converted.column is None:
        raise ValueError(f"column {name!r} holds no classes: {converted.reason}")
    return converted.column


def _outcome(rows: pa.Table, column: str | None, number: str, text: str) -> dict[str, pa.Array]:
    """A predicted or true outcome: fractional numbers are values, everything else is a class."""
    if column is None:
        return {}
    if pa.types.is_floating(rows.schema.field(column).type):
        return {number: _numbers(rows, column)}
    return {text: pc.fill_null(_text(rows, column), "")}
