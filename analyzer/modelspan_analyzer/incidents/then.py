"""An incident as it was at a moment: how grave it had become, and what people had done, by its timeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from modelspan_analyzer.incidents.incident import Event, Incident, Severity
from modelspan_analyzer.incidents.work import worked

GRAVER: Final = "severity"
CAUSE: Final = "cause"
"""Kinds of events."""
_BECAME: Final = " became "


def became(before: Severity, after: Severity) -> str:
    """What the timeline says of an incident that is graver now."""
    return f"{before.value}{_BECAME}{after.value}"


def then(incident: Incident, events: Iterable[Event], moment: datetime) -> Incident:
    """The incident by what its timeline had said before a moment.

    Severity, who has it in hand, whose task it is, what was done and how it ended are of that moment. Title, cause and
    how many predictions are affected are not on the timeline, so they are what is known now; only a cause that a later
    reopening asked anew is taken from there. Whether it was open then is not told by its status.
    """
    every = list(events)
    before = [one for one in every if one.at < moment]
    later = next((one.text for one in every if one.kind == GRAVER and one.at >= moment), "")
    severity = Severity(later.partition(_BECAME)[0]) if later else incident.severity
    caused = next((one.text for one in reversed(before) if one.kind == CAUSE), "")
    return replace(worked(incident, before), severity=severity, why=incident.why or caused)
