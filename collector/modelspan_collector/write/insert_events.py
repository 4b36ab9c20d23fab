"""modelspan's events into the store: streams of one shape become rows together, and one insert a table.

Where the store refuses rows for what they are, or they cannot be made at all, the halves are tried, down to the stream
and in it to the row at fault: it alone is unfit, and everything else of the batch is stored, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan import conventions
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp import wire
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import sketched_keys
from modelspan_collector.wal.record import Kind, Record, make
from modelspan_collector.write import crowded, predictions, rows, sketches, stream
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.held import Checked, HeldStreams
from modelspan_collector.write.insert import ONE_BLOCK
from modelspan_collector.write.refusals import is_about_data, reason

_TABLES: Final = {
    conventions.EVENT_PREDICTIONS: "predictions",
    conventions.EVENT_LABELS: "labels",
    conventions.EVENT_MODEL: "models",
}
_PREDICTIONS: Final = _TABLES[conventions.EVENT_PREDICTIONS]
_MOST_SPLITS: Final = 200
"""Attempts to find what is at fault in one insert; then the rest of a part is unfit as a whole."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Rows that the store refuses for what they are: sending them again is of no use."""

    record: Record
    """They alone, as a request."""
    token: str
    """A name of their own."""
    reason: str


@dataclass(slots=True)
class Outcome:
    """What became of the events of a batch, beside those that are stored as they came."""

    unfit: list[Unfit] = field(default_factory=list)
    complaints: Counter[Complaint] = field(default_factory=Counter)


def insert_events(store: Store, records: Sequence[Record], token: str, metrics: Metrics, held: HeldStreams) -> Outcome:
    """Insert the events of a batch.

    Args:
        store: the store of the batch's tenant.
        records: what the log holds of them.
        token: names exactly these records; sent again, it inserts nothing.
        metrics: where rows are counted.
        held: streams that the gate has read already.

    Raises:
        DatabaseError: the store is away, or refuses for a reason that is not in the rows.
    """
    outcome = Outcome()
    for number, portion in enumerate(_portions(records, token, outcome, held)):
        part = f"/{number}" if number else ""
        for table, streams in portion.items():
            keys = sketched_keys(store) if table == _PREDICTIONS else ()
            _Insert(store, table, metrics, outcome, keys).all(_relieved(streams, outcome), f"{token}/{table}{part}")
    return outcome


def _relieved(streams: Sequence[_Stream], outcome: Outcome) -> list[_Stream]:
    """The streams of one insert without the features that are too many for it; what that costs is noted."""
    relieved = crowded.relieved([each.table for each in streams])
    for each, found in zip(streams, relieved, strict=True):
        model = stream.metadata(each.table, conventions.META_MODEL)
        for why in found.reasons:
            complaint = Complaint("predictions", "column_left_out", each.service, why, model, crowded.COLUMNS)
            outcome.complaints[complaint] += each.table.num_rows
    return [replace(each, table=found.table) for each, found in zip(streams, relieved, strict=True)]


def _portions(
    records: Sequence[Record], token: str, outcome: Outcome, held: HeldStreams
) -> Iterator[dict[str, list[_Stream]]]:
    """The streams of the records by table, as many at a time as fit into memory; the same however often it is done."""
    tables: dict[str, list[_Stream]] = {}
    size, crowd = 0, crowded.Crowd()
    for number, record in enumerate(records):
        for each in _readable(record, f"{token}.unread.{number}", outcome, held):
            tables.setdefault(_TABLES[each.event], []).append(each)
            size += each.size
            crowd.add(each.table)
        if size > _PORTION_BYTES or crowd.full:
            yield tables
            tables, size, crowd = {}, 0, crowded.Crowd()
    if tables:
        yield tables


_PORTION_BYTES: Final = 256 << 20
"""Bytes of streams, spelt out, after which they are inserted, before more are read."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """One event, or some of its rows."""

    event: str
    resource: Any
    service: str
    tenant: str
    project: str
    table: pa.Table
    size: int
    """Bytes that the event's table takes once its dictionaries are spelt out."""
    received: int

    def record(self) -> Record:
        """The rows as a request of their own."""
        request = LOGS.request()
        part = request.resource_logs.add()
        part.resource.CopyFrom(self.resource)
        part.scope_logs.add().log_records.add(event_name=self.event).body.bytes_value = stream.encode(self.table)
        return make(Kind.EVENTS, self.received, request.SerializeToString() + wire.tenant_field(self.tenant))


