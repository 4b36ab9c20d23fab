"""Opens, updates and resolves incidents from the results of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import store as kept
from modelspan_analyzer.incidents.change import Terms, backdated, cleared, joined, opened, reopened
from modelspan_analyzer.incidents.earlier import first_alarms
from modelspan_analyzer.incidents.group import NewFinding, home
from modelspan_analyzer.incidents.incident import OPEN, Incident, key_of
from modelspan_analyzer.incidents.roles import roles
from modelspan_analyzer.monitors.metrics.targets import SIGNAL as METRICS
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.owners import owners
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.why import Explanation, explain, question
from modelspan_analyzer.why.sentence import with_remark
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreError

log = logging.getLogger(__name__)

SettingsOf = Callable[[str, str], IncidentSettings]
MOST_SMALL = 4
"""Parts of the traffic that are named as too small."""
RECENT = 200
"""Incidents of a model that are looked at, the newest."""


def defaults(_model: str, _version: str) -> IncidentSettings:
    """The settings of every model, where no file says otherwise."""
    return IncidentSettings()


def update(
    store: Store,
    results: Sequence[Result],
    now: datetime,
    *,
    settings: SettingsOf = defaults,
    signals: Signals = SIGNALS,
    lasts: bool = False,
) -> list[Incident]:
    """Bring incidents up to date with the results of a run, and store what changed.

    Windows are taken in their order in time, and of a window older than what a finding already knows of it counts
    alone that what is wrong was wrong already, so that missed windows can be made up for. Alarms are explained from
    traces on the way.

    Args:
        store: where incidents are kept.
        results: all results of a run, good ones too: they end findings.
        now: the time to stamp.
        settings: of a model and version.
        signals: what is known of each signal.
        lasts: whether the results say what those before them said. That alone, with a newer window, is not written.

    Returns:
        Every incident that was opened, changed or resolved, in its new state.
    """
    if not results:
        return []
    changed: dict[str, Incident] = {}
    ordered = sorted(results, key=lambda result: (result.model, result.window.end, result.window.start))
    for (model, _), window in groupby(ordered, key=lambda result: (result.model, result.window.end)):
        members = list(window)
        known = {one.incident_id: one for one in kept.load(store, model=model, limit=RECENT)} | changed
        if not _concerned(members, known.values()):
            continue
        chosen = settings(model, members[0].version)
        if any(one.verdict is Verdict.ALARM for one in members):  # what only ends has its owner
            chosen = _owned(store, model, members[0].version, chosen)
        began = min(one.window.start for one in members)
        of_model = {key: one for key, one in known.items() if one.model == model}
        before = {key: one for key, one in of_model.items() if _live(one, now, chosen) or _closed_since(one, began)}
        terms = Terms(now, chosen, signals)
        planned = plan(members, list(before.values()), roles(store, members), terms)
        after = apply(planned, explained(store, planned, terms), terms)
        if firsts := first_alarms(store, members, after):
            asked = Plan(tuple(after), tuple(firsts), frozenset(), planned.roles, planned.rows)
            after = dated_back(asked, explained(store, asked, terms), terms)
        news = (one for one in after if one.news or _differ(before.get(one.incident_id), one, lasts))
        changed |= {one.incident_id: one for one in news}
    said = [_said(one) for one in changed.values()]
    kept.save(store, said)
    return said


def _differ(before: Incident | None, after: Incident, lasts: bool) -> bool:
    """Whether there is anything to write; of what lasts not that it does."""
    if before is None or not lasts or len(before.findings) != len(after.findings):
        return before != after
    members = zip(before.findings, after.findings, strict=True)
    findings = tuple(replace(new, window_end=old.window_end) for old, new in members)
    return before != replace(after, updated_at=before.updated_at, findings=findings)


def _concerned(results: Sequence[Result], known: Iterable[Incident]) -> bool:
    """Whether anything can change: an alarm may open an incident or join one, a good result end an open one."""
    return any(one.verdict is Verdict.ALARM for one in results) or any(one.status == OPEN for one in known)


def _said(incident: Incident) -> Incident:
    """With the severity that it has after the run among those that alerts are told of."""
    return replace(incident, severities=tuple(dict.fromkeys((*incident.severities, incident.severity))))


def _owned(store: Store, model: str, version: str, settings: IncidentSettings) -> IncidentSettings:
    """The settings with an owner: theirs, or else the model card's."""
    return settings.model_copy(update={"owner": owners(store, model).of(model, version, settings.owner)})


def _live(incident: Incident, now: datetime, settings: IncidentSettings) -> bool:
    """Whether an incident is open, or was resolved so lately that it may come back."""
    return incident.status == OPEN or (
        incident.resolved_at is not None and now - incident.resolved_at <= settings.reopen_within
    )


def _closed_since(incident: Incident, moment: datetime) -> bool:
    """Whether somebody closed it after that: what a window that had begun by then says of it is known."""
    return incident.closed_by != "" and incident.resolved_at is not None and incident.resolved_at > moment


@dataclass(frozen=True, slots=True)
class Plan:
    """What one window of one model changes, before anything is explained."""

    incidents: tuple[Incident, ...]
    """With what is well again counted."""
    alarms: tuple[Result, ...]
    """That no incident has heard of."""
    settled: frozenset[tuple[str, ...]]
    """Keys of findings whose incident knows its cause already."""
    roles: Mapping[str, str]
    """Of each version."""
    rows: Mapping[str, int]
    """Predictions of each version in the window."""
    small: tuple[Result, ...] = ()
    """Of parts of the traffic that have too few rows in this window to be judged by themselves."""


