"""Incidents as JSON-ready values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from modelspan_analyzer.incidents.incident import Event, Incident, OpenFinding

_TIMES = ("began_at", "opened_at", "updated_at", "resolved_at", "acknowledged_at")


def incident_as_json(incident: Incident) -> dict[str, Any]:
    """One incident without its timeline."""
    given = asdict(incident)
    del given["news"]
    for name in _TIMES:
        given[name] = given[name].isoformat() if given[name] else None
    given["severity"] = incident.severity.value
    given["severities"] = [severity.value for severity in incident.severities]
    given["findings"] = [finding_as_json(finding) for finding in incident.findings]
    given["role"] = incident.role
    given["traces"] = list(incident.traces)
    return given


def finding_as_json(finding: OpenFinding) -> dict[str, Any]:
    """One finding of an incident."""
    since = finding.since.isoformat() if finding.since else None
    return asdict(finding) | {"window_end": finding.window_end.isoformat(), "since": since}


def event_as_json(event: Event) -> dict[str, str]:
    """One line of a timeline."""
    return {"at": event.at.isoformat(), "kind": event.kind, "text": event.text, "actor": event.actor}
