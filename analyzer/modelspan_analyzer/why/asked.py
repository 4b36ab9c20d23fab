"""From what a person asks about (a model, an incident) to the findings to explain."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from modelspan_analyzer import moments
from modelspan_analyzer.incidents.store import load
from modelspan_analyzer.incidents.vocabulary import Incident
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.vocabulary import KINDS, Finding
from modelspan_collector.store.connect import Store

MOST = 6
_FIRST_YEAR, _LAST_YEAR = 1970, 2200

_ALARMS = """
SELECT version, window_start, window_end, signal, metric, feature, segment, monitor, reason, n, baseline_id,
       details
FROM monitor_results FINAL
WHERE model = {model:String} AND verdict = 'alarm'
  AND window_end > {since:DateTime64(9, 'UTC')} AND window_start < {until:DateTime64(9, 'UTC')}
ORDER BY window_end DESC, signal, feature, metric
LIMIT 500
"""


def finding_of(
    store: Store,
    about: str = "",
    *,
    since: str = "",
    until: str = "",
    kind: str = "",
    feature: str = "",
    segment: str = "",
) -> list[Finding]:
    """The findings behind a model's or an incident's trouble, the newest first.

    Args:
        store: where results and incidents are kept.
        about: a model, or the id of an incident.
        since: start, as ISO 8601 or as a duration before `until` (`2h`); the last day if empty.
        until: end, as ISO 8601; now if empty.
        kind: ask this of all predictions of the time, whatever the monitors say; one of `KINDS`.
        feature: only findings of this feature.
        segment: only these predictions, as `tag.country=DE`.

    Raises:
        ValueError: nothing is known of the model or incident in that time.
    """
    incidents = load(store, incident_id=about)
    model = incidents[0].model if incidents else about
    window = window_of(since, until, incidents[0] if incidents else None)
    if kind:
        if kind not in KINDS:
            raise ValueError(f"cannot explain {kind!r}; ask for one of {', '.join(KINDS)}")
        return [Finding(model, window, kind, feature=feature, segment=segment)]
    found = _distinct([one for one in _alarms(store, model, window) if feature in ("", one.feature)])
    if not found:
        raise ValueError(
            f"no monitor of {about!r} has alarmed between {window.start:%Y-%m-%d %H:%M} "
            f"and {window.end:%Y-%m-%d %H:%M}; ask about another time, or about all predictions, with a kind "
            f"({', '.join(KINDS)})"
        )
    return found


def _alarms(store: Store, model: str, window: Window) -> list[Finding]:
    findings = []
    for row in store.rows(_ALARMS, {"model": model, "since": window.start, "until": window.end}):
        bounds = Window(moments.utc(row.pop("window_start")), moments.utc(row.pop("window_end")))
        row["details"] = json.loads(row["details"] or "{}")
        try:
            findings.append(question(Result(model=model, window=bounds, value=None, verdict=Verdict.ALARM, **row)))
        except ValueError:
            continue
    return findings


def _distinct(findings: list[Finding]) -> list[Finding]:
    """The newest of each question."""
    kept: dict[tuple[str, ...], Finding] = {}
    for one in findings:
        kept.setdefault((one.version, one.kind, one.feature, one.segment), one)
    return list(kept.values())[:MOST]


def window_of(since: str, until: str, incident: Incident | None = None) -> Window:
    """A stretch of time as a person writes it: see `finding_of`.

    Raises:
        ValueError: a time cannot be read.
    """
    end = _moment(until) if until else moments.now()
    if since and since[-1:] in "smhdw" and since[:-1].isdigit():
        units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
        try:
            return Window(_believable(end - timedelta(**{units[since[-1]]: int(since[:-1])})), end)
        except (OverflowError, ValueError):
            raise ValueError(f"{since[:40]!r} is longer than there is anything to look at") from None
    if since:
        return Window(_moment(since), end)
    if incident is not None:
        return Window(incident.began_at - timedelta(hours=1), max(end, incident.updated_at))
    return Window(end - timedelta(days=1), end)


def _moment(text: str) -> datetime:
    try:
        return _believable(moments.utc(datetime.fromisoformat(text.replace("Z", "+00:00"))))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:40]!r} is no time; write 2026-01-31T14:00:00 (UTC) or a duration such as 2h"
        ) from None


def _believable(moment: datetime) -> datetime:
    """A time that the store can hold.

    Raises:
        ValueError: it cannot.
    """
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError("outside of what the store can hold")
    return moment
