"""Windows that were looked at before all of their rows had come, to be looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

LOOK_BACK = timedelta(days=2)
"""How long after its end a window is still looked at again."""

_GROWN = """
SELECT window_start, window_end
FROM (
    SELECT window_start, window_end, any(value) AS seen, sum(rows) AS now
    FROM (
        SELECT window_start, window_end, value FROM monitor_results FINAL
        WHERE model = {{model:String}} AND version = {{version:String}} AND segment = ''
          AND signal = {{signal:String}} AND metric = 'volume' AND window_end > {{since:DateTime64(9, 'UTC')}}
          AND window_start = {slot}(window_start) AND window_end = {slot}(window_end)
    ) AS measured
    CROSS JOIN ({arrived}) AS arrived
    WHERE slot >= window_start AND slot < window_end
    GROUP BY window_start, window_end
)
WHERE now > seen * (1 + {{share:Float64}})
ORDER BY window_start
"""

# From the hourly sketches, so that asking costs the same however many predictions there are ...
_BY_HOUR = """
SELECT hour AS slot, sum(rows) AS rows FROM feature_profiles
WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model'
  AND kind = 'rows' AND toStartOfDay(hour) >= toStartOfDay({earliest:DateTime64(9, 'UTC')})
GROUP BY slot
"""
# ... or, for windows that are no whole hours, from the part of the primary key that says when.
_BY_FIVE_MINUTES = """
SELECT toStartOfFiveMinutes(timestamp) AS slot, count() AS rows FROM predictions
WHERE model = {model:String} AND version = {version:String}
  AND toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({earliest:DateTime64(9, 'UTC')})
GROUP BY slot
"""


def late_windows(store: Store, model: str, version: str, settings: ModelSettings, now: datetime) -> list[Window]:
    """Finished windows that grew by more than the allowed share, the oldest first.

    Windows by count have none: they go on where the last one ended. Nor have those that do not begin every so many
    whole five minutes.
    """
    share, window = settings.schedule.late_share, settings.window
    if share is None or window.rows is not None:
        return []
    lengths = (window.size, window.slide or window.size)
    if not any(length % timedelta(hours=1) for length in lengths):
        sql = _GROWN.format(slot="toStartOfHour", arrived=_BY_HOUR)
    elif not any(length % timedelta(minutes=5) for length in lengths):
        sql = _GROWN.format(slot="toStartOfFiveMinutes", arrived=_BY_FIVE_MINUTES)
    else:
        return []
    since = now - LOOK_BACK
    scope = {"model": model, "version": version, "since": since, "earliest": since - window.size, "share": share}
    scope["signal"] = DATA_QUALITY.name
    return [Window(utc(row["window_start"]), utc(row["window_end"])) for row in store.rows(sql, scope)]
