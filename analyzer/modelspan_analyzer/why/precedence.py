"""Which of several facts that always come together is the cause: what was given before what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from modelspan_analyzer.why.facts import Key
from modelspan_analyzer.why.position import AFTER, ANCESTOR, SELF, Place

GIVEN = 0
UPSTREAM = 1
SYMPTOM = 2
OWN = 3

_GIVEN_KINDS = ("resource", "version", "tag")
_SYMPTOM_KINDS = ("repeat", "status", "span", "duration", "event", "log", "clock", "absent")
_GIVEN_PREFIXES = (
    "app.", "client.", "cloud.", "db.collection", "db.namespace", "db.operation", "db.system", "deployment.", "device.",
    "enduser.", "feature_flag", "host.", "http.request.", "http.route", "k8s.", "messaging.", "net.", "network.", "os.",
    "peer.", "rpc.method", "rpc.service", "server.", "service.", "tenant", "thread.", "url.", "user.", "user_agent.",
)  # fmt: skip
"""Attributes that OpenTelemetry's conventions set from the request or its surroundings, before the work is done."""
_OUTCOME_PREFIXES = (
    "error", "exception", "http.response.", "http.status", "rpc.grpc.status", "rpc.response", "grpc.status",
    "otel.status", "db.response.",
)  # fmt: skip
"""Attributes that say how the work went."""
_FIRST = ("service.version", "version", "feature_flag", "k8s.pod", "host", "k8s", "db.", "cloud")
_TRANSPORT = ("http send", "http receive", "websocket send", "websocket receive")
"""Ends of the names of spans in which a framework (ASGI's instrumentation) hands messages to its server and back: they
wrap what a service did, and are never what it did."""
_TRIVIAL = ("telemetry.", "process.pid", "service.instance.id")


def allowed(key: Key, places: Mapping[tuple[str, str], Place]) -> bool:
    """Whether the fact can be a cause at all: not what follows the prediction, nor the prediction's own outcome."""
    place = places.get((key.service, key.span_name))
    if key.attribute.startswith(_TRIVIAL) or key.span_name.endswith(_TRANSPORT):
        return False
    if place is None:
        return True
    if place.relation == AFTER:
        return False
    return not (place.relation in (SELF, ANCESTOR) and (key.kind in _SYMPTOM_KINDS or _is_outcome(key)))


def level(key: Key, places: Mapping[tuple[str, str], Place]) -> int:
    """GIVEN, UPSTREAM, SYMPTOM or OWN: the lower, the likelier a cause of the others."""
    if key.kind in _GIVEN_KINDS or (key.kind == "attribute" and key.attribute.startswith(_GIVEN_PREFIXES)):
        return GIVEN
    if key.kind in _SYMPTOM_KINDS or _is_outcome(key):
        return SYMPTOM
    place = places.get((key.service, key.span_name))
    return OWN if place is not None and place.relation in (SELF, ANCESTOR) else UPSTREAM


def order(key: Key, places: Mapping[tuple[str, str], Place]) -> tuple[float, ...]:
    """Sort key among facts that always come together: the smallest is the one to name."""
    place = places.get((key.service, key.span_name))
    kind = _SYMPTOM_KINDS.index(key.kind) if key.kind in _SYMPTOM_KINDS else len(_SYMPTOM_KINDS)
    first = next((i for i, prefix in enumerate(_FIRST) if key.attribute.startswith(prefix)), len(_FIRST))
    return (level(key, places), kind, first, place.end if place else 0.0)


def _is_outcome(key: Key) -> bool:
    return key.kind in ("attribute", "number") and key.attribute.startswith(_OUTCOME_PREFIXES)
