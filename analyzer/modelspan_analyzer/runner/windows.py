"""Which windows a model's version has: by time or by count, tumbling or sliding, and which of them are due."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.instants import EPOCH, micros, utc
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.runs import RUNNING
from modelspan_collector.store.connect import Store

_FILLED = """
SELECT DISTINCT toInt64(intDiv(toUnixTimestamp64Micro(timestamp) - {epoch:Int64}, {step:Int64})) AS slot
FROM predictions
WHERE model = {model:String} AND version = {version:String}
  AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
  AND toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({start:DateTime64(9, 'UTC')})
ORDER BY slot
"""

_CUTS = """
SELECT timestamp FROM (
    SELECT timestamp, row_number() OVER (ORDER BY timestamp, prediction_id) AS place
    FROM predictions
    WHERE model = {model:String} AND version = {version:String} AND timestamp >= {start:DateTime64(9, 'UTC')}
)
WHERE (place - 1) % {rows:UInt64} = 0 ORDER BY timestamp
"""

_RUNS = """
SELECT window_start, window_end, outcome FROM monitor_runs FINAL
WHERE model = {model:String} AND version = {version:String} AND monitor = ''
  AND window_end > {start:DateTime64(9, 'UTC')}
ORDER BY window_end
"""


def due_windows(
    store: Store,
    model: str,
    version: str,
    settings: ModelSettings,
    first: datetime,
    now: datetime,
    done: datetime | None = None,
) -> list[Window]:
    """The windows that have closed and were not looked at yet, the oldest first.

    Args:
        first: no window begins before it: the model's first prediction, or the end of a baseline learnt from it.
        now: the time; windows that end after it, less the delay, are still open.
        done: all windows by time that ended until then have been looked at, where that is known.
    """
    start = max(first, now - settings.schedule.catch_up, done or first)
    closed = now - settings.schedule.delay
    runs = store.rows(_RUNS, {"model": model, "version": version, "start": start})
    looked = {(utc(run["window_start"]), utc(run["window_end"])) for run in runs if run["outcome"] != RUNNING}
    window = settings.window
    if window.rows is not None:
        begun = [utc(run["window_start"]) for run in runs if run["outcome"] == RUNNING]
        ends = [end for _, end in looked if not begun or end <= min(begun)]
        found = windows_by_rows(store, model, version, window.rows, max([start, *ends]))
    elif done is not None:
        found = windows_since(start, window.size, window.slide, closed)
    else:
        found = windows_by_time(store, model, version, window.size, window.slide, start, closed)
    return [window for window in found if window.end <= closed and (window.start, window.end) not in looked]


def windows_by_time(
    store: Store, model: str, version: str, size: timedelta, slide: timedelta | None, start: datetime, end: datetime
) -> list[Window]:
    """Windows of a length of time between two moments: those with predictions, and the empty ones after the first.

    An empty window is one too: that nothing arrives is what the volume monitor is to see.
    """
    step = slide or size
    scope = {"model": model, "version": version, "start": start, "end": end}
    units = {"epoch": micros(EPOCH), "step": step // timedelta(microseconds=1)}
    slots = [int(row["slot"]) for row in store.rows(_FILLED, {**scope, **units})]
    if not slots:
        return []
    return _windows(slots[0] - size // step + 1, size, step, start, end)


def windows_since(done: datetime, size: timedelta, slide: timedelta | None, end: datetime) -> list[Window]:
    """Windows of a length of time that ended after a moment, until which all have been looked at, without a query."""
    step = slide or size
    return _windows((done - size - EPOCH) // step + 1, size, step, done, end)


def _windows(first: int, size: timedelta, step: timedelta, start: datetime, end: datetime) -> list[Window]:
    """From a slot on, those that end after the one moment and until the other."""
    starts = (EPOCH + slot * step for slot in range(first, (end - EPOCH) // step + 1))
    return [Window(begin, begin + size) for begin in starts if begin + size <= end and begin + size > start]


def windows_by_rows(store: Store, model: str, version: str, rows: int, first: datetime) -> list[Window]:
    """Tumbling windows of so many predictions each, counted from a moment on; the last, unfilled one is left out.

    Counting goes on where the last finished window ended, so that late rows and expired ones never shift a window.
    """
    scope = {"model": model, "version": version, "start": first, "rows": rows}
    cuts = list(dict.fromkeys(utc(row["timestamp"]) for row in store.rows(_CUTS, scope)))
    return [Window(left, right) for left, right in pairwise(cuts)]
