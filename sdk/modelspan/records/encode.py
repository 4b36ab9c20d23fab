"""Calls as Arrow IPC streams: the columns of the event `modelspan.predictions`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan import _identity, conventions
from modelspan._failsafe import swallowed
from modelspan._gentle import gently, let_calls_pass
from modelspan._redact import Redaction
from modelspan.capture import batches, outputs
from modelspan.records import columns as plain
from modelspan.records.call import Call, Stream
from modelspan.records.record import Record
from modelspan.records.stream import FAST, write

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384
"""Rows of one record of a batch: with 30 features about 4 MB, well within what receivers accept."""


class Watcher(NamedTuple):
    """Who sees columns when they are made."""

    outputs: Callable[[Stream, batches.Outputs], None]
    """The predictions of every batch, kept or not."""
    features: Callable[[Stream, Iterable[tuple[str, str]]], None]
    """Names and Arrow types of the features of what is kept."""


def encode(calls: Sequence[Call], watcher: Watcher) -> Iterator[Record]:
    """Encode the calls that are kept: single rows of one shape together, a batch by itself."""
    for group in _groups(calls):
        yield from _guarded(group, watcher)


def _guarded(group: list[Call], watcher: Watcher) -> Iterator[Record]:
    """The records of a group; where it fails, one without a body that tells how many rows were lost."""
    encoded = 0
    try:
        for record in _rows(group, watcher) if group[0].table is None else _batch(group[0], watcher):
            encoded += record.rows
            yield record
    except Exception as error:
        swallowed("a prediction record could not be encoded", error)
        yield Record(conventions.EVENT_PREDICTIONS, b"", sum(call.rows for call in group if call.kept) - encoded, 0)


def _groups(calls: Sequence[Call]) -> list[list[Call]]:
    groups: dict[Any, list[Call]] = {}
    for call in gently(calls):
        if call.table is not None:
            groups[id(call)] = [call]
        elif call.kept:
            groups.setdefault((call.stream, call.names, call.observer), []).append(call)
    return list(groups.values())


def _rows(calls: list[Call], watcher: Watcher) -> Iterator[Record]:
    """Single rows of the same features."""
    by_column = list(zip(*[call.values for call in gently(calls)], strict=True))
    let_calls_pass(len(calls))
    parts = plain.split(by_column)
    if parts is not None:
        for part in parts:
            yield from _uniform([calls[row] for row in part], watcher)
    else:
        yield from _uniform(calls, watcher, by_column)


def _uniform(calls: list[Call], watcher: Watcher, by_column: Sequence[Sequence[Any]] | None = None) -> Iterator[Record]:
    """Single rows in which no feature mixes kinds."""
    raw = by_column if by_column is not None else list(zip(*[call.values for call in gently(calls)], strict=True))
    let_calls_pass(len(calls))
    first = calls[0]
    features: dict[str, Any] = {}
    for name, values in zip(first.names, raw, strict=True):
        column = plain.column(str(name), values)
        if column is not None:
            features[str(name)] = column
        let_calls_pass(len(values))
    table = _identity_columns(calls)
    let_calls_pass(len(calls))
    told = [read_result(call) for call in gently(calls)]
    table |= _output_columns(batches.of_rows(told), first.observer.redaction)
    table |= _optional("attribution.", [call.attributions for call in calls], float)
    features = first.observer.redaction.columns(conventions.COL_FEATURE_PREFIX, features)
    watcher.features(first.stream, _types(features))
    table |= features
    tags = _optional("", [call.tags for call in calls], str)
    table |= first.observer.tag_redaction.columns(conventions.COL_TAG_PREFIX, tags)
    yield Record(conventions.EVENT_PREDICTIONS, write(table, _metadata(first.stream)), len(calls), first.time_ns)


def read_result(call: Call) -> outputs.Output:
    """The output of a single row's call."""
    return call.result if isinstance(call.result, outputs.Output) else outputs.Output(value=call.result)


def _identity_columns(calls: list[Call]) -> dict[str, Any]:
    import pyarrow as pa

    times = [call.time_ns for call in gently(calls)]
    ids = [call.ids for call in gently(calls)]
    own = any(each is not None for each in ids)
    known = [call.context for call in gently(calls)]
    contexts = [context if context is not None and context.is_valid else None for context in gently(known)]
    traces = [context and context.trace_id.to_bytes(16, "big") for context in gently(contexts)]
    spans = [context and context.span_id.to_bytes(8, "big") for context in gently(contexts)]
    table = {
        conventions.COL_TIMESTAMP: pa.array(times, pa.timestamp("ns", "UTC")),
        conventions.COL_PREDICTION_ID: pa.array([call.prediction_id() for call in gently(calls)], pa.string())
        if own
        else _identity.column(times, [call.number for call in gently(calls)]),
        conventions.COL_TRACE_ID: pa.array(traces, pa.binary(16)),
        conventions.COL_SPAN_ID: pa.array(spans, pa.binary(8)),
        conventions.COL_DURATION: pa.array([call.duration for call in gently(calls)], pa.float64()),
        conventions.COL_ERROR_TYPE: pa.array([call.error_type for call in gently(calls)], pa.string()),
    }
    weights = [call.observer.weight for call in gently(calls)]
    if weights.count(1.0) != len(weights):
        table[conventions.COL_SAMPLE_WEIGHT] = pa.array(weights, pa.float64())
    return table


