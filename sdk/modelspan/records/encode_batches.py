"""Batches as Arrow IPC streams: the same event as single rows, one call or several to a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan import _identity, conventions
from modelspan._failsafe import guard
from modelspan._gentle import BATCHES_AT_ONCE, gently
from modelspan.capture.values import clean
from modelspan.records import columns as plain
from modelspan.records import placing
from modelspan.records.call import Call, Stream
from modelspan.records.encode import RECORD_BYTES, Learn, guarded, metadata, output_columns, types, weights
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


def encode_batches(calls: Sequence[Call], learn: Learn) -> Iterator[Record]:
    """Encode the rows of batches that are kept, in records of at most `BATCH_ROWS`; small batches share one."""
    small: dict[Any, list[_Columns]] = {}
    for call in gently([call for call in calls if call.kept], BATCHES_AT_ONCE):
        found: list[_Columns] = []
        with guard("a prediction record could not be encoded") as tried:
            found = list(_batch(call, learn))
        if tried.failed is not None:
            yield Record(conventions.EVENT_PREDICTIONS, b"", call.rows, 0)
            continue
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


def _batch(call: Call, learn: Learn) -> Iterator[_Columns]:
    """The columns of one batch, none of which mixes kinds."""
    assert call.table is not None
    redaction = call.observer.redaction
    columns = {clean(name): column for name, column in _features(call).items()}
    mixed = {name: column for name, column in columns.items() if isinstance(column, list)}
    shared = _batch_identity(call) | output_columns(call.predicted(), redaction)
    groups = plain.split(list(mixed.values()))
    for rows in [None] if groups is None else groups:
        left_out = {clean(name): why for name, why in call.table.left_out.items()}
        kinds = {name: plain.column(name, _taken(column, rows), left_out) for name, column in mixed.items()}
        pure = {name: _taken(column, rows) for name, column in columns.items() if name not in mixed}
        found = {name: column for name, column in (pure | kinds).items() if column is not None}
        features = placing.placed(found, redaction, left_out)
        learn(call.stream, types(features))
        table = {name: _taken(column, rows) for name, column in shared.items()} | features
        yield _Columns(call.stream, table, call.time_ns, metadata(call.stream) | placing.metadata(left_out, redaction))


def _features(call: Call) -> dict[str, Any]:
    """The columns of the table; without them, its rows arrive all the same."""
    assert call.table is not None
    with guard(f"the features of a table of model {call.stream.model!r} could not be read"):
        return call.table.columns()
    return {}


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
    table |= weights(call.observer.weight, rows)
    tags = {name: repeated(value, pa.string()) for name, value in call.tags.items()}
    return {**table, **call.observer.tag_redaction.columns(conventions.COL_TAG_PREFIX, tags)}
