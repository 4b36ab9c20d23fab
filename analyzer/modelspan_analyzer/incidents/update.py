"""Opens, updates and resolves incidents from the results of a run."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents import store as kept
from modelspan_analyzer.incidents.group import Finding, home
from modelspan_analyzer.incidents.roles import owner, roles
from modelspan_analyzer.incidents.severity import severity
from modelspan_analyzer.incidents.vocabulary import (
    OPEN,
    RESOLVED,
    Event,
    Incident,
    OpenFinding,
    Severity,
    gravity,
    key_of,
)
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.why import Explanation, explain
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreError

log = logging.getLogger(__name__)

SettingsOf = Callable[[str, str], IncidentSettings]
RECENT = 200
"""Incidents of a model that are looked at, the newest."""


def defaults(_model: str, _version: str) -> IncidentSettings:
    """The settings of every model, where no file says otherwise."""
    return IncidentSettings()


def update(
    store: Store, results: Sequence[Result], now: datetime, *, settings: SettingsOf = defaults
) -> list[Incident]:
    """Bring incidents up to date with the results of a run, and store what changed.

    Windows are taken in their order in time, and a window older than what a finding already knows of changes nothing,
    so that missed windows can be made up for. Alarms are explained from traces on the way.

    Args:
        store: where incidents are kept.
        results: all results of a run, good ones too: they end findings.
        now: the time to stamp.
        settings: of a model and version.

    Returns:
        Every incident that was opened, changed or resolved, in its new state.
    """
    changed: dict[str, Incident] = {}
    ordered = sorted(results, key=lambda result: (result.model, result.window.end, result.window.start))
    for (model, _), window in groupby(ordered, key=lambda result: (result.model, result.window.end)):
        members = list(window)
        chosen = _owned(store, model, members[0].version, settings(model, members[0].version))
        known = {one.incident_id: one for one in kept.load(store, model=model, limit=RECENT)} | changed
        before = {key: one for key, one in known.items() if one.model == model and _live(one, now, chosen)}
        after = _window(store, members, list(before.values()), now, chosen)
        changed |= {one.incident_id: one for one in after if before.get(one.incident_id) != one or one.news}
    kept.save(store, list(changed.values()))
    return list(changed.values())


def _owned(store: Store, model: str, version: str, settings: IncidentSettings) -> IncidentSettings:
    """The settings with an owner: theirs, or else the model card's."""
    return settings if settings.owner else settings.model_copy(update={"owner": owner(store, model, version)})


def _live(incident: Incident, now: datetime, settings: IncidentSettings) -> bool:
    """Whether an incident is open, or was resolved so lately that it may come back."""
    return incident.status == OPEN or (
        incident.resolved_at is not None and now - incident.resolved_at <= settings.reopen_within
    )


def _window(
    store: Store, results: Sequence[Result], incidents: list[Incident], now: datetime, settings: IncidentSettings
) -> list[Incident]:
    """One window of one model."""
    current = [_clear(one, results, now, settings) if one.status == OPEN else one for one in incidents]
    settled = {member.key for one in current if one.status == OPEN and one.cause for member in one.findings}
    role = roles(store, results)
    for finding in _explained(store, _new_alarms(results, current, role), role, settled, settings):
        at = home(finding, [one for one in current if one.role == finding.role], settings.together)
        if at is None:
            current.append(_open(finding, now, settings))
        else:
            current[current.index(at)] = _join(_reopened(at, now), finding, now, settings)
    return current


def _reopened(incident: Incident, now: datetime) -> Incident:
    """An incident that was resolved too early, open again."""
    if incident.status == OPEN:
        return incident
    news = (*incident.news, Event(now, "reopened", "reopened: a finding came back"))
    return replace(incident, status=OPEN, resolved_at=None, news=news)


def _new_alarms(results: Sequence[Result], incidents: Sequence[Incident], role: Mapping[str, str]) -> list[Result]:
    """Alarms that no open incident of their version's role has heard of yet, or only from an older window."""
    known = {
        (member.role, member.key): member.window_end for one in incidents for member in one.findings if not member.ended
    }
    alarms = [result for result in results if result.verdict is Verdict.ALARM]
    return [
        result
        for result in alarms
        if known.get((role.get(result.version, ROLE_PRIMARY), key_of(result)), result.window.start) < result.window.end
    ]


def _explained(
    store: Store,
    alarms: Iterable[Result],
    role: Mapping[str, str],
    settled: set[tuple[str, ...]],
    settings: IncidentSettings,
) -> list[Finding]:
    """Alarms with their reasons: one question asked once, the gravest signals first, up to the limit.

    Those whose incident knows its cause already are not asked of again.
    """
    answers: dict[tuple[str, ...], Explanation | None] = {}
    found, fresh = [], []
    for result in sorted(alarms, key=lambda result: gravity(result.signal)):
        asked = (result.version, result.signal, result.feature, result.segment)
        if key_of(result) not in settled and asked not in answers and len(answers) < settings.explain:
            answers[asked] = _explain(store, result)
        explanation = answers.get(asked)
        found.append(Finding(result, explanation, role.get(result.version, ROLE_PRIMARY)))
        if explanation is not None:
            fresh.append((result, explanation))
    kept.save_explanations(store, fresh)
    return sorted(found, key=lambda finding: (finding.cause == "", finding.began_at))


