"""Which findings are one incident: those that share a cause, or that began together on a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.incidents.vocabulary import OPEN, Incident, key_of
from modelspan_analyzer.results import Result
from modelspan_analyzer.why import Explanation


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A result that alarms, with what explains it, before an incident has taken it in."""

    result: Result
    explanation: Explanation | None
    role: str = ROLE_PRIMARY
    """Of the result's version in its window."""

    @property
    def cause(self) -> str:
        """The first cause as a phrase: its service, span and, where it is one, the attribute's value."""
        causes = self.explanation.causes if self.explanation else ()
        return causes[0].phrase if causes else ""

    @property
    def dated(self) -> bool:
        """Whether the data itself tells when it went bad, and not only the window's start."""
        return self.explanation is not None and self.explanation.since is not None

    @property
    def began_at(self) -> datetime:
        """When the data went bad, as closely as is known."""
        since = self.explanation.since if self.explanation else None
        return since if since is not None else self.result.window.start


def home(finding: NewFinding, incidents: Sequence[Incident], together: timedelta) -> Incident | None:
    """The incident that a finding belongs to: that already knows it, or an open one of its cause or beginning.

    Args:
        finding: an alarm.
        incidents: of the model, open or lately resolved.
        together: how far apart beginnings may be.
    """
    key = key_of(finding.result)
    known = (one for one in incidents if any(member.key == key for member in one.findings))
    current = [one for one in incidents if one.status == OPEN]
    same = (one for one in current if _same_cause(finding, one, together))
    near = (one for one in current if _began_together(finding, one, together) and not _told_apart(finding, one))
    return next(known, None) or next(same, None) or next(near, None)


def _same_cause(finding: NewFinding, incident: Incident, together: timedelta) -> bool:
    """The same cause at any time; or the same service, unless the two are known to have begun apart."""
    if finding.cause == "" or finding.cause == incident.cause:
        return finding.cause != ""
    apart = finding.dated and incident.dated and not _began_together(finding, incident, together)
    return _service(finding.cause) == _service(incident.cause) and not apart


def _began_together(finding: NewFinding, incident: Incident, together: timedelta) -> bool:
    """Within `together` where the data tells both beginnings; else in the same window too."""
    distance = abs(incident.began_at - finding.began_at)
    length = finding.result.window.end - finding.result.window.start
    return distance <= together or (distance < length and not (finding.dated and incident.dated))


def _told_apart(finding: NewFinding, incident: Incident) -> bool:
    """Whether the causes of both are known and of different services, and a beginning is not."""
    known = finding.cause != "" and incident.cause != "" and _service(finding.cause) != _service(incident.cause)
    return known and not (finding.dated and incident.dated)


def _service(cause: str) -> str:
    return cause.split(" ")[0]
