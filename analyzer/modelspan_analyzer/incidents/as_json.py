"""Incidents as JSON-ready values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from modelspan_analyzer.incidents.vocabulary import Event, Incident

_TIMES = ("began_at", "opened_at", "updated_at", "resolved_at")


def incident_as_json(incident: Incident) -> dict[str, Any]:
    """One incident without its timeline."""
    given = asdict(incident)
    del given["news"]
    for name in _TIMES:
        given[name] = given[name].isoformat() if given[name] else None
    given["severity"] = incident.severity.value
    given["findings"] = [{**finding, "window_end": finding["window_end"].isoformat()} for finding in given["findings"]]
    given["traces"] = list(incident.traces)
    return given


def event_as_json(event: Event) -> dict[str, str]:
    """One line of a timeline."""
    return {"at": event.at.isoformat(), "kind": event.kind, "text": event.text}
