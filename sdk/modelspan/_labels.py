"""Labels: what turned out to be true of predictions."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from modelspan import _runtime
from modelspan._failsafe import guard, swallowed
from modelspan._redact import Redaction
from modelspan.capture import names, times, values
from modelspan.capture.answers import Answer
from modelspan.capture.batches import UntoldError
from modelspan.capture.output_columns import Outputs, of_rows, of_vector
from modelspan.capture.outputs import NOTHING, UNTOLD, Output, Told, answered, read
from modelspan.capture.tables import table_of
from modelspan.capture.texts import id_of, ids_of
from modelspan.capture.values import clean
from modelspan.conventions import COL_SHAPE, MULTIOUTPUT, OUTCOME_LABEL
from modelspan.records.encode import answer_columns
from modelspan.records.labels import Label

if TYPE_CHECKING:
    import pyarrow as pa

_NO_ID = "labels without a prediction id, or with one that floats have rounded, are left out; the others arrive"
_NO_OUTCOME = "an outcome that is missing (None, NaN) is not known yet, and replaces none that is; the others arrive"


def label(
    prediction_id: Any,
    value: Any = None,
    *,
    timestamp: Any = None,
    model: str | None = None,
    outcome: str = OUTCOME_LABEL,
) -> None:
    """Tell the outcome of a prediction, whenever it becomes known; a later one of the same name replaces it.

    Args:
        prediction_id: The prediction's id, a column of ids (list, array, Series), or a table (DataFrame, Arrow table,
            list of rows) with the columns `prediction_id`, `value` or `label` or both, and, if it likes, `timestamp`.
        value: The outcome: a number of a regression, a text or bool of a classification, or several of them where the
            answer has several parts (labels, relevant items, numbers by name or in order); or a column of them, one for
            each id.
            One that is missing (None, NaN) is not known yet: it is left out, and said.
        timestamp: When it became known: a datetime, date, or text in ISO 8601, or a column of them; now, where not
            given. Without a time zone it is UTC.
        model: Name of the model, where the reader of the table should see it without a join.
        outcome: What became known: the label, which is what the model predicts, or anything else that came of it, by a
            name of its own (`revenue`, `satisfaction`, `chargeback`). Each is corrected by itself.
    """
    if _runtime.disabled:
        return
    with guard("a label could not be kept"):
        _keep(prediction_id, value, timestamp, model, outcome)


def _keep(prediction_id: Any, value: Any, timestamp: Any, model: str | None, outcome: str) -> None:
    try:
        named = _outcome_named(outcome)
        settings = _runtime.current().settings
        bounds = Redaction(settings.redact, max_length=settings.max_string_length, key=b"none is kept")
        if isinstance(prediction_id, (str, bytes)) or not hasattr(prediction_id, "__len__"):
            told = _single(prediction_id, value, timestamp, model, bounds)
        else:
            told = _many(prediction_id, value, timestamp, model, bounds)
        _runtime.current().pipeline.add_label(told._replace(outcome=named))
    except UntoldError as error:
        swallowed(f"labels are left out: {error}")


def _outcome_named(outcome: Any) -> str:
    """The name of an outcome as records have it: none of the label."""
    if not isinstance(outcome, str) or not clean(outcome).strip():
        raise UntoldError(f"the name of an outcome is a text such as 'revenue', not {outcome!r:.40}")
    named = clean(outcome).strip()
    return "" if named == OUTCOME_LABEL else named


def _single(prediction_id: Any, value: Any, timestamp: Any, model: str | None, bounds: Redaction) -> Label:
    found = id_of(prediction_id)
    if found is None:
        raise UntoldError("a label without a prediction id belongs to nothing")
    told = _truth(value)
    if told is NOTHING and value is not None:
        raise UntoldError(f"an outcome of type {type(value).__name__} is neither a number, a class nor several of them")
    if told.answer is None and told.label is None and (told.value is None or math.isnan(told.value)):
        raise UntoldError(_NO_OUTCOME)
    label = None if told.label is None else bounds.cut(clean(told.label))
    answer = None if told.answer is None else _without(told.answer, bounds)
    return Label(bounds.cut(found), told.value, label, _when(timestamp), model=_name(model), answer=answer)


def _without(answer: Answer, bounds: Redaction) -> Answer:
    """An answer without the numbers that a rule of redaction meets by name."""
    kept = {name: numbers for name, numbers in answer.outputs.items() if not bounds.takes_out(name)}
    if answer.outputs and not kept and not answer.items:
        raise UntoldError("all names of what was true are redacted")
    return answer._replace(outputs=kept)


def _truth(value: Any) -> Output:
    """What was true of one prediction: a number or a class, or several, which are no scores and no label with one."""
    if (
        value is None
        or values.is_plain(value)
        or (not isinstance(value, (Mapping, set, frozenset)) and len(value) == 1)
    ):
        return read(value)
    keys = (*names.LABEL_KEYS, *names.ANSWER_KEYS, *names.SCORE_KEYS)
    if isinstance(value, Mapping) and names.first_of(names.plain_keys(value), keys) is not None:
        return read(value)
    if isinstance(value, Mapping) and not value:
        return answered([])  # of no name is anything true, as of an empty list
    if isinstance(value, Mapping) and names.first_of(names.plain_keys(value), _OF_PARTS) is None:
        return answered(value, _BY_NAME)
    return answered(value)


_OF_PARTS: Final = (*names.ITEMS_KEYS, *names.BOXES_KEYS)
_BY_NAME: Final = Told(task=MULTIOUTPUT)
"""What is true by name keeps its names: `p10` is an item or an output, as nothing is true of a quantile."""


def _truths(column: Any) -> Outputs:
    """What was true of many: one column of numbers or classes, or several of them for each."""
    plain = column.to_pylist() if hasattr(column, "to_pylist") and "list" in str(column.type) else column
    objects = isinstance(plain, (list, tuple)) or str(getattr(plain, "dtype", "")) == "object"
    several = objects or getattr(plain, "ndim", 1) > 1
    if several and any(each is not None and not values.is_plain(each) for each in plain):
        return of_rows([_truth(each) for each in plain])
    return of_vector(column, UNTOLD)


def _name(model: str | None) -> str | None:
    return None if model is None else clean(str(model))


def _when(timestamp: Any) -> int:
    """One instant in nanoseconds since 1970; now, where it is not given or cannot be told."""
    when = times.instant(timestamp)
    if when is None and timestamp is not None:
        swallowed("instants of labels that are missing, or that cannot be read, are taken as now")
    return time.time_ns() if when is None else when


def _many(prediction_ids: Any, value: Any, timestamp: Any, model: str | None, bounds: Redaction) -> Label:
    """Columns are made at once: the caller may change its arrays afterwards."""
    if value is not None and (isinstance(prediction_ids, Mapping) or hasattr(prediction_ids, "columns")):
        raise UntoldError(
            f"an id of type {type(prediction_ids).__name__} is none: give the id, or a column of ids, and the outcome; "
            "or a table with the columns 'prediction_id' and 'value', alone"
        )
    columns = _columns_of(prediction_ids) if value is None else None
    if columns is not None:
        prediction_ids, told = _of_table(columns)
        timestamp = columns.get("timestamp", timestamp)
    ids = ids_of(prediction_ids)
    if columns is None:
        told = _outcomes(value, len(ids))
    several = hasattr(timestamp, "__len__") and not isinstance(timestamp, str)
    when: Any = times.or_now(times.instants(timestamp), "labels") if several else _when(timestamp)
    texts = None if told.label is None else bounds.bounded(told.label)
    answers = None if told.answers is None else answer_columns(told.answers, bounds)
    found = Label(bounds.bounded(ids), _numbers(told.value), texts, when, len(ids), _name(model), answer=answers)
    return _known(found)


def _columns_of(table: Any) -> Mapping[str, Any] | None:
    """The columns of a table of any kind, a mapping of lists or of a single row among them."""
    if isinstance(table, Mapping):
        return {
            str(name): column if hasattr(column, "__len__") and not isinstance(column, (str, bytes)) else [column]
            for name, column in table.items()
        }
    found = table_of(table)
    if found is None:
        return None
    columns = dict(found.columns())
    for name in {"value", "label"} & columns.keys():
        columns[name] = _listed(table, name, columns[name])
    return columns


def _listed(table: Any, name: str, column: Any) -> Any:
    """A column whose values are several each as they were given, where reading it as one column lost them."""
    if isinstance(column, list) and hasattr(table, "columns") and hasattr(table[name], "to_list"):
        return table[name].to_list()
    return column


def _numbers(column: pa.Array | None) -> pa.Array | None:
    """Numbers, null where they are NaN: nothing is known there."""
    import pyarrow.compute as pc

    return None if column is None else pc.if_else(pc.is_nan(column), None, column)


def _outcomes(value: Any, rows: int) -> Outputs:
    """The outcomes of so many predictions; a single one is that of all."""
    if value is None or isinstance(value, (str, bool, int, float, set, frozenset, Mapping)):
        value = [value] * rows
    if len(value) != rows:
        raise UntoldError(f"{rows} prediction ids and {len(value)} outcomes were given")
    return _truths(value)


def _of_table(columns: Mapping[str, Any]) -> tuple[Any, Outputs]:
    """Ids and outcomes out of a table: a value goes before a label, row by row."""
    given = [_truths(columns[name]) for name in ("value", "label") if name in columns]
    if not given or "prediction_id" not in columns:
        raise UntoldError("a table of labels has the columns 'prediction_id', and 'value' or 'label' or both")
    if len(given) == 1:
        return columns["prediction_id"], given[0]
    value, label = given
    texts = label.label if label.label is not None else None if label.value is None else ids_of(label.value)
    return columns["prediction_id"], Outputs(value.value, _first(value.label, texts), answers=value.answers)


def _first(left: pa.Array | None, right: pa.Array | None) -> pa.Array | None:
    """Of two columns, the left one's values, and where they are missing the right one's."""
    import pyarrow.compute as pc

    if left is None or right is None:
        return right if left is None else left
    return pc.coalesce(left, right)


def _known(label: Label) -> Label:
    """The rows that have an id and an outcome; what is left out is said once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {"value": label.value, "label": label.label, "time_ns": label.time_ns, **(label.answer or {})}
    columns = {name: column for name, column in columns.items() if column is not None and not isinstance(column, int)}
    if any(len(column) != label.rows for column in columns.values()):
        raise UntoldError(f"{label.rows} prediction ids, and outcomes or instants of another number, were given")
    named = pc.fill_null(pc.not_equal(label.prediction_id, ""), False)
    shapes = (label.answer or {}).get(COL_SHAPE)
    told = [column.is_valid() for column in (label.value, label.label, shapes) if column is not None]
    outcome = functools.reduce(pc.or_, told) if told else pa.array([False] * label.rows, pa.bool_())
    if not _all(named):
        swallowed(_NO_ID)
    if not _all(outcome):
        swallowed(f"labels are left out: {_NO_OUTCOME}")
    known = pc.and_(named, outcome)
    kept = {name: column.filter(known) for name, column in columns.items()}
    answer = {name: kept.pop(name) for name in label.answer or {}} or None
    ids = label.prediction_id.filter(known)
    return label._replace(prediction_id=ids, rows=len(ids), answer=answer, **kept)


def _all(column: pa.Array) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(column, min_count=0).as_py())
