"""Which part of a request a destination gets: a pure function of the message and the destination's rules.

Sampling is by trace: whether a trace is kept follows from its id alone, so that every collector in front of the same
destination decides alike, unless one of its spans in this request failed, was slow, or belongs to a flagged
prediction.
"""

from __future__ import annotations

from typing import Any, Final

from modelspan.conventions import FLAGGED
from modelspan_collector.forward.destination import Destination
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE

_ERROR: Final = 2
_SPACE: Final = 1 << 56


def choose(message: Any, destination: Destination, tenant: str = "") -> Any | None:
    """The part of a parsed request that goes to a destination; None where that is nothing. `message` is not changed.

    Where a tenant is given each resource names it, so that the rows keep it at the next collector.
    """
    chosen = type(message)()
    (resources, scopes) = _paths(message)
    for resource in getattr(message, resources):
        if not _has_attributes(resource.resource, destination):
            continue
        copy = getattr(chosen, resources).add()
        copy.CopyFrom(resource)
        if tenant and all(attribute.key != TENANT_ATTRIBUTE for attribute in copy.resource.attributes):
            copy.resource.attributes.add(key=TENANT_ATTRIBUTE).value.string_value = tenant
        if scopes == "scope_spans" and destination.ratio < 1.0:
            _sample(copy, destination)
        if not any(len(scope.ListFields()) for scope in getattr(copy, scopes)):
            del getattr(chosen, resources)[-1]
    return chosen if len(getattr(chosen, resources)) else None


def _paths(message: Any) -> tuple[str, str]:
    resources = message.DESCRIPTOR.fields[0]
    scopes = next(field.name for field in resources.message_type.fields if field.name.startswith("scope_"))
    return resources.name, scopes


def _has_attributes(resource: Any, destination: Destination) -> bool:
    if not destination.attributes:
        return True
    present = {attribute.key: attribute.value.string_value for attribute in resource.attributes}
    return all(present.get(name) == value for name, value in destination.attributes)


def _sample(resource: Any, destination: Destination) -> None:
    spans = [span for scope in resource.scope_spans for span in scope.spans]
    kept = {span.trace_id for span in spans if _notable(span, destination) or _within(span.trace_id, destination.ratio)}
    for scope in resource.scope_spans:
        for index in range(len(scope.spans) - 1, -1, -1):
            if scope.spans[index].trace_id not in kept:
                del scope.spans[index]
    for index in range(len(resource.scope_spans) - 1, -1, -1):
        if not resource.scope_spans[index].spans:
            del resource.scope_spans[index]


def _notable(span: Any, destination: Destination) -> bool:
    if (
        span.status.code == _ERROR
        or span.end_time_unix_nano - span.start_time_unix_nano >= destination.slow_seconds * 1e9
    ):
        return True
    return any(attribute.key == FLAGGED and attribute.value.bool_value for attribute in span.attributes)


def _within(trace_id: bytes, ratio: float) -> bool:
    """W3C: the last seven bytes of a trace id are random."""
    return int.from_bytes(trace_id[-7:], "big") < ratio * _SPACE
