"""What somebody may do about an incident: each step is an event of its timeline and an entry of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import store as kept
from modelspan_analyzer.incidents.incident import (
    ACKNOWLEDGED,
    ACTION,
    ASSIGNED,
    CLOSED,
    OPEN,
    OUTCOME,
    REOPENED,
    RESOLVED,
    Event,
    Incident,
    UnknownIncidentError,
)
from modelspan_analyzer.people import named, said
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that people do."""

    kind: str
    """Of its event."""
    told: str
    """As the timeline has it, after the name of who did it."""
    audited: str
    """As the audit log has it."""
    needs: str = ""
    """What has to be said with it; empty where nothing has to."""
    of: str = ""
    """Only of incidents that are open, or only of those that are over; empty for any."""


STEPS: Final[Mapping[str, Step]] = {
    "acknowledge": Step(ACKNOWLEDGED, "acknowledged it", "incident acknowledged", of=OPEN),
    "assign": Step(ASSIGNED, "assigned it to", "incident assigned", "whom it is assigned to"),
    "action": Step(ACTION, "did", "incident acted on", "what was done"),
    "outcome": Step(OUTCOME, "said what it came to", "incident outcome told", "what it came to"),
    "close": Step(CLOSED, "closed it", "incident closed", of=OPEN),
    "reopen": Step(REOPENED, "reopened it", "incident reopened", of=RESOLVED),
}
"""By the word for it."""


def take(store: Store, incident_id: str, step: str, *, actor: str, now: datetime, text: str = "") -> Incident:
    """Do something about an incident, and return it as it is then.

    Args:
        store: where incidents are kept.
        incident_id: which.
        step: one of `STEPS`.
        actor: who does it; the operating system's user if empty.
        now: the time to stamp.
        text: whom it is assigned to, what was done, how it ended, or a word beside the step.

    Raises:
        UnknownIncidentError: there is no such incident.
        ValueError: there is no such step, the incident is not in the state for it, or something has to be
            said with it, or too much was.
    """
    if step not in STEPS:
        raise ValueError(f"{step[:40]!r} is nothing that is done about incidents; say {', '.join(STEPS)}")
    chosen, told, who = STEPS[step], said(text), named(actor)
    found = kept.load(store, incident_id=incident_id)
    if not found:
        raise UnknownIncidentError(incident_id)
    if chosen.needs and not told:
        raise ValueError(f"say {chosen.needs}")
    if chosen.of and found[0].status != chosen.of:
        lacking = "it is over already: reopen it first" if chosen.of == OPEN else "it is open already"
        raise ValueError(f"cannot {step} incident {incident_id}: {lacking}")
    sentence = f"{who} {chosen.told}"
    if told:
        sentence += f" {told}" if step == "assign" else f": {told}"
    kept.add_events(store, [(incident_id, Event(now, chosen.kind, sentence, who, told))])
    kept.settle(store, [incident_id])
    (after,) = kept.load(store, incident_id=incident_id)
    details = {"incident_id": incident_id, "text": told}
    audit.record(store, chosen.audited, model=after.model, version=after.version, actor=who, details=details)
    return after
