"""Calls as Arrow IPC streams: the columns of the event `modelspan.predictions`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from modelspan import _identity, conventions
from modelspan._failsafe import attempt, guard
from modelspan._gentle import columns_at_once, gently, let_calls_pass, slices
from modelspan._redact import Redaction
from modelspan.capture import batches, outputs
from modelspan.capture.output_columns import of_rows
from modelspan.capture.values import clean, say_twice
from modelspan.records import columns as plain
from modelspan.records import placing
from modelspan.records.call import Call, Stream
from modelspan.records.record import Record
from modelspan.records.stream import write
from modelspan.records.unpacked import Rows

_Row = TypeVar("_Row")

RECORD_BYTES = 2**24
"""Bytes of one record before it is compressed, unless a single row has more."""


Learn = Callable[[Stream, Iterable[tuple[str, str]]], None]
"""Is told the names and Arrow types of the features of what is kept."""


def encode(calls: Sequence[Call], learn: Learn) -> Iterator[Record]:
    """Encode the calls of single rows that are kept: those of one shape together."""
    for group in _groups(calls):
        for part in pieces(group, max(call.nbytes for call in group)):
            yield from _single_rows(part, learn)


def pieces(rows: Sequence[_Row], row_bytes: int) -> Iterator[Sequence[_Row]]:
    """Rows in pieces of which each makes a record of bounded size."""
    most = max(1, RECORD_BYTES // max(1, row_bytes))
    return (rows[first : first + most] for first in range(0, len(rows), most))


def encode_packed(rows: Rows, learn: Learn) -> Iterator[Record]:
    """Encode packed calls of one layout, if they are kept."""
    if rows.layout.shape.kept:
        yield from guarded(_packed(rows, learn), rows.rows)


def _single_rows(calls: Sequence[Call], learn: Learn) -> Iterator[Record]:
    """The records of single rows; where that fails, of each half, so that a row that cannot be encoded goes alone."""
    found: list[Record] = []
    with attempt() if len(calls) > 1 else guard(_UNENCODED) as tried:
        found = list(_rows(calls, learn))
    if tried.failed is None:
        yield from found
    elif len(calls) == 1:
        yield Record(conventions.EVENT_PREDICTIONS, b"", 1, 0)
    else:
        middle = len(calls) // 2
        for half in (calls[:middle], calls[middle:]):
            yield from _single_rows(half, learn)


_UNENCODED = "a prediction record could not be encoded"


def guarded(records: Iterator[Record], rows: int) -> Iterator[Record]:
    """The records of so many rows; where one fails, one without a body that tells how many rows were lost."""
    encoded = 0
    while True:
        record = None
        with guard(_UNENCODED) as tried:
            record = next(records, None)
        if tried.failed is not None:
            yield Record(conventions.EVENT_PREDICTIONS, b"", rows - encoded, 0)
            return
        if record is None:
            return
        encoded += record.rows
        yield record


def _groups(calls: Sequence[Call]) -> list[list[Call]]:
    groups: dict[Any, list[Call]] = {}
    for call in gently(calls):
        if call.kept:
            groups.setdefault((call.stream, call.names, call.observer, *call.left_out.items()), []).append(call)
    return list(groups.values())


def _rows(calls: Sequence[Call], learn: Learn) -> Iterator[Record]:
    """Single rows of the same features."""
    by_column = _columns(calls)
    parts = plain.split(by_column)
    if parts is not None:
        for part in parts:
            yield from _uniform([calls[row] for row in part], learn)
    else:
        yield from _uniform(calls, learn, by_column)


def _columns(calls: Sequence[Call]) -> list[list[Any]]:
    """The values of each feature."""
    rows = [call.values for call in calls]
    places = range(len(calls[0].names))
    return [list(map(itemgetter(at), rows)) for at in gently(places, columns_at_once(len(calls)))]


def _uniform(calls: Sequence[Call], learn: Learn, by_column: Sequence[Sequence[Any]] | None = None) -> Iterator[Record]:
    """Single rows in which no feature mixes kinds."""
    raw = by_column if by_column is not None else _columns(calls)
    first = calls[0]
    features: dict[str, Any] = {}
    left_out = dict(first.left_out)
    for at in gently(range(len(raw)), columns_at_once(len(calls))):
        name = clean(str(first.names[at]))
        if name in features:
            say_twice(name, left_out)
            continue
        column = plain.column(name, raw[at], left_out)
        if column is not None:
            features[name] = column
    table = _identity_columns(calls)
    told = [read_result(call) for call in gently(calls)]
    table |= output_columns(of_rows(told), first.observer.redaction)
    table |= _optional(conventions.COL_ATTRIBUTION_PREFIX, [call.attributions for call in calls], float)
    features = placing.placed(features, first.observer.redaction, left_out)
    learn(first.stream, types(features))
    table |= features
    tags = _optional("", [call.tags for call in calls], str)
    table |= first.observer.tag_redaction.columns(conventions.COL_TAG_PREFIX, tags)
    shared = metadata(first.stream) | placing.metadata(left_out, first.observer.redaction)
    yield Record(conventions.EVENT_PREDICTIONS, write(table, shared), len(calls), first.time_ns)


def read_result(call: Call) -> outputs.Output:
    """The output of a single row's call."""
    return call.result if isinstance(call.result, outputs.Output) else outputs.Output(value=call.result)


