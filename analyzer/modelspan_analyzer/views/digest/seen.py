"""What results and runs say of every version in a span; it is kept until results are written, as the past stands."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from modelspan_analyzer.checking import JUDGED, SKIPPED, WITHIN
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.monitors.performance.monitor import SIGNAL as PERFORMANCE
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_analyzer.views.digest.span import Span
from modelspan_analyzer.views.goals import Goal, goals_then
from modelspan_analyzer.views.health import Checked, checked_then
from modelspan_analyzer.views.outcomes import SHARE
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

Row = Mapping[str, Any]
MOST_NEW: Final = 3
"""New findings of one version that are read; how many there are is counted."""
_RESULTS: Final = f"""
WITH window_end > {{since:DateTime64(9, 'UTC')}} AS in_span, segment = '' AS of_all,
     of_all AND signal = '{LATENCY}' AND metric = 'p95' AS is_p95,
     of_all AND signal = '{PERFORMANCE}' AND metric = '{SHARE}' AS is_share
SELECT model, version,
       uniqExactIf((window_start, window_end), verdict = 'alarm' AND in_span) AS alarmed,
       countIf(baseline_id != '' AND in_span) AS compared,
       argMaxIf(value, window_end, is_p95 AND in_span) AS p95,
       argMaxIf(value, window_end, is_p95 AND NOT in_span) AS p95_before,
       sumIf(n, is_share AND in_span) AS asked_labels,
       toUInt64(sumIf(round(value * n), is_share AND in_span)) AS labelled
FROM monitor_results FINAL
WHERE {OF_MODELS} AND window_end > {{before:DateTime64(9, 'UTC')}} AND window_end <= {{until:DateTime64(9, 'UTC')}}
GROUP BY model, version
"""
_LOOKED: Final = f"""
SELECT model, version, uniqExact(window_start, window_end) AS windows,
       uniqExactIf((window_start, window_end), outcome = 'done') AS seen,
       argMaxIf(error, window_end, monitor = '' AND error != '') AS error
FROM monitor_runs FINAL
WHERE {OF_MODELS} AND outcome != 'running' AND window_end > {{since:DateTime64(9, 'UTC')}}
  AND window_end <= {{until:DateTime64(9, 'UTC')}}
GROUP BY model, version
"""
"""A window is seen in which any monitor came to its end; the run as a whole has failed where any monitor has."""
_FAILED: Final = f"""
SELECT model, version, monitor, count() AS runs, countIf(outcome IN ('failed', 'timeout')) AS failed,
       argMaxIf(error, window_end, error != '') AS error
FROM monitor_runs FINAL
WHERE {OF_MODELS} AND monitor != '' AND outcome != 'running' AND window_end > {{since:DateTime64(9, 'UTC')}}
  AND window_end <= {{until:DateTime64(9, 'UTC')}}
GROUP BY model, version, monitor HAVING failed > 0 ORDER BY model, version, monitor
"""
_UNJUDGED: Final = f"""
WITH verdict != {{skipped:String}} AND metric != '{LEFT_OUT}' AS is_said
SELECT model, version, signal, argMaxIf(toString(verdict), (window_end, segment = ''), is_said) AS said,
       argMaxIf(reason, (window_end, segment = ''), is_said) AS why,
       argMax(reason, (window_end, segment = '')) AS skipped_why
FROM monitor_results FINAL
WHERE {OF_MODELS} AND window_end > {{since:DateTime64(9, 'UTC')}} AND window_end <= {{until:DateTime64(9, 'UTC')}}
GROUP BY model, version, signal
HAVING countIf(n > 0 AND has({{judged:Array(String)}}, toString(verdict))
               AND NOT has({{within:Array(String)}}, toString(metric))) = 0