def plan(results: Sequence[Result], incidents: Sequence[Incident], roles_of: Mapping[str, str], terms: Terms) -> Plan:
    """What ends, and what is new."""
    current = tuple(cleared(one, results, terms) if one.status == OPEN else one for one in incidents)
    settled = frozenset(
        member.key for one in current if one.status == OPEN and one.cause for member in one.findings if not member.ended
    )
    small = tuple(one for one in results if one.segment and one.verdict is Verdict.NOT_ENOUGH_DATA)
    rows: dict[str, int] = {}
    for one in results:
        rows[one.version] = max(rows.get(one.version, 0), one.n)
    return Plan(current, tuple(_new_alarms(results, current, roles_of)), settled, roles_of, rows, small)


def explained(store: Store, planned: Plan, terms: Terms) -> list[NewFinding]:
    """The new alarms with their reasons: one question asked once, the gravest signals first, up to the limit.

    Those whose incident knows its cause already are not asked of again.
    """
    answers: dict[tuple[str, ...], Explanation | None] = {}
    findings, fresh = [], []
    for result in sorted(planned.alarms, key=lambda result: terms.signals[result.signal].gravity):
        asked = (result.version, result.signal, result.feature, result.segment)
        new = key_of(result) not in planned.settled and asked not in answers
        if new and len(answers) < terms.settings.explain:
            answers[asked] = _with_small(_explain(store, result, terms.signals), result, planned.small)
        explanation = answers.get(asked)
        role, rows = planned.roles.get(result.version, ROLE_PRIMARY), planned.rows.get(result.version, 0)
        findings.append(NewFinding(result, explanation, role, rows))
        if explanation is not None:
            fresh.append((result, explanation))
    kept.save_explanations(store, fresh)
    return sorted(findings, key=lambda finding: (finding.cause == "", finding.began_at))


def apply(planned: Plan, findings: Iterable[NewFinding], terms: Terms) -> list[Incident]:
    """The incidents with the findings taken in, each where it belongs, or as one of its own."""
    current = list(planned.incidents)
    for finding in findings:
        at = home(finding, [one for one in current if one.role == finding.role], terms.settings.together)
        if at is None:
            current.append(opened(finding, terms))
        else:
            current[current.index(at)] = joined(reopened(at, finding, terms.now), finding, terms)
    return current


def dated_back(planned: Plan, findings: Sequence[NewFinding], terms: Terms) -> list[Incident]:
    """The incidents with the first alarms of their findings, which newer windows told of before."""
    current = []
    for one in planned.incidents:
        live = {member.key for member in one.findings if not member.ended} if one.status == OPEN else set()
        for finding in findings:
            if key_of(finding.result) in live and finding.role == one.role:
                one = backdated(one, finding, terms)
        current.append(one)
    return current


def _new_alarms(results: Sequence[Result], incidents: Sequence[Incident], role: Mapping[str, str]) -> list[Result]:
    """Alarms that no open incident of their version's role has heard of yet, or only from an older window."""
    known = {
        (member.role, member.key): member.window_end for one in incidents for member in one.findings if not member.ended
    }
    alarms = [result for result in results if result.verdict is Verdict.ALARM and not _was_closed(result, incidents)]
    return [
        result
        for result in alarms
        if known.get((role.get(result.version, ROLE_PRIMARY), key_of(result)), result.window.start) < result.window.end
    ]


def _was_closed(result: Result, incidents: Sequence[Incident]) -> bool:
    """Whether it is of an incident that somebody closed after its window had begun, and so has seen."""
    closed = [one for one in incidents if _closed_since(one, result.window.start)]
    return any(member.key == key_of(result) for one in closed for member in one.findings)


def _with_small(explanation: Explanation | None, result: Result, small: Iterable[Result]) -> Explanation | None:
    """An answer that names no cause says which parts of the traffic could not be looked at by themselves: it may be one
    of these."""
    if explanation is None or explanation.causes or result.segment:
        return explanation
    parts = {one.segment: one.reason for one in small if _same_question(one, result)}
    if not parts:
        return explanation
    named = ", ".join(f"{segment} ({reason})" for segment, reason in sorted(parts.items())[:MOST_SMALL])
    left = f" and {len(parts) - MOST_SMALL} more" if len(parts) > MOST_SMALL else ""
    remark = f"too few rows to tell of each part of the traffic: {named}{left}"
    return replace(explanation, sentence=with_remark(explanation.sentence, remark))


def _same_question(one: Result, other: Result) -> bool:
    """Whether two results are of one signal, and so of the same rows; metrics of one's own are each of their own."""
    if (one.version, one.signal) != (other.version, other.signal):
        return False
    return one.signal != METRICS or one.metric == other.metric


def _explain(store: Store, result: Result, signals: Signals) -> Explanation | None:
    """The reason, or None where there is none to give; a failure here must not lose the alarm."""
    try:
        return explain(store, question(result, signals))
    except ValueError:
        return None
    except (StoreError, RuntimeError, OSError):
        log.exception("could not explain %s %s of %s", result.signal, result.metric, result.model)
        return None
