"""How good the estimates were, wherever labels came in later: read from the results themselves.

An estimator is trusted by its record: its mean absolute error, and how often its interval held the realised value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.reading.window import whose
from modelspan_collector.store.connect import Store

SIGNAL: Final = "estimation"
RECORD: Final = """
SELECT estimated.model AS model, estimated.version AS version, estimated.feature AS estimator,
       estimated.metric AS metric, count() AS windows, avg(abs(estimated.value - realised.value)) AS error,
       avg(estimated.value - realised.value) AS bias,
       avg(realised.value >= estimated.lower AND realised.value <= estimated.upper) AS held,
       argMax(estimated.value, estimated.window_end) AS newest_estimate,
       argMax(realised.value, estimated.window_end) AS newest_realised, max(estimated.window_end) AS until
FROM (SELECT * FROM monitor_results FINAL
      WHERE signal = {estimated:String} AND ({model:String} = '' OR model = {model:String})
        AND ({any_version:Bool} OR version = {version:String}) AND window_end <= {until:DateTime64(9, 'UTC')}
        AND segment = '' AND isNotNull(value) AND isNotNull(lower)) AS estimated
JOIN (SELECT * FROM monitor_results FINAL
      WHERE signal = {realised:String} AND ({model:String} = '' OR model = {model:String})
        AND ({any_version:Bool} OR version = {version:String}) AND segment = '' AND isNotNull(value)) AS realised
  ON estimated.model = realised.model AND estimated.version = realised.version
 AND estimated.metric = realised.metric AND estimated.window_start = realised.window_start
 AND estimated.window_end = realised.window_end
GROUP BY model, version, estimator, metric ORDER BY model, version, estimator, metric
"""
"""Of windows with an estimate and an interval, and with a realised value, by model, version, estimator and measure."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """One measure's estimates against what was realised."""

    model: str
    version: str
    estimator: str
    """`cbpe`, `dle` or `importance_weighted`."""
    metric: str
    windows: int
    error: float
    """Mean absolute difference of estimate and realised value."""
    bias: float
    """Mean of estimate less realised value: above 0 the estimates are too high."""
    held: float
    """Share of windows in which the interval held the realised value."""
    newest_estimate: float
    newest_realised: float
    until: datetime
    """The end of the newest window that has both."""


def parameters(until: datetime, model: str = "", version: str | None = None) -> dict[str, object]:
    """Those of `RECORD`; of every model where it is empty, of every version where it is None."""
    return {**whose(model, version), "until": until, "estimated": SIGNAL, "realised": PERFORMANCE.name}


def track_records(store: Store, until: datetime, model: str = "", version: str | None = None) -> list[TrackRecord]:
    """The records until a time, of every model where it is empty, of every version where it is None."""
    rows = store.rows(RECORD, parameters(until, model, version))
    return [TrackRecord(**{**row, "windows": int(row["windows"])}) for row in rows]