def _identity_columns(calls: Sequence[Call]) -> dict[str, Any]:
    import pyarrow as pa

    known = [each for part in slices(calls) for each in map(_IDENTITY, part)]
    times, numbers, ids, contexts, durations, errors = map(list, zip(*known, strict=True))
    own = any(each is not None for each in ids)
    let_calls_pass(len(calls))
    valid = [context if context is not None and context.is_valid else None for context in gently(contexts)]
    traces = [context and context.trace_id.to_bytes(16, "big") for context in gently(valid)]
    spans = [context and context.span_id.to_bytes(8, "big") for context in gently(valid)]
    table = {
        conventions.COL_TIMESTAMP: pa.array(times, pa.timestamp("ns", "UTC")),
        conventions.COL_PREDICTION_ID: pa.array([call.prediction_id() for call in gently(calls)], pa.string())
        if own
        else _identity.column(times, numbers),
        conventions.COL_TRACE_ID: pa.array(traces, pa.binary(16)),
        conventions.COL_SPAN_ID: pa.array(spans, pa.binary(8)),
        conventions.COL_DURATION: pa.array(durations, pa.float64()),
        conventions.COL_ERROR_TYPE: pa.array(errors, pa.string()),
    }
    let_calls_pass(len(calls))
    return table | weights(calls[0].observer.weight, len(calls))


_IDENTITY = attrgetter("time_ns", "number", "ids", "context", "duration", "error_type")


def weights(weight: float, rows: int) -> dict[str, Any]:
    """The column of weights, where sampling is on: all rows of a record are of one observer."""
    import pyarrow as pa

    return {} if weight == 1.0 else {conventions.COL_SAMPLE_WEIGHT: pa.repeat(pa.scalar(weight, pa.float64()), rows)}


def _packed(rows: Rows, learn: Learn) -> Iterator[Record]:
    """Packed calls of one layout: the same columns as those of single rows."""
    shape = rows.layout.shape
    redaction, tag_redaction = shape.observer.redaction, shape.observer.tag_redaction
    features = redaction.columns(conventions.COL_FEATURE_PREFIX, rows.features())
    learn(shape.stream, types(features))
    let_calls_pass(rows.rows)
    table = rows.identity() | weights(shape.observer.weight, rows.rows) | output_columns(rows.outputs, redaction)
    let_calls_pass(rows.rows)
    table |= features | tag_redaction.columns(conventions.COL_TAG_PREFIX, rows.tags())
    yield Record(conventions.EVENT_PREDICTIONS, write(table, metadata(shape.stream)), rows.rows, rows.time_ns)


def _optional(prefix: str, mappings: Sequence[Mapping[str, Any] | None], plain_type: type) -> dict[str, Any]:
    """A column for each key that any row has."""
    import pyarrow as pa

    names = dict.fromkeys(name for each in mappings if each for name in each)
    found: dict[str, Any] = {}
    for name in names:
        raw = [(each or {}).get(name) for each in mappings]
        with guard(f"{prefix}{str(name)[:80]} cannot be converted and is left out"):
            column = plain.texts(raw) if plain_type is str else pa.array(raw, pa.float64())
            found[f"{prefix}{clean(str(name))}"] = column
    return found


def output_columns(told: batches.Outputs, redaction: Redaction) -> dict[str, Any]:
    """Columns of predictions, labels and scores, those that there are."""
    table: dict[str, Any] = {}
    if told.value is not None:
        table[conventions.COL_VALUE] = told.value
    if told.label is not None:
        table[conventions.COL_LABEL] = redaction.bounded(told.label)
    for name, scores in (told.scores or {}).items():
        table[f"{conventions.COL_SCORE_PREFIX}{redaction.cut(clean(name))}"] = scores
    return table | answer_columns(told.answers, redaction)


def answer_columns(answers: Mapping[str, Any] | None, redaction: Redaction) -> dict[str, Any]:
    """The columns of answers of several parts, without the numbers that a rule meets by name."""
    prefix = conventions.COL_OUTPUT_PREFIX
    return {
        name: column
        for name, column in (answers or {}).items()
        if not (name.startswith(prefix) and redaction.takes_out(name.removeprefix(prefix)))
    }


def types(features: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and Arrow types of the columns of features."""
    return ((name.removeprefix(conventions.COL_FEATURE_PREFIX), str(column.type)) for name, column in features.items())


def metadata(stream: Stream) -> dict[str, str]:
    """What all rows of a record share, for its schema."""
    return {
        conventions.META_MODEL: stream.model,
        conventions.META_VERSION: stream.version,
        conventions.META_ROLE: stream.role,
    }
