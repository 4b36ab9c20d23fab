"""Whether a model may pass: its newest verdicts as one answer, for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from modelspan_analyzer import incidents
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.monitors.lifecycle.monitor import LIFECYCLE
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.quality.volume import VOLUME
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.reading.relation import filled
from modelspan_analyzer.reading.window import WHOSE, whose
from modelspan_collector.store.connect import Store


class Status(IntEnum):
    """What a pipeline reads, as exit status of `modelspan check`."""

    PASSED = 0
    ALARM = 3
    NOT_CHECKED = 4
    """No row was looked at or compared with anything, or too long ago: nothing is known, so nothing passes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer and what it rests on."""

    status: Status
    reason: str
    window_end: datetime | None
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Results that stand against it: `signal`, `metric`, `feature`, `segment`, `verdict`, `value`, `reason`, and, of
    what failed for several signals in the same words, these as `also`."""
    incidents: list[dict[str, Any]] = field(default_factory=list)
    """Open incidents: `incident_id`, `severity`, `title`; they stand against it too."""
    unchecked: list[dict[str, Any]] = field(default_factory=list)
    """Signals of which nothing could be judged: `signal`, `reason`."""


_NEWEST = filled(
    """
WITH newest AS (
    SELECT version, max(window_end) AS at FROM monitor_results
    WHERE {whose} AND n >= {least:UInt64} GROUP BY version
)
SELECT version, window_end, signal, metric, feature, segment, verdict, value, n, reason FROM monitor_results FINAL
WHERE {whose}
  AND (empty({signals:Array(String)}) OR has({signals:Array(String)}, toString(signal)))
  AND (version, window_end) IN (SELECT version, at FROM newest)
ORDER BY version, signal, feature, metric, segment
""",
    whose=WHOSE,
)
ALWAYS = (DATA_QUALITY.name, LATENCY, LIFECYCLE.name)
"""Signals that say of any window that rows came, how fast they were answered, and whether they may: not whether they
are as they were."""
WITHIN = ("labels_share", "labelled_rows", "worst_slice_by_loss", "worst_slice_by_missing_labels")
"""Metrics that say how many labels came, or how a window's parts differ: nothing of whether the model is as it was."""
JUDGED = ("ok", "warning", "alarm", "error")
"""Verdicts that compared something."""
SKIPPED = "skipped"
"""The verdict of what does not apply, and so leaves nothing unchecked."""


def ask(
    store: Store,
    model: str,
    version: str | None,
    *,
    now: datetime,
    signals: list[str],
    max_age: timedelta | None = None,
    warnings: bool = False,
) -> Answer:
    """Whether the newest window of a model's versions has nothing against it, and no incident of it is open.

    Args:
        version: None for every version, '' for what came without one.
        signals: only these, such as `data_drift`; all where empty.
        max_age: how long ago the newest window may have ended.
        warnings: warnings stand against it too.
    """
    asked = {**whose(model, version), "signals": signals}
    rows = store.rows(_NEWEST, {**asked, "least": 0})
    name = f"{model} {version or ''}".strip()
    known = _incidents(store, model, version, signals)
    if not rows:
        of = f"{', '.join(signals)} of {name} was" if signals else f"window of {name} was"
        return Answer(Status.NOT_CHECKED, f"no {of} looked at yet", None, incidents=known)
    newest = max(utc(row["window_end"]) for row in rows)
    if max_age is not None and now - newest > max_age:
        reason = f"the newest window of {name} ended {newest:%Y-%m-%d %H:%M} UTC, longer ago than allowed"
        return Answer(Status.NOT_CHECKED, reason, newest, incidents=known)
    verdicts = {"alarm", "error", *(["warning"] if warnings else [])}
    findings = _once([
        {key: value for key, value in row.items() if key not in ("n", "window_end")}
        for row in rows
        if row["verdict"] in verdicts
    ])  # fmt: skip
    against = {signal for each in findings for signal in (each["signal"], *each["also"])}
    unchecked = [one for one in _unchecked(rows) if one["signal"] not in against]
    if findings:
        reason = f"{len(findings)} results stand against {name}"
        return Answer(Status.ALARM, reason, newest, findings, known, unchecked)
    if known:
        return Answer(Status.ALARM, f"{len(known)} open incidents stand against {name}", newest, [], known, unchecked)
    if lacking := _lacking(rows, model, newest, signals):
        if not any(row["n"] for row in rows):
            lacking += _meanwhile(rows, store.rows(_NEWEST, {**asked, "least": 1}), signals)
        return Answer(Status.NOT_CHECKED, lacking, newest, [], known, unchecked)
    return Answer(Status.PASSED, f"nothing stands against {name}", newest, unchecked=unchecked)


