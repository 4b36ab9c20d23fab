"""Turns rows of a history, whose columns are settled, into prediction records and labels on the wire."""

from __future__ import annotations

import time

import pyarrow as pa

from modelspan import conventions as names
from modelspan_analyzer.files.roles import Roles

_UTC = pa.timestamp("ns", "UTC")


def predictions(rows: pa.Table, columns: Roles, ids: pa.Array, times: pa.Array) -> pa.Table:
    """Rows as a `modelspan.predictions` table.

    With a score, the score is the value and the prediction the label; else a number is a value, and a text a label.
    """
    record: dict[str, pa.Array] = {names.COL_TIMESTAMP: times.cast(_UTC), names.COL_PREDICTION_ID: ids}
    if columns.prediction and columns.prediction != columns.score:
        record[_target(rows, columns.prediction)] = rows[columns.prediction]
    if columns.score:
        record[names.COL_VALUE] = rows[columns.score]
    for feature in columns.features:
        record[names.COL_FEATURE_PREFIX + feature] = rows[feature]
    for segment in columns.segments:
        record[names.COL_TAG_PREFIX + segment] = rows[segment]
    return pa.table(record)


def labels(rows: pa.Table, column: str, ids: pa.Array, times: pa.Array) -> pa.Table:
    """The true outcomes that are known, as a `modelspan.labels` table."""
    truth = rows[column]
    record = {names.COL_TIMESTAMP: times.cast(_UTC), names.COL_PREDICTION_ID: ids, _target(rows, column): truth}
    return pa.table(record).filter(truth.is_valid())


def card(task: str) -> pa.Table:
    """What is known of the model as a `modelspan.model` table."""
    return pa.table({names.COL_TIMESTAMP: pa.array([time.time_ns()], _UTC), "task": [task]})


def _target(rows: pa.Table, column: str) -> str:
    return names.COL_VALUE if pa.types.is_floating(rows.schema.field(column).type) else names.COL_LABEL
