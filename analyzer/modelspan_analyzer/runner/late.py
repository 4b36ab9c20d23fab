"""Windows that were looked at before all of their rows had come, to be looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.moments import utc
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

LOOK_BACK = timedelta(days=2)
"""How long after its end a window is still looked at again."""

# Rows are counted from the hourly sketches, so that asking costs the same however many there are.
_GROWN = """
SELECT window_start, window_end
FROM (
    SELECT window_start, window_end, any(value) AS seen, sum(rows) AS now
    FROM (
        SELECT window_start, window_end, value FROM monitor_results FINAL
        WHERE model = {model:String} AND version = {version:String} AND signal = 'data_quality' AND metric = 'volume'
          AND segment = '' AND window_end > {since:DateTime64(9, 'UTC')}
          AND window_start = toStartOfHour(window_start) AND window_end = toStartOfHour(window_end)
    ) AS measured
    CROSS JOIN (
        SELECT hour, sum(rows) AS rows FROM feature_profiles
        WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model'
          AND kind = 'rows' AND toStartOfDay(hour) >= toStartOfDay({since:DateTime64(9, 'UTC')}) - INTERVAL 7 DAY
        GROUP BY hour
    ) AS arrived
    WHERE hour >= window_start AND hour < window_end
    GROUP BY window_start, window_end
)
WHERE now > seen * (1 + {share:Float64})
ORDER BY window_start
"""


def late_windows(store: Store, model: str, version: str, settings: ModelSettings, now: datetime) -> list[Window]:
    """Finished windows of whole hours, up to a week long, that grew by more than the allowed share, the oldest first.

    Windows by count have none: they go on where the last one ended.
    """
    share = settings.schedule.late_share
    if share is None or settings.window.rows is not None:
        return []
    scope = {"model": model, "version": version, "since": now - LOOK_BACK, "share": share}
    return [Window(utc(row["window_start"]), utc(row["window_end"])) for row in store.rows(_GROWN, scope)]
