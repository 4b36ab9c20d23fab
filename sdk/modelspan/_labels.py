"""Labels: what turned out to be true of predictions."""

from __future__ import annotations

import datetime
import time
from typing import Any

from modelspan import _runtime
from modelspan._failsafe import swallowed
from modelspan._redact import Redaction
from modelspan.capture.outputs import read
from modelspan.capture.tables import array_of
from modelspan.records.labels import Label


def label(
    prediction_id: Any,
    value: Any,
    *,
    timestamp: datetime.datetime | None = None,
    model: str | None = None,
) -> None:
    """Tell the outcome of a prediction, whenever it becomes known; a later label of the same prediction replaces it.

    Args:
        prediction_id: The prediction's id, or a column of ids (list, array, Series).
        value: The outcome: a number of a regression, a text or bool of a classification; or a column, one for each id.
        timestamp: When it became known; now, where not given. Without a time zone it is UTC.
        model: Name of the model, where the reader of the table should see it without a join.
    """
    if _runtime.disabled:
        return
    try:
        when = nanoseconds(timestamp)
        single = isinstance(prediction_id, str) or not hasattr(prediction_id, "__len__")
        bounds = Redaction(max_length=_runtime.current().settings.max_string_length)  # ids are cut as predictions' are
        take = _single if single else _columns
        told = take(prediction_id, value, when, model, bounds)
        _runtime.current().pipeline.add_label(told)
    except Exception as error:
        swallowed("a label could not be kept", error)


def nanoseconds(timestamp: datetime.datetime | None) -> int:
    """An instant as nanoseconds since 1970; without a time zone it is UTC, and None is now."""
    if timestamp is None:
        return time.time_ns()
    aware = timestamp if timestamp.tzinfo is not None else timestamp.replace(tzinfo=datetime.timezone.utc)
    since = aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def _single(prediction_id: Any, value: Any, when: int, model: str | None, bounds: Redaction) -> Label:
    told = read(value)
    label = None if told.label is None else bounds.cut(told.label)
    return Label(bounds.cut(str(prediction_id)), told.value, label, when, model=model)


def _columns(prediction_ids: Any, values: Any, when: int, model: str | None, bounds: Redaction) -> Label:
    """Columns are made at once: the caller may change its arrays afterwards."""
    from modelspan.capture.batches import snapshot

    ids = bounds.bounded(array_of(prediction_ids).cast("string"))
    told = snapshot(values, len(ids)).columns()
    for column in (told.value, told.label):
        if column is not None and len(column) != len(ids):
            raise ValueError(f"{len(ids)} prediction ids and {len(column)} labels were given")
    texts = None if told.label is None else bounds.bounded(told.label)
    return Label(ids, told.value, texts, when, len(ids), model)