@dataclass(slots=True)
class _Insert:
    """The insert of streams into one table, in as many parts as it takes."""

    store: Store
    table: str
    metrics: Metrics
    outcome: Outcome
    keys: Sequence[str]
    """By whose values predictions are sketched, too."""
    splits: int = _MOST_SPLITS

    def all(self, streams: Sequence[_Stream], token: str) -> None:
        """Insert streams; where they are refused, their halves, down to the row that is at fault."""
        try:
            parts = _convert(streams)
            insert = _prepared(self.table, parts)
        except Exception as error:  # no store is asked here: whatever it is, it is the same the next time
            self._split(streams, token, reason(error))
            return
        try:
            insert(self.store, token)
        except (DatabaseError, pa.ArrowException) as error:
            if isinstance(error, DatabaseError) and not is_about_data(error):
                raise
            self._split(streams, token, reason(error))
            return
        if self.table == _PREDICTIONS:
            self._sketch(parts, token)
        self.metrics.rows.labels(self.table).inc(sum(each.table.num_rows for each in streams))
        for part in parts:
            self._note(part)

    def _sketch(self, parts: Sequence[rows.Rows[Any]], token: str) -> None:
        """Insert the sketches of rows that are stored, under a token of their own, as a crash may come between."""
        try:
            made = sketches.block([part.rows for part in parts], self.keys)
            _native(sketches.TABLE, made.body, made.columns)(self.store, f"{token}/sketches")
        except Exception as error:
            if isinstance(error, DatabaseError) and not is_about_data(error):
                raise
            self.metrics.insert_errors.labels(LOGS.name, "unsketched").inc()
            for part in parts:
                complaint = Complaint("predictions", "sketch_left_out", part.service, reason(error), part.model)
                self.outcome.complaints[complaint] += part.rows.rows
            return
        self.outcome.complaints.update(_crowded(made))

    def _split(self, streams: Sequence[_Stream], token: str, why: str) -> None:
        self.metrics.insert_errors.labels(LOGS.name, "split").inc()
        if self.splits == 0 or (len(streams) == 1 and streams[0].table.num_rows <= 1):
            name = token.replace("/", ".")
            self.outcome.unfit += [Unfit(each.record(), f"{name}.{number}", why) for number, each in enumerate(streams)]
            return
        self.splits -= 1
        for number, part in enumerate(_halves(streams)):
            self.all(part, f"{token}.{number}")

    def _note(self, part: rows.Rows[Any]) -> None:
        """Count what is stored otherwise than it came, and say so."""
        self.metrics.wild.labels(self.table).inc(sum(part.wild.values()))
        self.metrics.rounded.labels(self.table).inc(sum(part.rounded.values()))
        self.outcome.complaints.update(part.complaints())


def _crowded(made: sketches.Block) -> dict[Complaint, int]:
    """What users are told of segments that are not sketched."""
    why = "too many different values in one insert to sketch each: its slices are read from rows, which takes longer"
    return {
        Complaint(_PREDICTIONS, "sketch_left_out", "", why, model, key): rows
        for key, models in made.crowded.items()
        for model, rows in models.items()
    }


def _halves(streams: Sequence[_Stream]) -> list[Sequence[_Stream]]:
    if len(streams) > 1:
        middle = len(streams) // 2
        return [streams[:middle], streams[middle:]]
    (one,) = streams
    middle = one.table.num_rows // 2
    return [[replace(one, table=part)] for part in (one.table.slice(0, middle), one.table.slice(middle))]


def _convert(streams: Sequence[_Stream]) -> list[rows.Rows[Any]]:
    """The rows of streams; those with all but their rows in common are made together."""
    shapes: dict[tuple[str, str, str, str, bytes], list[_Stream]] = {}
    for each in streams:
        schema = each.table.schema.serialize().to_pybytes()
        shape = (each.event, each.service, each.tenant, each.project, schema)
        shapes.setdefault(shape, []).append(each)
    converted = []
    for (event, service, tenant, project, _), alike in shapes.items():
        received = np.repeat([each.received for each in alike], [each.table.num_rows for each in alike])
        whole = pa.concat_tables([each.table for each in alike]).combine_chunks()
        told = {"project": project} if event == conventions.EVENT_PREDICTIONS else {}
        converted.append(rows.CONVERT[event](whole, pa.array(received, pa.int64()), service, tenant, **told))
    return converted


def _prepared(table: str, parts: Sequence[rows.Rows[Any]]) -> Callable[[Store, str], None]:
    """What inserts these parts as one, under a token."""
    made = [part.rows for part in parts]
    if table != _PREDICTIONS:
        batch = pa.concat_tables(made).combine_chunks()
        return lambda store, token: store.insert(table, batch, settings=_once(token))
    return _native(table, *predictions.block(made))


def _native(table: str, body: bytes, columns: Sequence[str]) -> Callable[[Store, str], None]:
    return lambda store, token: store.insert_bytes(table, body, "Native", settings=_once(token), columns=columns)


def _once(token: str) -> dict[str, Any]:
    return {**ONE_BLOCK, "insert_deduplication_token": token}


def _readable(record: Record, name: str, outcome: Outcome, held: HeldStreams) -> list[_Stream]:
    try:
        return _streams(record, held)
    except Exception as error:  # the gate has read it before: a log that another version wrote
        outcome.unfit.append(Unfit(record, name, reason(error)))
        return []


def _streams(record: Record, held: HeldStreams) -> list[_Stream]:
    """The events of a record, as the gate has read them."""
    tenant = wire.tenant_of(record.payload)
    read = iter(held.take(record.digest) or ())
    found = []
    for resource in LOGS.request.FromString(record.payload).resource_logs:
        names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
        for scope in resource.scope_logs:
            for event in scope.log_records:
                table, size = next(read, None) or _checked(event)
                service = names.get("service.name", "")
                whose = tenant or names.get(wire.TENANT_ATTRIBUTE, "")  # the gate lets no token name another's
                sender = (service, whose, names.get(conventions.MODEL_PROJECT, ""))
                found.append(_Stream(event.event_name, resource.resource, *sender, table, size, record.received))
    return found


def _checked(event: Any) -> Checked:
    table = stream.read(event.event_name, event.body.bytes_value).table
    return Checked(table, stream.unfolded(table))
