"""Labels: what turned out to be true of predictions."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from modelspan import _runtime
from modelspan._failsafe import swallowed
from modelspan._redact import Redaction
from modelspan.capture.outputs import read
from modelspan.capture.tables import array_of, table_of
from modelspan.records.labels import Label


def label(
    prediction_id: Any,
    value: Any = None,
    *,
    timestamp: Any = None,
    model: str | None = None,
) -> None:
    """Tell the outcome of a prediction, whenever it becomes known; a later label of the same prediction replaces it.

    Args:
        prediction_id: The prediction's id, a column of ids (list, array, Series), or a table (DataFrame, Arrow table,
            list of rows) with the columns `prediction_id`, `value` or `label`, and, if it likes, `timestamp`.
        value: The outcome: a number of a regression, a text or bool of a classification; or a column, one for each id.
        timestamp: When it became known: a datetime, or a column of instants; now, where not given. Without a time zone
            it is UTC.
        model: Name of the model, where the reader of the table should see it without a join.
    """
    if _runtime.disabled:
        return
    try:
        bounds = Redaction(max_length=_runtime.current().settings.max_string_length)  # ids are cut as predictions' are
        if isinstance(prediction_id, str) or not hasattr(prediction_id, "__len__"):
            told = _single(prediction_id, value, nanoseconds(timestamp), model, bounds)
        else:
            table = table_of(prediction_id) if value is None else None
            if table is not None:
                prediction_id, value, timestamp = _of_table(table.columns(), timestamp)
            told = _columns(prediction_id, value, _instants(timestamp), model, bounds)
        _runtime.current().pipeline.add_label(told)
    except BaseException as error:
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


def _of_table(columns: Mapping[str, Any], timestamp: Any) -> tuple[Any, Any, Any]:
    """Ids, outcomes and instants out of a table."""
    outcome = next((columns[name] for name in ("value", "label") if name in columns), None)
    if outcome is None or "prediction_id" not in columns:
        raise ValueError("a table of labels has the columns 'prediction_id', and 'value' or 'label'")
    return columns["prediction_id"], outcome, columns.get("timestamp", timestamp)


def _instants(timestamp: Any) -> Any:
    """One instant for all (ns since 1970), or an Arrow column of instants."""
    if timestamp is None or isinstance(timestamp, datetime.datetime):
        return nanoseconds(timestamp)
    import pyarrow as pa

    return array_of(timestamp).cast(pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC"))


def _columns(prediction_ids: Any, values: Any, when: Any, model: str | None, bounds: Redaction) -> Label:
    """Columns are made at once: the caller may change its arrays afterwards."""
    from modelspan.capture.batches import snapshot

    ids = bounds.bounded(array_of(prediction_ids).cast("string"))
    told = snapshot(values, len(ids)).columns()
    for column in (told.value, told.label, None if isinstance(when, int) else when):
        if column is not None and len(column) != len(ids):
            raise ValueError(f"{len(ids)} prediction ids and {len(column)} labels were given")
    texts = None if told.label is None else bounds.bounded(told.label)
    return Label(ids, told.value, texts, when, len(ids), model)