def _explain(store: Store, result: Result) -> Explanation | None:
    """The reason, or None where there is none to give; a failure here must not lose the alarm."""
    try:
        return explain(store, result)
    except ValueError:
        return None
    except (StoreError, RuntimeError, OSError):
        log.exception("could not explain %s %s of %s", result.signal, result.metric, result.model)
        return None


def _open(finding: Finding, now: datetime, settings: IncidentSettings) -> Incident:
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
        owner=settings.owner,
        runbook=settings.runbook,
        began_at=finding.began_at,
        opened_at=now,
        updated_at=now,
        news=(Event(now, "opened", f"opened by the window that ended at {result.window.end:%Y-%m-%d %H:%M} UTC"),),
    )
    return _join(empty, finding, now, settings)


def _join(incident: Incident, finding: Finding, now: datetime, settings: IncidentSettings) -> Incident:
    """Take a finding in, and judge the incident anew."""
    result, explanation = finding.result, finding.explanation
    member = OpenFinding.of(result, explanation.since if explanation else None, finding.role)
    others = tuple(one for one in incident.findings if one.key != member.key)
    news = list(incident.news)
    if len(others) == len(incident.findings):
        news.append(Event(now, "finding", describe.finding(result, finding.role)))
    affected, share = _impact(explanation, result)
    grave = severity({one.signal for one in (*others, member)}, affected, share, settings, finding.role)
    worse = grave if grave.rank < incident.severity.rank or not incident.findings else incident.severity
    if incident.findings and worse is not incident.severity:
        news.append(Event(now, "severity", f"{incident.severity.value} became {worse.value}"))
    causes = explanation.causes if explanation else ()
    if causes and not incident.cause and explanation:
        news.append(Event(now, "cause", explanation.sentence))
    why = explanation.sentence if explanation and (causes or not incident.why) and not incident.cause else incident.why
    cause = incident.cause or finding.cause
    return replace(
        incident,
        severity=worse,
        title=describe.title(result.model, [*others, member], cause),
        why=why,
        cause=cause,
        owner=settings.owner,
        runbook=settings.runbook,
        began_at=min(incident.began_at, finding.began_at) if finding.dated else incident.began_at,
        updated_at=now,
        affected=max(incident.affected, affected),
        value=max(incident.affected, affected) * settings.value,
        findings=(*others, member),
        traces=incident.traces or (causes[0].sample_trace_ids if causes else ()),
        news=tuple(news),
    )


def _impact(explanation: Explanation | None, result: Result) -> tuple[int, float]:
    """Predictions affected, and their share of the window's."""
    if explanation is None:
        return 0, float("nan")
    share = explanation.n_flagged / result.n if result.n else float("nan")
    return explanation.n_flagged, min(share, 1.0)


def _clear(incident: Incident, results: Sequence[Result], now: datetime, settings: IncidentSettings) -> Incident:
    """Count good windows, end findings that are well again, and resolve where all are."""
    said = {key_of(result): result for result in results}
    end = max(result.window.end for result in results)
    members = tuple(_heard(member, said.get(member.key), end, settings) for member in incident.findings)
    if members == incident.findings:
        return incident
    over = [new for old, new in zip(incident.findings, members, strict=True) if new.ended and not old.ended]
    news = [*incident.news, *(Event(now, "cleared", f"{describe.subject(member)} is well again") for member in over)]
    resolved = all(member.ended for member in members)
    if resolved:
        news.append(Event(now, "resolved", "resolved: every finding is well again"))
    return replace(
        incident,
        title=describe.title(incident.model, members, incident.cause),
        findings=members,
        updated_at=now,
        news=tuple(news),
        status=RESOLVED if resolved else OPEN,
        resolved_at=now if resolved else None,
    )


def _heard(member: OpenFinding, result: Result | None, end: datetime, settings: IncidentSettings) -> OpenFinding:
    """What a window says of a finding."""
    if member.ended:
        return member
    if result is None or result.verdict not in (Verdict.OK, Verdict.WARNING):
        silent = result is None and end - member.window_end >= settings.forget_after
        return replace(member, ended=True) if silent else member
    if result.window.end <= member.window_end:
        return member
    cleared = member.cleared + 1 if result.verdict is Verdict.OK else 0
    return replace(member, cleared=cleared, window_end=result.window.end, ended=cleared >= settings.resolve_after)
