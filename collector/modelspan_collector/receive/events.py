"""Takes modelspan's events out of a logs request, checked and redacted, and says which were rejected and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from modelspan import conventions
from modelspan_collector.access.redact_table import redact_table
from modelspan_collector.access.rules import Redaction
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.receive.rejected import Rejected
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.held import Checked
from modelspan_collector.write.left_out import Misfit, sentence, told_by_sender
from modelspan_collector.write.stream import StreamError, encode, metadata, read, unfolded

_SIGNALS = {
    conventions.EVENT_PREDICTIONS: "predictions",
    conventions.EVENT_LABELS: "labels",
    conventions.EVENT_MODEL: "models",
}
"""What each event is called in `ingest_errors`."""
MOST_EVENTS: Final = 10_000
"""Streams of one request: each costs a millisecond, however few rows are in it."""
MOST_BYTES: Final = 256 << 20
"""Bytes of streams, spelt out, after which no further one of the same request is taken."""


@dataclass(frozen=True, slots=True)
class Split:
    """A logs request in two: each part is a request of its own, empty where it holds nothing."""

    others: bytes
    events: bytes
    streams: list[Checked]
    """What the streams of `events` hold, in their order."""
    whole: bytes
    """The request as it may be sent on."""
    rejected: Rejected
    complaints: Counter[Complaint]
    """What was rejected or left out, for the users."""
    repaired: int
    """Rows with text that was not UTF-8."""
    redacted: int
    """Columns dropped, hashed or masked."""


def may_hold(body: bytes) -> bool:
    """False where a logs request holds no event for certain: a scan of its bytes, not a walk of its records."""
    return conventions.EVENT_PREFIX.encode() in body


def split(body: bytes, message: Any, redaction: Redaction) -> Split:
    """Take the events out of a request, given as bytes and parsed; `message` keeps the rest."""
    taken, tally = LOGS.request(), _Tally()
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            tally.service = service_of(resource)
            fates = {i: _check(r, redaction, tally) for i, r in enumerate(scope.log_records) if _is_event(r)}
            good = [scope.log_records[index] for index, taken_over in fates.items() if taken_over]
            if good:
                target = taken.resource_logs.add()
                target.resource.CopyFrom(resource.resource)
                records = target.scope_logs.add().log_records
                for record in good:
                    records.add(event_name=record.event_name).body.bytes_value = record.body.bytes_value
            if redaction.active:  # what cannot be read cannot be redacted
                _remove(scope.log_records, [index for index, taken_over in fates.items() if not taken_over])
    changed = tally.repaired or redaction.active
    whole = message.SerializeToString() if changed else body
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            _remove(scope.log_records, [index for index, record in enumerate(scope.log_records) if _is_event(record)])
    others = message.SerializeToString() if LOGS.count(message) else b""
    events = taken.SerializeToString() if LOGS.count(taken) else b""
    said = [part for part in (tally.first, sentence(tally.left_out)) if part]
    rejected = Rejected(tally.rejected, "; ".join(said))
    return Split(others, events, tally.streams, whole, rejected, tally.complaints, tally.repaired, tally.redacted)


def service_of(resource: Any) -> str:
    """`service.name` of a part of a request."""
    names = (each.value.string_value for each in resource.resource.attributes if each.key == "service.name")
    return str(next(names, ""))


@dataclass(slots=True)
class _Tally:
    """What happened to the events of a request."""

    rejected: int = 0
    first: str = ""
    bytes: int = 0
    repaired: int = 0
    redacted: int = 0
    left_out: list[Misfit] = field(default_factory=list)
    service: str = ""
    complaints: Counter[Complaint] = field(default_factory=Counter)
    streams: list[Checked] = field(default_factory=list)

    def reject(self, reason: str) -> None:
        """Note an event that was not taken."""
        self.rejected, self.first = self.rejected + 1, self.first or reason
        self.complaints[Complaint("events", "rejected", self.service, reason)] += 1

    def leave_out(self, event: str, table: pa.Table, misfits: Sequence[Misfit]) -> None:
        """Note what was left out of an event."""
        signal, model = _SIGNALS[event], metadata(table, conventions.META_MODEL)
        for misfit in misfits:
            complaint = Complaint(signal, misfit.kind, self.service, misfit.reason, model, misfit.column)
            self.complaints[complaint] += misfit.rows


def _is_event(record: Any) -> bool:
    return bool(record.event_name.startswith(conventions.EVENT_PREFIX))


def _remove(records: Any, indices: list[int]) -> None:
    for index in reversed(indices):
        del records[index]


def _check(record: Any, redaction: Redaction, tally: _Tally) -> bool:
    """Check an event and redact it in place; False where it is rejected."""
    if tally.bytes > MOST_BYTES or len(tally.streams) >= MOST_EVENTS:
        tally.reject(f"a request holds at most {MOST_EVENTS} events of {MOST_BYTES} bytes in all; send smaller batches")
        return False
    try:
        table, repaired, left_out = read(record.event_name, record.body.bytes_value)
    except StreamError as error:
        tally.reject(str(error))
        return False
    touched = 0
    if redaction.active:
        left_out = [_discreet(redaction, misfit) for misfit in left_out]
        table, touched = redact_table(redaction, record.event_name, table)
    if redaction.active or repaired:
        record.body.bytes_value = encode(table)
    tally.repaired += repaired
    tally.redacted += touched
    tally.left_out += left_out
    tally.leave_out(record.event_name, table, [*left_out, *told_by_sender(record.event_name, table)])
    checked = Checked(table, unfolded(table))
    tally.bytes += checked.size
    tally.streams.append(checked)
    return True


def _discreet(rules: Redaction, misfit: Misfit) -> Misfit:
    """What may be said of a misfit where rules take names and text out."""
    if rules.action(misfit.column) != "keep":
        return misfit._replace(column="(a redacted column)", reason="(its reason may quote what is redacted)")
    return misfit._replace(column=rules.masked(misfit.column), reason=rules.masked(misfit.reason))