def _once(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What fails for several signals in the same words, as a slice that none of them can compute, once with all."""
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in findings:
        alone = "" if one["verdict"] == "error" and one["segment"] else f"{one['signal']} {one['metric']}"
        key = (one["version"], alone, one["verdict"], one["feature"], one["segment"], one["reason"])
        first = kept.setdefault(key, {**one, "also": []})
        if first["signal"] != one["signal"] and one["signal"] not in first["also"]:
            first["also"].append(one["signal"])
    return list(kept.values())


def _lacking(rows: Sequence[dict[str, Any]], model: str, newest: datetime, signals: Sequence[str]) -> str:
    """The first of the versions that answer now of which the newest window may not pass, and why; '' if all may.

    Where no version got a row in the newest window, all of them are asked: an old one is not what answers now.
    """
    current = {row["version"] for row in rows if row["n"] and utc(row["window_end"]) == newest}
    for version in sorted(current or {row["version"] for row in rows}):
        own = [row for row in rows if row["version"] == version]
        judged = _judged(own)
        said = judged | {one["signal"] for one in _unchecked(own)} | set(signals)
        if lacking := not_checked(max(row["n"] for row in own), judged, said, signals):
            return f"{lacking} in the newest window of {model} {version}"
    return ""


def _meanwhile(rows: Sequence[dict[str, Any]], last: Sequence[dict[str, Any]], signals: Sequence[str]) -> str:
    """What is known of a model to which no row came: what is expected of it, and what its last rows said."""
    expected = dict.fromkeys(row["reason"] for row in rows if row["metric"] == VOLUME and row["verdict"] == "ok")
    parts = [f" ({one})" for one in expected]
    if last:
        at, judged = max(utc(row["window_end"]) for row in last), _judged(last)
        against = [row for row in last if row["verdict"] in ("alarm", "error")]
        said = judged | {one["signal"] for one in _unchecked(last)} | set(signals)
        lacking = not_checked(max(row["n"] for row in last), judged, said, signals)
        told = f"{len(against)} results stood against it" if against else lacking or "nothing stood against it"
        parts.append(f"; in the last window with predictions, until {at:%Y-%m-%d %H:%M} UTC, {told}")
    return "".join(parts)


def not_checked(rows: int, judged: Set[str], said: Set[str], wanted: Sequence[str] = ()) -> str:
    """What keeps a window that nothing stands against from passing; '' where it may pass.

    Args:
        rows: the most rows that any result is of.
        judged: signals of which some result was compared with something.
        said: signals that apply, or were asked for.
        wanted: those that were asked for; each of them must have been judged.
    """
    if not rows:
        return "no prediction came"
    if missing := sorted(set(wanted) - judged):
        return f"nothing could be judged by {', '.join(missing)}"
    if judged <= set(ALWAYS) and said - judged:
        beside = " and the time that they took" if LATENCY in judged else ""
        return f"nothing but the arrival of rows{beside} could be judged"
    return ""


def _unchecked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The signals of which no result could be judged though they apply, each with the reason of one of them."""
    judged = _judged(rows)
    said = [row for row in rows if row["verdict"] != SKIPPED and row["metric"] != LEFT_OUT]
    lacking = [row for row in reversed(said) if row["signal"] not in judged]
    # The reason of one that would tell goes before theirs, and that of all rows before a slice's.
    lacking.sort(key=lambda row: (row["metric"] not in WITHIN, row["segment"] == ""))
    reasons = {row["signal"]: row["reason"] for row in lacking}
    return [{"signal": signal, "reason": reason} for signal, reason in sorted(reasons.items())]


def _judged(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["signal"] for row in rows if row["verdict"] in JUDGED and row["n"] and row["metric"] not in WITHIN}


def _incidents(store: Store, model: str, version: str | None, signals: Sequence[str]) -> list[dict[str, Any]]:
    def concerns(one: Incident) -> bool:
        lasting = [finding for finding in one.findings if not finding.ended]
        told = {finding.signal for finding in lasting if version in (None, finding.version)} or {one.signal}
        return (version is None or version in one.bad_versions) and (not signals or bool(told & set(signals)))

    return [
        {"incident_id": one.incident_id, "severity": one.severity.value, "title": one.title, "version": one.version}
        for one in incidents.load_open(store, model)
        if concerns(one)
    ]


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer as one JSON object."""
    return {**asdict(answer), "status": answer.status.name.lower()}
