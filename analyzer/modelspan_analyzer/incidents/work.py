"""What people did about an incident, as its state: a fold over its events, whoever wrote them and in whatever order.

The analyzer and people write at the same time, from several processes. So what people did is kept as events alone,
which nobody replaces, and the incident's row says what follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from modelspan_analyzer.incidents.incident import (
    CLOSED,
    EVENT_KINDS,
    OPEN,
    REOPENED,
    RESOLVED,
    Event,
    Incident,
)

_LIFE = ("opened", REOPENED, "resolved", CLOSED)
"""After each of them an incident is open, or is not."""


def worked(incident: Incident, events: Iterable[Event]) -> Incident:
    """The incident with what people did about it.

    Who closed or reopened it decides whether it is open until findings say something newer; what comes back, or
    becomes graver, is not acknowledged any more.
    """
    state: dict[str, Any] = dict.fromkeys(("acknowledged_by", "assignee", "action", "outcome", "closed_by"), "")
    state["acknowledged_at"] = None
    life = None
    for event in sorted(events, key=lambda one: (one.at, EVENT_KINDS.index(one.kind), one.text)):
        life = event if event.kind in _LIFE else life
        state |= _after(event)
    if life is not None and life.actor:
        over = life.kind == CLOSED
        state |= {"status": RESOLVED if over else OPEN, "resolved_at": life.at if over else None}
    return replace(incident, **state)


def _after(event: Event) -> dict[str, Any]:
    """What one event changes."""
    unacknowledged = {"acknowledged_at": None, "acknowledged_by": ""}
    match event.kind:
        case "acknowledged":
            return {"acknowledged_at": event.at, "acknowledged_by": event.actor}
        case "severity":
            return unacknowledged
        case "reopened":
            return unacknowledged | {"outcome": "", "closed_by": ""}
        case "closed":
            return {"closed_by": event.actor} | ({"outcome": event.value} if event.value else {})
        case "assigned":
            return {"assignee": event.value}
        case "action" | "outcome":
            return {event.kind: event.value}
    return {}
