"""Which findings are one incident: those that share a cause, or that began together on a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelspan_analyzer.incidents.vocabulary import OPEN, Incident, key_of
from modelspan_analyzer.results import Result
from modelspan_analyzer.why import Explanation


@dataclass(frozen=True, slots=True)
class Finding:
    """A result that alarms, with what explains it."""

    result: Result
    explanation: Explanation | None

    @property
    def cause(self) -> str:
        """The first cause without its value: the same service and span, or the release of a service."""
        causes = self.explanation.causes if self.explanation else ()
        if not causes:
            return ""
        return " ".join(part for part in (causes[0].service, causes[0].span_name) if part)

    @property
    def dated(self) -> bool:
        """Whether the data itself tells when it went bad, and not only the window's start."""
        return self.explanation is not None and self.explanation.since is not None

    @property
    def began_at(self) -> datetime:
        """When the data went bad, as closely as is known."""
        since = self.explanation.since if self.explanation else None
        return since if since is not None else self.result.window.start


def home(finding: Finding, incidents: Sequence[Incident], together: timedelta) -> Incident | None:
    """The incident that a finding belongs to: that already knows it, or an open one of its cause or beginning.

    Args:
        finding: an alarm.
        incidents: of the model, open or lately resolved.
        together: how far apart beginnings may be.
    """
    key = key_of(finding.result)
    known = (one for one in incidents if any(member.key == key for member in one.findings))
    current = [one for one in incidents if one.status == OPEN]
    same = (one for one in current if finding.cause and one.cause.split(" ")[0] == finding.cause.split(" ")[0])
    length = finding.result.window.end - finding.result.window.start
    near = (one for one in current if abs(one.began_at - finding.began_at) <= max(together, length))
    return next(known, None) or next(same, None) or next(near, None)
