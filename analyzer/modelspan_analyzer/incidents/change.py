"""What a finding, or a window without it, does to an incident."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents.group import NewFinding
from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, Event, Incident, OpenFinding, Severity, key_of
from modelspan_analyzer.incidents.severity import severity
from modelspan_analyzer.incidents.then import CAUSE, GRAVER, became
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.verdicts.labels_decide import is_left_to_labels
from modelspan_analyzer.why import Explanation


@dataclass(frozen=True, slots=True)
class Terms:
    """What incidents are judged by."""

    now: datetime
    settings: IncidentSettings
    signals: Signals


def reopened(incident: Incident, finding: NewFinding, now: datetime) -> Incident:
    """An incident that was resolved too early, open again: since when and why is asked anew."""
    if incident.status == OPEN:
        return incident
    news = (*incident.news, Event(now, "reopened", "reopened: a finding came back"))
    return replace(
        incident,
        status=OPEN,
        resolved_at=None,
        began_at=finding.began_at,
        cause="",
        why="",
        traces=(),
        affected=0,
        value=0.0,
        news=news,
    )


def opened(finding: NewFinding, terms: Terms) -> Incident:
    """A new incident of one finding."""
    result = finding.result
    empty = Incident(
        incident_id=uuid.uuid4().hex[:12],
        model=result.model,
        version=result.version,
        status=OPEN,
        severity=Severity.INFO,
        signal=result.signal,
        title="",
        why="",
        cause="",
        owner=terms.settings.owner,
        runbook=terms.settings.runbook,
        began_at=finding.began_at,
        opened_at=terms.now,
        updated_at=terms.now,
        news=(
            Event(terms.now, "opened", f"opened by the window that ended at {result.window.end:%Y-%m-%d %H:%M} UTC"),
        ),
    )
    return joined(empty, finding, terms)


def joined(incident: Incident, finding: NewFinding, terms: Terms) -> Incident:
    """Take a finding in, and judge the incident anew."""
    now, settings = terms.now, terms.settings
    result, explanation = finding.result, finding.explanation
    affected, share = _impact(finding, terms.signals)
    before = next((one for one in incident.findings if one.key == key_of(result)), None)
    known = before.cause if before and not before.ended else ""
    since = explanation.since if explanation else None
    traced = max(explanation.traced if explanation else 0, before.traced if before else 0)
    member = OpenFinding.of(result, since, finding.role, affected, finding.cause or known, traced)
    if before and not before.ended and not terms.signals[member.signal].lacks(member.metric, member.direction):
        member = _in_worst_window(member, before)
    members = tuple(member if one is before else one for one in incident.findings) + (() if before else (member,))
    news = list(incident.news)
    if before is None:
        news.append(Event(now, "finding", describe.finding(result, finding.role)))
    grave = _grave(finding, members, affected, share, terms)
    worse = grave if grave.rank < incident.severity.rank or not incident.findings else incident.severity
    if incident.findings and worse is not incident.severity:
        news.append(Event(now, GRAVER, became(incident.severity, worse)))
    causes = explanation.causes if explanation else ()
    if causes and not incident.cause and explanation:
        news.append(Event(now, CAUSE, explanation.sentence))
    why = explanation.sentence if explanation and _says_more(explanation, incident) else incident.why
    cause = incident.cause or finding.cause
    return replace(
        incident,
        severity=worse,
        title=describe.title(result.model, members, cause, terms.signals),
        why=why,
        cause=cause,
        owner=incident.owner or settings.owner,
        runbook=settings.runbook,
        began_at=min(incident.began_at, finding.began_at) if finding.dated else incident.began_at,
        updated_at=now,
        affected=max(incident.affected, affected),
        value=max(incident.affected, affected) * settings.value,
        findings=members,
        traces=incident.traces or (causes[0].sample_trace_ids if causes else ()),
        news=tuple(news),
    )


def backdated(incident: Incident, finding: NewFinding, terms: Terms) -> Incident:
    """Take in the first alarm of what newer windows told of: it says since when, how many, and perhaps why."""
    key = key_of(finding.result)
    newest = next(one for one in incident.findings if one.key == key)
    taken = joined(incident, finding, terms)
    first = next(one for one in taken.findings if one.key == key)
    member = _in_worst_window(replace(newest, since=first.since, cause=first.cause, traced=first.traced), first)
    said = f"it began earlier: {describe.finding(finding.result, finding.role)}"
    return replace(
        taken,
        began_at=min(incident.began_at, finding.began_at),
        findings=tuple(member if one.key == key else one for one in taken.findings),
        news=(*taken.news, Event(terms.now, "finding", said)),
    )


def _in_worst_window(member: OpenFinding, other: OpenFinding) -> OpenFinding:
    """How many are affected, of the window that had most: later windows of a known cause are not asked again."""
    return replace(member, affected=other.affected, n=other.n) if other.affected > member.affected else member


def _says_more(explanation: Explanation, incident: Incident) -> bool:
    """Whether an explanation is better than what an incident has: a first cause, or none found in more traces."""
    if incident.cause:
        return False
    rests_on = max((member.traced for member in incident.findings), default=0)
    return bool(explanation.causes) or not incident.why or explanation.traced > rests_on


def _impact(finding: NewFinding, signals: Signals) -> tuple[int, float]:
    """Predictions affected, and their share of the result's own; of those that never came, of what was usual."""
    result, explanation = finding.result, finding.explanation
    if signals[result.signal].lacks(result.metric, result.direction):
        lost, usual = max(result.n_baseline - result.n, 0), result.n_baseline
        return lost, lost / usual if usual else float("nan")
    if signals[result.signal].counts_affected:
        return int(result.value or 0), float("nan")
    if explanation is None or not signals[result.signal].marks_affected:
        return 0, float("nan")
    share = explanation.affected / result.n if result.n else float("nan")
    return explanation.affected, min(share, 1.0)


