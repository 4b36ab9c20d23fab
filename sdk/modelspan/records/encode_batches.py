"""Batches as Arrow IPC streams: the same event as single rows, one call or several to a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan import _identity, conventions
from modelspan._failsafe import attempt, guard
from modelspan._gentle import BATCHES_AT_ONCE, gently
from modelspan.capture.values import clean
from modelspan.records import columns as plain
from modelspan.records import placing
from modelspan.records.call import Call, Stream
from modelspan.records.encode import RECORD_BYTES, Learn, guarded, metadata, output_columns, types, weights
from modelspan.records.groups import Group
from modelspan.records.record import Record
from modelspan.records.stream import FAST, write

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384
"""Rows of one record of a batch: with 30 features about 4 MB, well within what receivers accept."""
SMALL_BATCH = 2_048
"""Rows up to which batches share a record: a service that puts each request into a frame of one row has many."""


class _Columns(NamedTuple):
    """Columns of one batch or several."""

    stream: Stream
    table: Mapping[str, Any]
    time_ns: int
    shared: Mapping[str, str]
    """Metadata of the record."""

    @property
    def rows(self) -> int:
        """How many rows they have."""
        return len(self.table[conventions.COL_TIMESTAMP])


def encode_batches(groups: Sequence[Group], learn: Learn) -> Iterator[Record]:
    """Encode the rows of batches that are kept, in records of at most `BATCH_ROWS`; small batches share one."""
    small: dict[Any, list[_Columns]] = {}
    for group in gently([group for group in groups if group.first.kept], BATCHES_AT_ONCE):
        found, lost = _read(group, learn)
        if lost:
            yield Record(conventions.EVENT_PREDICTIONS, b"", lost, 0)
        for columns in found:
            if columns.rows > SMALL_BATCH:
                yield from guarded(_parts(columns), columns.rows)
                continue
            key = (*columns.shared.items(), *((name, column.type) for name, column in columns.table.items()))
            alike = small.setdefault(key, [])
            alike.append(columns)
            if sum(each.rows for each in alike) >= BATCH_ROWS:
                yield from _together(small.pop(key))
    for alike in small.values():
        yield from _together(alike)


def _together(alike: list[_Columns]) -> Iterator[Record]:
    """Batches of the same columns as one; where they cannot be joined, each by itself."""
    import pyarrow as pa

    first, tables = alike[0], [columns.table for columns in alike]
    whole = alike
    with guard("batches could not be joined, and are sent one by one"):
        joined = {name: pa.concat_arrays([table[name] for table in tables]) for name in first.table}
        whole = [first._replace(table=joined)]
    for columns in whole:
        yield from guarded(_parts(columns), columns.rows)


def _read(group: Group, learn: Learn) -> tuple[list[_Columns], int]:
    """The columns of calls, of each by itself where they cannot be read as one; and how many rows cannot be encoded."""
    several = len(group.calls) > 1
    with attempt() if several else guard("a prediction record could not be encoded") as tried:
        return list(_columns(group, learn)), 0
    assert tried.failed
    if not several:
        return [], group.rows
    each = [_read(alone, learn) for alone in group.alone()]
    return [columns for found, _ in each for columns in found], sum(lost for _, lost in each)


def _columns(group: Group, learn: Learn) -> Iterator[_Columns]:
    """The columns of calls, none of which mixes kinds."""
    stream, redaction = group.first.stream, group.first.observer.redaction
    given, reasons = group.features()
    columns = {clean(name): column for name, column in given.items()}
    mixed = {name: column for name, column in columns.items() if isinstance(column, list)}
    shared = _identity_columns(group) | output_columns(group.predicted, redaction)
    parts = plain.split(list(mixed.values()))
    for rows in [None] if parts is None else parts:
        left_out = {clean(name): why for name, why in reasons.items()}
        kinds = {name: plain.column(name, _taken(column, rows), left_out) for name, column in mixed.items()}
        pure = {name: _taken(column, rows) for name, column in columns.items() if name not in mixed}
        found = {name: column for name, column in (pure | kinds).items() if column is not None}
        features = placing.placed(found, redaction, left_out)
        learn(stream, types(features))
        table = {name: _taken(column, rows) for name, column in shared.items()} | features
        yield _Columns(stream, table, group.first.time_ns, metadata(stream) | placing.metadata(left_out, redaction))


def _taken(column: Any, rows: list[int] | None) -> Any:
    """The given rows of a column; None is all."""
    if rows is None:
        return column
    return [column[row] for row in rows] if isinstance(column, list) else column.take(rows)


def _parts(columns: _Columns) -> Iterator[Record]:
    """Columns in records; where values hardly compress, the later ones are compressed less."""
    level = 1
    size = sum(map(_spelt_out, columns.table.values()))
    most = max(1, min(BATCH_ROWS, columns.rows * RECORD_BYTES // max(1, size)))
    for first in range(0, columns.rows, most):
        part = columns.table
        if columns.rows > most:
            part = {name: column.slice(first, most) for name, column in part.items()}
        body = write(part, columns.shared, level)
        if len(body) > 0.9 * sum(column.nbytes for column in part.values()):
            level = FAST
        yield Record(conventions.EVENT_PREDICTIONS, body, len(part[conventions.COL_TIMESTAMP]), columns.time_ns)


def _spelt_out(column: pa.Array) -> int:
    """Bytes of a column once each row has its own value, which is what receivers count; categories share theirs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    kind = column.type.value_type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    longest = pc.max(pc.binary_length(column.dictionary)).as_py() if texts else 8
    return max(int(column.nbytes), len(column) * int(longest or 0))


def _identity_columns(group: Group) -> dict[str, Any]:
    """What each row says beside features and outputs."""
    import numpy as np
    import pyarrow as pa

    calls, first = group.calls, group.first
    rows = [call.rows for call in calls]
    call_of_row = None if group.rows == len(calls) else pa.array(np.repeat(np.arange(len(calls)), rows))

    def column(told: Iterable[Any], kind: pa.DataType) -> pa.Array:
        values = pa.array(list(told), kind)
        return values if call_of_row is None else values.take(call_of_row)

    valid = [call.context if call.context is not None and call.context.is_valid else None for call in calls]
    instant = pa.timestamp("ns", "UTC")
    tags = {
        name: column((call.tags.get(name) for call in calls), pa.string())
        for name in dict.fromkeys(name for call in calls for name in call.tags)
    }
    return {
        conventions.COL_TIMESTAMP: column((call.time_ns for call in calls), instant)
        if first.times is None
        else first.times,
        conventions.COL_PREDICTION_ID: _ids(calls, rows),
        conventions.COL_TRACE_ID: column((each and each.trace_id.to_bytes(16, "big") for each in valid), pa.binary(16)),
        conventions.COL_SPAN_ID: column((each and each.span_id.to_bytes(8, "big") for each in valid), pa.binary(8)),
        conventions.COL_DURATION: column((call.duration for call in calls), pa.float64()),
        conventions.COL_ERROR_TYPE: column((call.error_type for call in calls), pa.string()),
        **weights(first.observer.weight, group.rows),
        **first.observer.tag_redaction.columns(conventions.COL_TAG_PREFIX, tags),
    }


def _ids(calls: Sequence[Call], rows: Sequence[int]) -> pa.Array:
    import pyarrow as pa

    first = calls[0]
    if first.ids is not None:
        return first.ids if len(calls) == 1 else pa.concat_arrays([call.ids for call in calls])
    if len(calls) == 1:
        return _identity.batch_column(first.time_ns, first.number, 0, first.rows)
    return _identity.column_of_calls([call.time_ns for call in calls], [call.number for call in calls], rows)
