"""Turns rows of a history into prediction records and labels, by the conventions on the wire."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_analyzer.replay.history import Columns
from modelspan_analyzer.tag_columns import tag_texts

_UTC = pa.timestamp("ns", "UTC")


def predictions(rows: pa.Table, columns: Columns, ids: pa.Array, times: pa.Array) -> pa.Table:
    """Rows as a `modelspan.predictions` table.

    With a score, the score is the value and the prediction the label. Without one, a fractional prediction is a
    regression's value, and any other a class label.
    """
    record: dict[str, pa.Array] = {names.COL_TIMESTAMP: times.cast(_UTC), names.COL_PREDICTION_ID: ids}
    predicted = rows[columns.prediction]
    if columns.score:
        record[names.COL_VALUE] = rows[columns.score].cast(pa.float64())
        record[names.COL_LABEL] = _text(predicted)
    else:
        record[names.COL_VALUE if pa.types.is_floating(predicted.type) else names.COL_LABEL] = _outcome(predicted)
    for feature in columns.features:
        record[names.COL_FEATURE_PREFIX + feature] = _plain(rows[feature])
    for segment in columns.segments:
        record[names.COL_TAG_PREFIX + segment] = tag_texts(rows[segment])
    return pa.table(record)


def labels(rows: pa.Table, column: str, ids: pa.Array, times: pa.Array) -> pa.Table:
    """The true outcomes that are known, as a `modelspan.labels` table."""
    truth = rows[column]
    target = names.COL_VALUE if pa.types.is_floating(truth.type) else names.COL_LABEL
    known = truth.is_valid()
    return pa.table(
        {names.COL_TIMESTAMP: times.cast(_UTC), names.COL_PREDICTION_ID: ids, target: _outcome(truth)}
    ).filter(known)


def _outcome(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.float64()) if pa.types.is_floating(column.type) else _text(column)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string())


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Large strings as strings: the wire knows one kind of text."""
    return _text(column) if pa.types.is_large_string(column.type) else column