def _optional(prefix: str, mappings: Sequence[Mapping[str, Any] | None], plain_type: type) -> dict[str, Any]:
    """A column for each key that any row has."""
    import pyarrow as pa

    arrow = pa.string() if plain_type is str else pa.float64()
    names = dict.fromkeys(name for each in mappings if each for name in each)
    return {f"{prefix}{name}": pa.array([(each or {}).get(name) for each in mappings], arrow) for name in names}


def _output_columns(told: batches.Outputs, redaction: Redaction) -> dict[str, Any]:
    table: dict[str, Any] = {}
    if told.value is not None:
        table[conventions.COL_VALUE] = told.value
    if told.label is not None:
        table[conventions.COL_LABEL] = redaction.bounded(told.label)
    for name, scores in (told.scores or {}).items():
        table[f"{conventions.COL_SCORE_PREFIX}{redaction.cut(name)}"] = scores
    return table


def _batch(call: Call, watcher: Watcher) -> Iterator[Record]:
    """The rows of one batch, in records of at most `BATCH_ROWS`, none with a column that mixes kinds."""
    assert call.table is not None
    told = call.outputs.columns() if call.outputs is not None else batches.NOTHING
    watcher.outputs(call.stream, told)
    if not call.kept:
        return
    columns = call.table.columns()
    mixed = {name: column for name, column in columns.items() if isinstance(column, list)}
    predicted = _output_columns(told, call.observer.redaction)
    groups = plain.split(list(mixed.values()))
    for rows in [None] if groups is None else groups:
        kinds = {name: plain.column(name, _taken(column, rows)) for name, column in mixed.items()}
        pure = {name: _taken(column, rows) for name, column in columns.items() if name not in mixed}
        found = {name: column for name, column in (pure | kinds).items() if column is not None}
        features = call.observer.redaction.columns(conventions.COL_FEATURE_PREFIX, found)
        watcher.features(call.stream, _types(features))
        shared = _batch_identity(call) | predicted
        yield from _parts(call, {name: _taken(column, rows) for name, column in shared.items()} | features)


def _taken(column: Any, rows: list[int] | None) -> Any:
    """The given rows of a column; None is all."""
    if rows is None:
        return column
    return [column[row] for row in rows] if isinstance(column, list) else column.take(rows)


def _parts(call: Call, table: Mapping[str, Any]) -> Iterator[Record]:
    """A table in records; where values hardly compress, the later ones are compressed less."""
    level, rows = 1, len(table[conventions.COL_TIMESTAMP])
    for first in range(0, rows, BATCH_ROWS):
        part = {name: column.slice(first, BATCH_ROWS) for name, column in table.items()}
        body = write(part, _metadata(call.stream), level)
        if len(body) > 0.9 * sum(column.nbytes for column in part.values()):
            level = FAST
        yield Record(conventions.EVENT_PREDICTIONS, body, len(part[conventions.COL_TIMESTAMP]), call.time_ns)


def _batch_identity(call: Call) -> dict[str, Any]:
    import pyarrow as pa

    rows = call.rows

    def repeated(value: Any, kind: pa.DataType) -> pa.Array:
        return pa.nulls(rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), rows)

    instant = pa.timestamp("ns", "UTC")
    context = call.context if call.context is not None and call.context.is_valid else None
    table = {
        conventions.COL_TIMESTAMP: repeated(call.time_ns, instant) if call.times is None else call.times,
        conventions.COL_PREDICTION_ID: _identity.batch_column(call.time_ns, call.number, 0, rows)
        if call.ids is None
        else call.ids,
        conventions.COL_TRACE_ID: repeated(context and context.trace_id.to_bytes(16, "big"), pa.binary(16)),
        conventions.COL_SPAN_ID: repeated(context and context.span_id.to_bytes(8, "big"), pa.binary(8)),
        conventions.COL_DURATION: repeated(call.duration, pa.float64()),
        conventions.COL_ERROR_TYPE: repeated(call.error_type, pa.string()),
    }
    if call.observer.weight != 1.0:
        table[conventions.COL_SAMPLE_WEIGHT] = repeated(call.observer.weight, pa.float64())
    tags = {name: repeated(value, pa.string()) for name, value in call.tags.items()}
    return {**table, **call.observer.tag_redaction.columns(conventions.COL_TAG_PREFIX, tags)}


def _types(features: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name.removeprefix(conventions.COL_FEATURE_PREFIX), str(column.type)) for name, column in features.items())


def _metadata(stream: Stream) -> dict[str, str]:
    return {
        conventions.META_MODEL: stream.model,
        conventions.META_VERSION: stream.version,
        conventions.META_ROLE: stream.role,
    }
