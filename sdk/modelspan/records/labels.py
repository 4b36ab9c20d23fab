"""Labels, what turned out to be true, as Arrow streams: the columns of the event `modelspan.labels`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan import conventions
from modelspan._failsafe import attempt, guard
from modelspan.capture import answer_columns
from modelspan.capture.answer_columns import Answers
from modelspan.records.encode_batches import BATCH_ROWS
from modelspan.records.record import Record
from modelspan.records.stream import write

if TYPE_CHECKING:
    import pyarrow as pa


class Label(NamedTuple):
    """The outcome of one prediction, or columns of the outcomes of many."""

    prediction_id: Any
    """A text, or an Arrow column of texts."""
    value: Any
    """A number or None, or an Arrow column."""
    label: Any
    """A class or None, or an Arrow column."""
    time_ns: Any
    """When it became known (ns since 1970), or an Arrow column of instants."""
    rows: int = 1
    model: str | None = None
    outcome: str = ""
    answer: Any = None
    """An `Answer`, or Arrow columns of answers; None where it is a number or a class."""
    """What of the predictions became known; '' where it is the label, what the model predicts."""


def encode_labels(labels: Sequence[Label]) -> Iterator[Record]:
    """Encode single labels together, and each table by itself; what cannot be encoded has an empty body."""
    groups: dict[object, list[Label]] = {}
    for label in labels:
        groups.setdefault(id(label) if _is_table(label) else (label.model, label.outcome), []).append(label)
    for group in groups.values():
        yield from _guarded(group)


def _guarded(group: Sequence[Label]) -> Iterator[Record]:
    """The records of labels; where that fails, of each half, so that one that cannot be encoded goes alone."""
    found: list[Record] = []
    with attempt() if len(group) > 1 else guard("labels could not be encoded") as tried:
        found = list(_table(group[0])) if _is_table(group[0]) else [_single(group)]
    if tried.failed is None:
        yield from found
    elif len(group) == 1:
        yield Record(conventions.EVENT_LABELS, b"", group[0].rows, 0)
    else:
        middle = len(group) // 2
        for half in (group[:middle], group[middle:]):
            yield from _guarded(half)


def _is_table(label: Label) -> bool:
    return not isinstance(label.prediction_id, str)


def _single(labels: Sequence[Label]) -> Record:
    import pyarrow as pa

    return _record(
        pa.array([label.time_ns for label in labels], pa.timestamp("ns", "UTC")),
        pa.array([label.prediction_id for label in labels], pa.string()),
        pa.array([label.value for label in labels], pa.float64()),
        pa.array([label.label for label in labels], pa.string()),
        answer_columns.of_rows([label.answer for label in labels]),
        labels[0],
    )


def _table(label: Label) -> Iterator[Record]:
    import pyarrow as pa

    columns = (
        label.time_ns
        if not isinstance(label.time_ns, int)
        else pa.repeat(pa.scalar(label.time_ns, pa.timestamp("ns", "UTC")), label.rows),
        label.prediction_id,
        pa.nulls(label.rows, pa.float64()) if label.value is None else label.value,
        pa.nulls(label.rows, pa.string()) if label.label is None else label.label,
    )
    for first in range(0, label.rows, BATCH_ROWS):
        times, ids, values, texts = (column.slice(first, BATCH_ROWS) for column in columns)
        answers = {name: column.slice(first, BATCH_ROWS) for name, column in (label.answer or {}).items()}
        yield _record(times, ids, values, texts, answers, label)


def _record(
    times: pa.Array, ids: pa.Array, values: pa.Array, texts: pa.Array, answers: Answers | None, of: Label
) -> Record:
    """The record of labels that share their model and outcome with one of them."""
    import pyarrow as pa

    table = {
        conventions.COL_TIMESTAMP: times,
        conventions.COL_PREDICTION_ID: ids,
        conventions.COL_VALUE: values,
        conventions.COL_LABEL: texts,
        **(answers or {}),
    }
    if of.outcome:
        table[conventions.COL_OUTCOME] = pa.repeat(pa.scalar(of.outcome, pa.string()), len(ids))
    metadata = {} if of.model is None else {conventions.META_MODEL: of.model}
    return Record(conventions.EVENT_LABELS, write(table, metadata), len(ids), times[0].value)
