"""Windows whose labels changed after they were measured are measured again; new results replace the old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

LOOK_BACK: Final = timedelta(days=30)

_STALE = """
WITH measured AS (
    SELECT window_start, window_end, computed_at,
           parseDateTime64BestEffortOrZero(JSONExtractString(details, 'labels_until'), 3, 'UTC') AS known
    FROM monitor_results FINAL
    WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = 'labels_share'
      AND window_end > {since:DateTime64(9, 'UTC')}
)
SELECT DISTINCT window_start, window_end
FROM measured CROSS JOIN (
    SELECT toStartOfMinute(p.timestamp) AS minute, max(l.received_at) AS received
    FROM labels AS l INNER JOIN predictions AS p ON l.prediction_id = p.prediction_id
    WHERE l.tenant IN ('', p.tags['tenant']) AND l.received_at > (SELECT min(computed_at) FROM measured)
      AND p.model = {model:String} AND p.version = {version:String} AND p.timestamp > {since:DateTime64(9, 'UTC')}
    GROUP BY minute
) AS fresh
WHERE minute < window_end AND minute + INTERVAL 1 MINUTE > window_start
  AND received > known AND received > computed_at - INTERVAL 1 MINUTE
ORDER BY window_start
"""


def stale_windows(store: Store, model: str, version: str, now: datetime) -> list[Window]:
    """Windows of the last 30 days that labels arrived for since they were measured, the oldest first.

    Each measurement says of which labels it knew. Where a later one is superseded, or of a row in the same minute of
    another window, a minute after the measurement ends it.
    """
    rows = store.rows(
        _STALE, {"model": model, "version": version, "since": now - LOOK_BACK, "signal": PERFORMANCE.name}
    )
    return [Window(utc(row["window_start"]), utc(row["window_end"])) for row in rows]