ORDER BY signal, model, version
"""
_NEW: Final = f"""
SELECT *, count() OVER (PARTITION BY model, version) AS every FROM (
    SELECT model, version, toString(signal) AS signal, toString(metric) AS metric, toString(feature) AS feature,
           segment,
           uniqExactIf((window_start, window_end), window_end > {{since:DateTime64(9, 'UTC')}}) AS windows,
           argMax(toString(direction), window_end) AS direction, max(n) AS rows, argMax(reason, window_end) AS why,
           max(ifNull(if(isFinite(abs(value) / abs(threshold)), abs(value) / abs(threshold), 0), 0)) AS excess
    FROM monitor_results FINAL
    WHERE {OF_MODELS} AND verdict = 'alarm' AND window_end > {{before:DateTime64(9, 'UTC')}}
      AND window_end <= {{until:DateTime64(9, 'UTC')}}
    GROUP BY model, version, signal, metric, feature, segment
    HAVING windows > 0 AND min(window_end) > {{since:DateTime64(9, 'UTC')}}
)
ORDER BY model, version, indexOf({{gravest:Array(String)}}, signal), excess DESC, metric, feature, segment
LIMIT {{most:UInt32}} BY model, version
"""


@dataclass(frozen=True)
class Seen:
    """What is on record of one version in a span."""

    measured: Row
    """Of `_RESULTS`; empty where there is none."""
    looked: Row
    """`windows` that were due, of which any monitor has `seen` so many, and the last `error`."""
    failed: tuple[Row, ...]
    """Of `_FAILED`: monitors that failed in any window."""
    unjudged: tuple[Row, ...]
    """Of `_UNJUDGED`: signals of which no window could judge anything."""
    new: tuple[Row, ...]
    """Of `_NEW`: the gravest measurements that began to alarm."""
    goals: tuple[Goal, ...]
    at_first: Checked | None
    at_last: Checked | None


NOTHING: Final = Seen({}, {"windows": 0, "seen": 0, "error": ""}, (), (), (), (), None, None)


def seen_in(store: Store, span: Span) -> Mapping[Name, Seen]:
    """What is on record of every version in a span."""
    return _KEPT(store, "", span)


def queries_of(span: Span, models: Sequence[str] = ()) -> tuple[Query, ...]:
    """What is asked of results and runs alone, of some models, or of all where none is named."""
    asked = {"models": list(models), "before": span.before, "since": span.since, "until": span.until}
    words = {"judged": list(JUDGED), "within": list(WITHIN), "skipped": SKIPPED}
    gravest = sorted(SIGNALS, key=lambda name: SIGNALS[name].gravity)
    return (
        Query("What was measured", _RESULTS, asked),
        Query("What was looked at", _LOOKED, asked),
        Query("What failed", _FAILED, asked),
        Query("What could not be judged", _UNJUDGED, {**asked, **words}),
        Query("What alarmed and did not before", _NEW, {**asked, "most": MOST_NEW, "gravest": gravest}),
    )


def _read(store: Store, models: Sequence[str], asked: Hashable) -> dict[Name, Seen]:
    span = cast("Span", asked)
    grouped = [_by_version(store.rows(query.sql, query.parameters)) for query in queries_of(span, models)]
    measured, looked, failed, unjudged, new = grouped
    at_first, at_last = (checked_then(store, moment, models) for moment in (span.since, span.until))
    goals = goals_then(store, span.before, span.until, models)
    return {
        name: Seen(
            measured=measured.get(name, ({},))[0],
            looked=looked.get(name, (NOTHING.looked,))[0],
            failed=failed.get(name, ()),
            unjudged=unjudged.get(name, ()),
            new=new.get(name, ()),
            goals=goals.get(name, ()),
            at_first=at_first.get(name),
            at_last=at_last.get(name),
        )
        for name in {*measured, *looked, *at_first, *at_last}
    }


def _by_version(rows: Sequence[Row]) -> dict[Name, tuple[Row, ...]]:
    found: dict[Name, list[Row]] = {}
    for row in rows:
        found.setdefault((row["model"], row["version"]), []).append(row)
    return {name: tuple(own) for name, own in found.items()}


_KEPT: Final = UntilWritten(_read, "monitor_results", "monitor_runs")
