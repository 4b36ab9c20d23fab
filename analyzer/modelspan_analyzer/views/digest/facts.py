"""What a digest tells, read of all models at once: so many queries, however many models and teams there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.checking import JUDGED, SKIPPED, WITHIN
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents.feedback import opinions
from modelspan_analyzer.incidents.incident import Event, Incident
from modelspan_analyzer.incidents.store import LASTING, load_lasting, timelines
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.monitors.performance.monitor import SIGNAL as PERFORMANCE
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views.digest.span import Span
from modelspan_analyzer.views.fleet import Member, members
from modelspan_analyzer.views.goals import Goals, goals_then
from modelspan_analyzer.views.health import Checked, checked_then
from modelspan_analyzer.views.outcomes import SHARE
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.traffic import Came, traffic_between
from modelspan_collector.store.connect import Store

MOST_NEW: Final = 3
"""New findings of one version that are read; how many there are is counted."""
_RESULTS: Final = f"""
WITH window_end > {{since:DateTime64(9, 'UTC')}} AS in_span, signal = '{LATENCY}' AND metric = 'p95' AS is_p95,
     signal = '{PERFORMANCE}' AND metric = '{SHARE}' AS is_share
SELECT model, version,
       uniqExactIf((window_start, window_end), verdict = 'alarm' AND in_span) AS alarmed,
       countIf(baseline_id != '' AND in_span) AS compared,
       argMaxIf(value, window_end, is_p95 AND in_span) AS p95,
       argMaxIf(value, window_end, is_p95 AND NOT in_span) AS p95_before,
       sumIf(n, is_share AND in_span) AS asked_labels,
       sumIf(JSONExtractUInt(details, 'labelled'), is_share AND in_span) AS labelled
FROM monitor_results FINAL
WHERE window_end > {{before:DateTime64(9, 'UTC')}} AND window_end <= {{until:DateTime64(9, 'UTC')}}
GROUP BY model, version
"""
_RUNS: Final = """
SELECT model, version, monitor, count() AS runs, countIf(outcome IN ('failed', 'timeout')) AS failed,
       argMaxIf(error, window_end, error != '') AS error
FROM monitor_runs FINAL
WHERE outcome != 'running' AND window_end > {since:DateTime64(9, 'UTC')} AND window_end <= {until:DateTime64(9, 'UTC')}
GROUP BY model, version, monitor ORDER BY model, version, monitor
"""
_UNJUDGED: Final = """
SELECT model, version, signal, argMaxIf(toString(verdict), window_end, verdict != {skipped:String}) AS said,
       argMaxIf(reason, window_end, verdict != {skipped:String}) AS why, argMax(reason, window_end) AS skipped_why
FROM monitor_results FINAL
WHERE window_end > {since:DateTime64(9, 'UTC')} AND window_end <= {until:DateTime64(9, 'UTC')}
GROUP BY model, version, signal
HAVING countIf(n > 0 AND has({judged:Array(String)}, toString(verdict))
               AND NOT has({within:Array(String)}, toString(metric))) = 0
ORDER BY signal, model, version
"""
_NEW: Final = """
SELECT *, count() OVER (PARTITION BY model, version) AS every FROM (
    SELECT model, version, toString(signal) AS signal, toString(metric) AS metric, toString(feature) AS feature,
           segment,
           uniqExactIf((window_start, window_end), window_end > {since:DateTime64(9, 'UTC')}) AS windows,
           argMax(toString(direction), window_end) AS direction, max(n) AS rows, argMax(reason, window_end) AS why,
           max(ifNull(if(isFinite(abs(value) / abs(threshold)), abs(value) / abs(threshold), 0), 0)) AS excess
    FROM monitor_results FINAL
    WHERE verdict = 'alarm' AND window_end > {before:DateTime64(9, 'UTC')}
      AND window_end <= {until:DateTime64(9, 'UTC')}
    GROUP BY model, version, signal, metric, feature, segment
    HAVING windows > 0 AND min(window_end) > {since:DateTime64(9, 'UTC')}
)
ORDER BY model, version, indexOf({gravest:Array(String)}, signal), excess DESC, metric, feature, segment
LIMIT {most:UInt32} BY model, version
"""


@dataclass(frozen=True)
class Facts:
    """All that is known of every version by the end of a span; each team's digest is cut out of it."""

    span: Span
    made_at: datetime
    members: tuple[Member, ...]
    at_first: Mapping[Name, Checked]
    at_last: Mapping[Name, Checked]
    came: Mapping[Name, Came]
    measured: Mapping[Name, Mapping[str, Any]]
    """Rows of `_RESULTS`."""
    runs: Mapping[Name, tuple[Mapping[str, Any], ...]]
    """Rows of `_RUNS`, the monitor of '' for the windows as a whole."""
    unjudged: tuple[Mapping[str, Any], ...]
    new: tuple[Mapping[str, Any], ...]
    goals: Goals
    incidents: tuple[Incident, ...]
    timelines: Mapping[str, list[Event]]
    opinions: Mapping[str, tuple[int, int]]
    queries: tuple[Query, ...]

    def whole(self, name: Name) -> Mapping[str, Any]:
        """The runs over a version's windows: `runs` of which `failed`, and the last `error`."""
        return next((row for row in self.runs.get(name, ()) if not row["monitor"]), _NONE)


_NONE: Final[Mapping[str, Any]] = {"monitor": "", "runs": 0, "failed": 0, "error": ""}


def collect(store: Store, config: MonitorsConfig, span: Span, now: datetime) -> Facts:
    """Read all that the digests of a span tell."""
    asked = {"before": span.before, "since": span.since, "until": span.until}
    everyone, _ = members(store, config, now)
    at_first, _ = checked_then(store, span.since)
    at_last, health = checked_then(store, span.until)
    came, flow = traffic_between(store, span.before, span.since, span.until)
    goals, aims = goals_then(store, span.before, span.until)
    words = {"judged": list(JUDGED), "within": list(WITHIN), "skipped": SKIPPED}
    gravest = sorted(SIGNALS, key=lambda name: SIGNALS[name].gravity)
    results, runs = Query("What was measured", _RESULTS, asked), Query("What was looked at", _RUNS, asked)
    unjudged = Query("What could not be judged", _UNJUDGED, {**asked, **words})
    new = Query("What alarmed and did not before", _NEW, {**asked, "most": MOST_NEW, "gravest": gravest})
    found = load_lasting(store, span.before, max(now, span.until))
    ids = [one.incident_id for one in found]
    by_version: dict[Name, list[Mapping[str, Any]]] = {}
    for row in store.rows(runs.sql, runs.parameters):
        by_version.setdefault((row["model"], row["version"]), []).append(row)
    return Facts(
        span=span,
        made_at=now,
        members=tuple(everyone),
        at_first=at_first,
        at_last=at_last,
        came=came,
        measured={(row["model"], row["version"]): row for row in store.rows(results.sql, results.parameters)},
        runs={name: tuple(rows) for name, rows in by_version.items()},
        unjudged=tuple(store.rows(unjudged.sql, unjudged.parameters)),
        new=tuple(store.rows(new.sql, new.parameters)),
        goals=goals,
        incidents=tuple(found),
        timelines=timelines(store, ids),
        opinions=opinions(store, ids, span.until),
        queries=(flow, results, health, runs, unjudged, new, aims,
                 Query("Incidents that lasted into the time", LASTING, {"since": span.since, "until": span.until})),
    )  # fmt: skip
