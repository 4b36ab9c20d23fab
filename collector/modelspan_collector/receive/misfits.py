"""Finds what is valid OTLP and yet makes no sense: a request on another signal's path, and ids that are no ids.

A misfit costs nothing beside it. A span needs both of its ids, so one without is rejected, alone; everything else may
do without, so that a parent, a link, an exemplar's or a record's trace with an id of the wrong size is left out alone:
OTLP says of such ids that they are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from modelspan_collector.otlp import wire
from modelspan_collector.otlp.errors import BadRequestError
from modelspan_collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from modelspan_collector.receive import bounds, skeleton
from modelspan_collector.receive.rejected import NOTHING, Rejected

_TRACE_BYTES: Final = skeleton.ID_BYTES["trace_id"]
_SPAN_BYTES: Final = skeleton.ID_BYTES["span_id"]
_ABSENT: Final = frozenset({b"", bytes(_TRACE_BYTES), bytes(_SPAN_BYTES)})
_WIRE_TYPES: Final = {
    FieldDescriptor.TYPE_DOUBLE: 1,
    FieldDescriptor.TYPE_FIXED64: 1,
    FieldDescriptor.TYPE_SFIXED64: 1,
    FieldDescriptor.TYPE_FIXED32: 5,
    FieldDescriptor.TYPE_STRING: 2,
    FieldDescriptor.TYPE_BYTES: 2,
    FieldDescriptor.TYPE_MESSAGE: 2,
}
"""How a field of an item stands on the wire; all others are plain numbers, wire type 0."""


def check_signal(signal: Signal, body: bytes) -> None:
    """Refuse the request of another signal, told by the wire types of its first item.

    Raises:
        BadRequestError: it is another signal's; the message says where to send it.
    """
    try:
        item = next(_items(body), memoryview(b""))
        seen = [(number, whole[0] & 7) for number, _, whole in wire.fields(item)]
    except wire.WireError:
        return
    if not _fits(signal, seen):
        others = [other for other in SIGNALS if other is not signal and _fits(other, seen)]
        where = f"; they look like {others[0].name}, which go to {others[0].http_path}" if others else ""
        raise BadRequestError(f"what this request holds are no {signal.name}{where}")


def _items(body: bytes) -> Iterator[memoryview]:
    """The items of a request, of whichever signal: all have them at the same place."""
    for resource in _parts(memoryview(body), 1):
        for scope in _parts(resource, 2):
            yield from _parts(scope, 2)


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
    return (value for found, value, whole in wire.fields(message) if found == number and whole[0] & 7 == 2)


def _fits(signal: Signal, seen: Iterable[tuple[int, int]]) -> bool:
    known = signal.item.fields_by_number
    return all(number not in known or _WIRE_TYPES.get(known[number].type, 0) == kind for number, kind in seen)


@dataclass(frozen=True, slots=True)
class Found:
    """What was taken out of a request."""

    rejected: Rejected
    changed: bool


def take_out(signal: Signal, body: bytes, message: Any) -> Found:
    """Take out of a parsed request what makes no sense; everything beside it stays.

    Args:
        signal: whose request it is.
        body: the encoding of the message; it mostly settles that nothing is to be taken out.
        message: changed in place.
    """
    if skeleton.is_sound(signal, body):
        return Found(NOTHING, changed=False)
    tally = _Tally()
    for resource in signal.resources(message):
        for scope in getattr(resource, signal.path[1]):
            _CHECKS[signal](scope, tally)
    return Found(Rejected(tally.rejected, tally.first), tally.changed)


class _Tally:
    """Counts what was rejected and what was left out, and says why of the first."""

    def __init__(self) -> None:
        self.rejected = 0
        self.changed = False
        self.first = ""

    def note(self, why: str, rejected: int = 0) -> None:
        self.rejected += rejected
        self.changed = True
        self.first = self.first or why


def _spans(scope: Any, tally: _Tally) -> None:
    spans = scope.spans
    traces, ids = {span.trace_id for span in spans}, {span.span_id for span in spans}
    if not (all(_is_id(i, _TRACE_BYTES) for i in traces) and all(_is_id(i, _SPAN_BYTES) for i in ids)):
        for index in range(len(spans) - 1, -1, -1):
            span = spans[index]
            why = _why(span.trace_id, _TRACE_BYTES, "its trace id") or _why(span.span_id, _SPAN_BYTES, "its span id")
            if why:
                tally.note(f"the span {span.name[:80]!r} is rejected: {why}", 1)
                del spans[index]
    if not {len(span.parent_span_id) for span in spans} <= {0, _SPAN_BYTES}:
        for span in spans:
            _clear(span, "parent_span_id", _SPAN_BYTES, f"the span {span.name[:80]!r}", tally)
    for span in spans:
        for link in span.links:
            _clear_ids(link, f"a link of the span {span.name[:80]!r}", tally)


def _records(scope: Any, tally: _Tally) -> None:
    for record in scope.log_records:
        _clear_ids(record, "a log record", tally)


def _metrics(scope: Any, tally: _Tally) -> None:
    metrics = scope.metrics
    for index in range(len(metrics) - 1, -1, -1):
        metric = metrics[index]
        points = bounds.points(metric)
        if not metric.name:
            tally.note("a metric is rejected: it needs a name", max(1, len(points)))
            del metrics[index]
        elif metric.WhichOneof("data") != "summary":
            for point in points:
                for exemplar in point.exemplars:
                    _clear_ids(exemplar, f"an exemplar of the metric {metric.name[:80]!r}", tally)


def _clear_ids(holder: Any, what: str, tally: _Tally) -> None:
    _clear(holder, "trace_id", _TRACE_BYTES, what, tally)
    _clear(holder, "span_id", _SPAN_BYTES, what, tally)


def _clear(holder: Any, name: str, size: int, what: str, tally: _Tally) -> None:
    """Take an id away that is none; its holder may do without."""
    if len(value := getattr(holder, name)) not in (0, size):
        holder.ClearField(name)
        words = name.replace("_", " ")
        tally.note(f"{what} is taken without its {words}: {_why(value, size, 'it')}")


_CHECKS: Final = {TRACES: _spans, LOGS: _records, METRICS: _metrics}


def _is_id(value: bytes, size: int) -> bool:
    return len(value) == size and value not in _ABSENT


def _why(value: bytes, size: int, what: str) -> str:
    """What is wrong with an id; '' where nothing is."""
    if _is_id(value, size):
        return ""
    has = f"has {len(value)} bytes" if value.strip(b"\0") else "is absent" if not value else "is all zeros"
    return f"{what} {has}, {size} are needed (in JSON {2 * size} hexadecimal digits)"
