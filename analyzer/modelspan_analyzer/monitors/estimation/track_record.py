"""How good the estimates were, wherever labels came in later: read from the results themselves.

An estimator is trusted by its record: its mean absolute error, and how often its interval held the realised value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_collector.store.connect import Store

_RECORD = """
SELECT estimated.metric AS metric, count() AS windows, avg(abs(estimated.value - realised.value)) AS error,
       avg(estimated.value - realised.value) AS bias,
       avg(realised.value >= estimated.lower AND realised.value <= estimated.upper) AS held
FROM (SELECT * FROM monitor_results FINAL
      WHERE signal = {estimated:String} AND model = {model:String} AND version = {version:String}
        AND window_end <= {until:DateTime64(9, 'UTC')} AND segment = '' AND isNotNull(value)) AS estimated
JOIN (SELECT * FROM monitor_results FINAL
      WHERE signal = {realised:String} AND model = {model:String} AND version = {version:String}
        AND segment = '' AND isNotNull(value)) AS realised
  ON estimated.metric = realised.metric AND estimated.window_start = realised.window_start
 AND estimated.window_end = realised.window_end
WHERE estimated.feature = {estimator:String}
GROUP BY metric ORDER BY metric
"""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """One measure's estimates against what was realised."""

    metric: str
    windows: int
    error: float
    """Mean absolute difference of estimate and realised value."""
    bias: float
    """Mean of estimate less realised value: above 0 the estimates are too high."""
    held: float
    """Share of windows in which the interval held the realised value."""


def track_record(
    store: Store, signal: str, model: str, version: str, until: datetime, estimator: str
) -> list[TrackRecord]:
    """The record until a time of an estimator (`cbpe`, `dle` or `importance_weighted`), measure by measure."""
    scope = {"model": model, "version": version, "until": until, "estimator": estimator}
    rows = store.rows(_RECORD, {**scope, "estimated": signal, "realised": PERFORMANCE.name})
    return [TrackRecord(r["metric"], int(r["windows"]), r["error"], r["bias"], r["held"]) for r in rows]
