"""Which findings are one incident: those that share a cause, or that began together on a model."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer import kinds
from modelspan_analyzer.incidents.incident import OPEN, Incident, key_of
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result
from modelspan_analyzer.why import Cause, Explanation
from modelspan_analyzer.why.question import features_of


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A result that alarms, with what explains it, before an incident has taken it in."""

    result: Result
    explanation: Explanation | None
    role: str = ROLE_PRIMARY
    """Of the result's version in its window."""
    rows: int = 0
    """Of the window over all slices; 0 where the result's own are all that is known."""

    @property
    def cause(self) -> str:
        """The first cause as a phrase: its service, span and, where it is one, the attribute's value."""
        return self._first.phrase if self._first else ""

    @property
    def through(self) -> str:
        """The feature by whose values its predictions stand out most; empty where something else sets them apart."""
        return self._first.attribute if self._first and self._first.kind == "feature" else ""

    @property
    def about(self) -> frozenset[str]:
        """The feature that was measured, of many together those that changed most: any may have brought the others."""
        return features_of(self.result)

    @property
    def _first(self) -> Cause | None:
        return next(iter(self.explanation.causes), None) if self.explanation else None

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
    """The incident that a finding belongs to, in this order: an open one that it still is a part of, one of its cause,
    one of the feature that it comes through, one that began with it, one of the feature or of the answers that it is
    about, one that knew it and that it continues, one whose cause lasts and may be its own.

    So what begins later than `together` is an incident of its own where it has another cause, or none while the
    cause of what is open is over.

    Args:
        finding: an alarm.
        incidents: of the model, open or lately resolved.
        together: how far apart beginnings may be.
    """
    key = key_of(finding.result)
    current = [one for one in incidents if one.status == OPEN]
    lasts = (one for one in current if any(member.key == key and not member.ended for member in one.findings))
    same = (one for one in current if finding.cause and finding.cause == one.cause)
    through = (one for one in current if _is_about(one, {finding.through}))
    near = (one for one in current if _near(finding, one, together))
    fresh = (one for one in current if not _acknowledged_before(finding, one))
    about = (one for one in fresh if _of_the_same(finding, one) and _continues(finding, one))
    knew = (one for one in incidents if any(member.key == key for member in one.findings) and _continues(finding, one))
    silent = (one for one in current if _may_come_of(finding, one))
    return next(chain(lasts, same, through, near, about, knew, silent), None)


def _is_about(incident: Incident, features: Set[str]) -> bool:
    """Whether something is wrong with one of some features: what labels, or a measure of another kind, say later is the
    same.
    """
    return any(member.feature in features and not member.ended for member in incident.findings if member.feature)


def _of_the_same(finding: NewFinding, incident: Incident) -> bool:
    """Whether something is wrong with a feature that was measured, with the same measure elsewhere, or with the
    answers: labels say only later of some that shifted that they are worse."""
    if _is_about(incident, finding.about) or _elsewhere(finding.result, incident):
        return True
    answers = (_of_answers(member.signal, member.metric) for member in incident.findings if not member.ended)
    return _of_answers(finding.result.signal, finding.result.metric) and any(answers)


def _elsewhere(result: Result, incident: Incident) -> bool:
    """Whether the same measure is wrong in another part of the traffic."""
    measure = (result.signal, result.metric, result.feature)
    return any((one.signal, one.metric, one.feature) == measure for one in incident.findings if not one.ended)


def _of_answers(signal: str, metric: str) -> bool:
    """Whether a measure is of what a model answers, right or wrong."""
    return SIGNALS[signal].question_for(metric) in (kinds.PREDICTION_DRIFT, kinds.WRONG)


def _near(finding: NewFinding, incident: Incident, together: timedelta) -> bool:
    """Whether both began together, and not of different causes as far as is known."""
    if incident.over and finding.cause == "":
        return finding.dated and incident.dated and _began_together(finding, incident, together)
    return _began_together(finding, incident, together) and not _told_apart(finding, incident)


def _continues(finding: NewFinding, incident: Incident) -> bool:
    """Whether what was measured before is the same trouble again: its cause is not known to lie elsewhere."""
    if incident.status == OPEN and incident.over and finding.cause == "":
        return False
    return "" in (finding.cause, incident.cause) or _service(finding.cause) == _service(incident.cause)


def _may_come_of(finding: NewFinding, incident: Incident) -> bool:
    """Whether a finding that nothing is known of may come of a cause that lasts."""
    if _acknowledged_before(finding, incident):
        return False
    return finding.cause == "" and not finding.dated and incident.cause != "" and not incident.over


def _acknowledged_before(finding: NewFinding, incident: Incident) -> bool:
    """Whether somebody acknowledged an incident before a finding began, so that nobody would be called for it."""
    return incident.acknowledged_at is not None and incident.acknowledged_at < finding.began_at


def _began_together(finding: NewFinding, incident: Incident, together: timedelta) -> bool:
    """Within `together` where the data tells both beginnings; else in the same window too."""
    distance = abs(incident.began_at - finding.began_at)
    length = finding.result.window.end - finding.result.window.start
    return distance <= together or (distance < length and not (finding.dated and incident.dated))


def _told_apart(finding: NewFinding, incident: Incident) -> bool:
    """Whether the causes of both are known and of different services, and a beginning is not.

    Values of a feature say where it shows, not where it comes from.
    """
    if finding.through:
        return False
    known = finding.cause != "" and incident.cause != "" and _service(finding.cause) != _service(incident.cause)
    return known and not (finding.dated and incident.dated)


def _service(cause: str) -> str:
    return cause.split(" ")[0]
