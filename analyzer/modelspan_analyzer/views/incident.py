"""One incident: what moved, since when, why, which predictions show it, and what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.alerts.alert import dashboard_of, sql_of
from modelspan_analyzer.charts import Mark
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents.incident import OPEN, Incident
from modelspan_analyzer.incidents.store import load, timeline
from modelspan_analyzer.reading.names import brief
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.views.evidence import Reasons, reasons, without_traces
from modelspan_analyzer.views.findings import Finding, findings
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.samples import Sample, samples
from modelspan_analyzer.views.trace import Trace, trace
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.views.view import NotThereError, View, table_of
from modelspan_collector.store.connect import Store

_TRACES: Final = 3
_OPINIONS: Final = """
SELECT actor, toString(opinion) AS opinion, comment, at FROM incident_feedback FINAL
WHERE incident_id = {incident_id:String} ORDER BY at DESC, actor LIMIT 50
"""
_OWN: Final = (
    "incident_id", "model", "version", "status", "owner", "runbook", "value", "began_at", "dated", "opened_at",
    "updated_at", "resolved_at", "acknowledged_at", "acknowledged_by", "assignee", "closed_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of what was done."""

    at: datetime
    kind: str
    text: str
    actor: str
    """Empty where the analyzer did it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person thought of it."""

    actor: str
    opinion: str
    comment: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class IncidentView(View):
    """Everything that is known of it."""

    incident_id: str
    model: str
    version: str
    status: str
    severity: str
    owner: str
    runbook: str
    """Empty where monitors.yaml does not name one."""
    dashboard: str
    found: str
    affected: str
    """How many of how many predictions; empty where it is not known."""
    value: float
    """Of the affected predictions, in the unit of monitors.yaml; 0 where none is set."""
    began_at: datetime
    dated: bool
    """Whether the data tells when it began, and not only which window it was first seen in."""
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    assignee: str
    """Empty where it is its owner's."""
    action: str
    outcome: str
    closed_by: str
    why: str
    findings: tuple[Finding, ...]
    reasons: tuple[Reasons, ...]
    traces: tuple[Trace, ...]
    traces_left_out: int
    samples: tuple[Sample, ...]
    timeline: tuple[Happened, ...]
    opinions: tuple[Opinion, ...]

    @property
    def is_open(self) -> bool:
        """Whether it lasts."""
        return self.status == OPEN

    @property
    def seen_at(self) -> datetime:
        """When it was seen last: an incident whose windows say the same again and again is not written each time."""
        alarmed = [each.at for one in self.findings for each in one.points if each.verdict == Verdict.ALARM.value]
        return max([self.updated_at, *alarmed])

    @property
    def marks(self) -> list[Mark]:
        """What happened meanwhile, for charts: its beginning and the releases that came with it."""
        released = {(each.release, each.since) for one in self.reasons for each in one.evidence}
        marks = [Mark(since, release) for release, since in sorted(released, key=str) if release and since]
        return [Mark(self.began_at, "began", "incident"), *marks]

    def tables(self) -> Mapping[str, pa.Table]:
        """Its findings, the evidence, the sample predictions, and what was done."""
        evidence = [each for one in self.reasons for each in one.evidence]
        shares = ("what", "kind", "flagged_share", "other_share", "risk_ratio", "lower", "upper", "q_value", "support")
        found = ("words", "version", "signal", "metric", "feature", "segment", "reason", "since", "ended", "affected")
        return {
            "findings": table_of(self.findings, found),
            "evidence": table_of(evidence, (*shares, "since", "release")),
            "predictions": table_of(self.samples, ("prediction_id", "timestamp", "version", "said", "trace_id")),
            "timeline": table_of(self.timeline, ("at", "kind", "text", "actor")),
        }


def read(store: Store, given: Mapping[str, str], settings: AlertSettings, veil: Veil, now: datetime) -> IncidentView:
    """One incident by its `incident_id`.

    Raises:
        NotThereError: there is none.
    """
    found = load(store, incident_id=given["incident_id"])
    if not found:
        raise NotThereError(f"there is no incident {brief(given['incident_id'])!r}; /incidents lists those that are")
    one = found[0]
    moved, queries = findings(store, one, one.resolved_at or now, veil)
    why, explained = reasons(store, one, veil)
    shown, asked = samples(store, one, veil)
    traces = [trace(store, trace_id, settings, veil) for trace_id in one.traces[:_TRACES]]
    behind = [query for query in (asked, *(query for _, query in traces)) if query is not None]
    rows = store.rows(_OPINIONS, {"incident_id": one.incident_id})
    facts = describe.facts(one)
    return IncidentView(
        title=veil.text(one.title),
        sentence=_sentence(one, facts["affected"], any(each.evidence for each in why), veil),
        queries=(Query("What alarmed", sql_of(one)), *queries, explained, *behind),
        severity=one.severity.value,
        dashboard=dashboard_of(one, settings),
        found=veil.text(facts["found"]),
        affected=_affected(one, facts["affected"]),
        **_as_it_is(one, veil),
        why=veil.text(facts["why"]),
        findings=moved,
        reasons=why,
        traces=tuple(each for each, _ in traces),
        traces_left_out=max(0, len(one.traces) - _TRACES),
        samples=shown,
        timeline=_timeline(store, one.incident_id, veil),
        opinions=tuple(Opinion(row["actor"], row["opinion"], veil.text(row["comment"]), row["at"]) for row in rows),
    )


def _as_it_is(one: Incident, veil: Veil) -> dict[str, Any]:
    """What the view has of the incident as it is, and what people said of it."""
    said = {"action": veil.text(one.action), "outcome": veil.text(one.outcome)}
    return {name: getattr(one, name) for name in _OWN} | said


def _timeline(store: Store, incident_id: str, veil: Veil) -> tuple[Happened, ...]:
    events = timeline(store, incident_id)
    return tuple(Happened(event.at, event.kind, veil.text(without_traces(event.text)), event.actor) for event in events)


def _affected(one: Incident, told: str) -> str:
    if told != describe.NO_IMPACT:
        return told
    return f"{one.affected:,}" if one.affected else ""


def _sentence(one: Incident, affected: str, known: bool, veil: Veil) -> str:
    """Why; where that is not known, first since when, and of how many predictions."""
    why = veil.text(without_traces(one.why)) if one.why else describe.NOT_ASKED
    because = f"{why[:1].upper()}{why[1:]}{'' if why.endswith('.') else '.'}"
    if known:
        return because
    began = f"{one.began_at:%Y-%m-%d %H:%M} UTC"
    lasts = f"from {began} to {one.resolved_at:%Y-%m-%d %H:%M} UTC" if one.resolved_at else f"since {began}"
    many = "" if affected == describe.NO_IMPACT else f" Predictions affected: {affected}."
    return f"Wrong {lasts}.{many} {because if not one.why else f'No cause is known. {because}'}"
