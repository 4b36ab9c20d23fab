"""Takes a subject out of one OTLP request: its spans, log records, rows of streams, and what else names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow.compute as pc
from google.protobuf.message import DecodeError

from modelspan_analyzer.governance.marks import STREAM, Marks, attributes, stream_of, table_of
from modelspan_collector.otlp.signals import LOGS, Signal
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE, tenant_of
from modelspan_collector.wal.erase import Held

_POINTS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def decoded(held: Held) -> Any:
    """A request, as a message; None where it cannot be decoded, as in some dead letters."""
    if held.signal is None:
        return None
    request = held.signal.request()
    try:
        request.ParseFromString(held.payload)
    except DecodeError:
        return None
    return request


def told(held: Held) -> Iterator[tuple[str, Any]]:
    """Every span, log record or metric of a request, with whose it is; '' where it names no tenant."""
    request = decoded(held)
    if request is None or held.signal is None:
        return
    _, scopes, items = held.signal.path
    for resource in held.signal.resources(request):
        whose = _whose(held, resource)
        for scope in getattr(resource, scopes):
            yield from ((whose, entry) for entry in getattr(scope, items))


def _whose(held: Held, resource: Any) -> str:
    """The tenant of a part of a request: as its token said, or the collector that sent it on."""
    return tenant_of(held.payload) or attributes(resource.resource).get(TENANT_ATTRIBUTE, "")


def without(held: Held, marks: Marks) -> bytes | None:
    """A request without the subject: as it is where the subject is not in it, None where nothing is left."""
    request = decoded(held)
    if request is None or held.signal is None:
        return None if marks.within(held.payload) else held.payload
    others = _take_others(request, held, marks)
    before = request.SerializeToString(deterministic=True)
    left = _strip(request, held.signal, marks)
    if request.SerializeToString(deterministic=True) == before:
        return held.payload
    held.signal.resources(request).extend(others)
    return bytes(request.SerializeToString()) if left or others else None


def names(held: Held, marks: Marks) -> bool:
    """True where a request's bytes name the subject, but for what other tenants sent."""
    request = decoded(held) if marks.subject.tenant else None
    if request is None or not _take_others(request, held, marks):
        return marks.within(held.payload)
    return marks.within(request.SerializeToString())


def _take_others(request: Any, held: Held, marks: Marks) -> list[Any]:
    """Take the parts that other tenants sent out of a request."""
    assert held.signal is not None
    resources = held.signal.resources(request)
    parts = list(resources)
    theirs = [not marks.subject.may_be_of(_whose(held, part)) for part in parts]
    if any(theirs):
        kept = [part for part, other in zip(parts, theirs, strict=True) if not other]
        others = [part for part, other in zip(parts, theirs, strict=True) if other]
        del resources[:]
        resources.extend(kept)
        return others
    return []


def unreadable(held: Held) -> bool:
    """True where a request holds a stream of rows that cannot be looked into."""
    bodies = (entry.body.bytes_value for _, entry in told(held)) if held.signal is LOGS else ()
    return any(body.startswith(STREAM) and table_of(body) is None for body in bodies)


def _strip(request: Any, signal: Signal, marks: Marks) -> int:
    """Take the subject out of a request; how many spans, log records or metrics are left."""
    _, scopes, items = signal.path
    resources = signal.resources(request)
    for resource in resources:
        for scope in getattr(resource, scopes):
            _keep(getattr(scope, items), lambda entry: _kept(entry, marks))
        _keep(getattr(resource, scopes), lambda scope: not marks.within(_head(scope, items)))
    _keep(resources, lambda resource: not marks.within(_head(resource, scopes)))
    return signal.count(request)


def _keep(repeated: Any, wanted: Callable[[Any], bool]) -> None:
    """Delete from a repeated field what is not wanted."""
    kept = [one for one in repeated if wanted(one)]
    if len(kept) != len(repeated):
        del repeated[:]
        repeated.extend(kept)


def _head(message: Any, inner: str) -> bytes:
    """A resource or scope without its parts, as bytes."""
    head = type(message)()
    head.CopyFrom(message)
    head.ClearField(inner)
    return bytes(head.SerializeToString())


def _kept(entry: Any, marks: Marks) -> bool:
    """True where something of an entry is left, once the subject is taken out of its parts."""
    if marks.mine(entry):
        return False
    if hasattr(entry, "links"):
        _keep(entry.links, lambda link: link.trace_id.hex() not in marks.traces)
    if hasattr(entry, "body") and entry.body.HasField("bytes_value"):
        table = table_of(entry.body.bytes_value)
        if table is not None:
            return _filter(entry, table, marks)
    for name in _POINTS:
        if hasattr(entry, name) and entry.HasField(name):
            points = getattr(entry, name).data_points
            for point in points:
                if hasattr(point, "exemplars"):
                    _keep(point.exemplars, lambda one: one.trace_id.hex() not in marks.traces)
            _keep(points, lambda point: not marks.mine(point) and not marks.within(point.SerializeToString()))
    return not marks.within(entry.SerializeToString())


def _filter(entry: Any, table: Any, marks: Marks) -> bool:
    """Take the subject's rows out of an entry's stream; False where none are left, or what all rows share names it."""
    mask = marks.rows(table)
    if pc.any(mask).as_py():
        table = table.filter(pc.invert(mask))
        entry.body.bytes_value = stream_of(table)
    bare = type(entry)()
    bare.CopyFrom(entry)
    bare.body.bytes_value = stream_of(table, None)
    return table.num_rows > 0 and not marks.within(bare.SerializeToString())