def _grave(finding: NewFinding, members: Sequence[OpenFinding], affected: int, share: float, terms: Terms) -> Severity:
    """By the share of all predictions of the window; a slice that is small and hurt as a whole is no note only."""
    harmed = any(terms.signals[one.signal].harms(one.metric) for one in members)
    result, noted = finding.result, terms.settings.info_share
    of_all = share * min(1.0, result.n / finding.rows) if result.segment and finding.rows else share
    return severity(harmed or share >= noted, affected, of_all, terms.settings, finding.role)


def cleared(incident: Incident, results: Sequence[Result], terms: Terms) -> Incident:
    """Count good windows, end findings that are well again, and resolve where all are."""
    said = {key_of(result): result for result in results}
    end = max(result.window.end for result in results)
    heard = [_said_of(one, incident, said, terms.signals) for one in incident.findings]
    members = tuple(_heard(*each, end, terms.settings) for each in zip(incident.findings, heard, strict=True))
    if members == incident.findings:
        return incident
    over = [new for old, new in zip(incident.findings, members, strict=True) if new.ended and not old.ended]
    news = [
        *incident.news,
        *(Event(terms.now, "cleared", f"{describe.subject(member)} is well again") for member in over),
    ]
    resolved = all(member.ended for member in members)
    if resolved:
        news.append(Event(terms.now, "resolved", "resolved: every finding is well again"))
    return replace(
        incident,
        title=describe.title(incident.model, members, incident.cause, terms.signals),
        findings=members,
        updated_at=terms.now,
        news=tuple(news),
        status=RESOLVED if resolved else OPEN,
        resolved_at=terms.now if resolved else None,
    )


FEW: Final = Verdict.NOT_ENOUGH_DATA
_MEASURED: Final = (Verdict.OK, Verdict.WARNING, Verdict.ALARM)
"""What a measurement may say, the worst last."""


def _said_of(
    member: OpenFinding, incident: Incident, said: Mapping[tuple[str, ...], Result], signals: Signals
) -> Result | None:
    """The result of a window that speaks of a finding.

    Of one that has too few rows to be measured it is the worst of those that speak for it: a window that holds rows
    enough for most measures, but not for one, does not keep open what is over by all that could be measured.
    """
    own = said.get(member.key)
    if not _too_few(member, own, said.values()):
        return own
    heard = (said.get(one.key) for one in incident.findings if _speaks_for(one, member, signals))
    measured = [one for one in heard if one is not None and one.verdict in _MEASURED]
    return max(measured, key=lambda one: _MEASURED.index(one.verdict), default=own)


def _too_few(member: OpenFinding, own: Result | None, results: Iterable[Result]) -> bool:
    """Whether a window has too few rows for a finding: its own result says so, or its signal in place of all others."""
    of_it = (own,) if own is not None else results
    place = member.version, member.signal, member.segment
    return any(one.verdict is FEW and (one.version, one.signal, one.segment) == place for one in of_it)


def _speaks_for(one: OpenFinding, member: OpenFinding, signals: Signals) -> bool:
    """Whether a finding is the same over all segments, or asks the same of the same predictions by another measure."""
    if one.key == replace(member, segment="").key:
        return True
    question, asked = (signals[each.signal].question_for(each.metric) for each in (one, member))
    return question == asked != "" and (one.version, one.segment) == (member.version, member.segment)


def _heard(member: OpenFinding, result: Result | None, end: datetime, settings: IncidentSettings) -> OpenFinding:
    """What a window says of a finding."""
    if member.ended:
        return member
    if result is not None and result.verdict is Verdict.ALARM:
        return member
    well = result is not None and (result.verdict is Verdict.OK or is_left_to_labels(result))
    if result is None or not (well or result.verdict is Verdict.WARNING):
        silent = end - member.window_end >= settings.forget_after
        return replace(member, ended=True) if silent else member
    if result.window.end <= member.window_end:
        return member
    cleared = member.cleared + 1 if well else 0
    return replace(member, cleared=cleared, window_end=result.window.end, ended=cleared >= settings.resolve_after)
