"""Incidents: findings that belong together, opened, updated and resolved."""

from modelspan_analyzer.incidents.incident import Event, Incident, Severity
from modelspan_analyzer.incidents.lasting import Lasting, News
from modelspan_analyzer.incidents.store import load, load_open, load_resolved, timeline
from modelspan_analyzer.incidents.update import update

__all__ = [
    "Event", "Incident", "Lasting", "News", "Severity", "load", "load_open", "load_resolved", "timeline", "update"
]  # fmt: skip
