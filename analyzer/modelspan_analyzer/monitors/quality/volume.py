"""How many predictions a window has, against the model's own daily and weekly pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.profiles.from_sketches import covers
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.rhythm import FEWEST, patterns
from modelspan_collector.store.connect import Store

LARGEST_Z = 5.0
"""Robust deviations from the usual volume that alarm."""

# Hourly counts from the sketches' rows where windows are whole hours, so that the cost does not grow with predictions.
_FROM_SKETCHES = """
SELECT shift, sumIf(rows, hour >= {start:DateTime64(9, 'UTC')} - toIntervalSecond(shift)
                      AND hour < {end:DateTime64(9, 'UTC')} - toIntervalSecond(shift)) AS n
FROM (
    SELECT hour, rows FROM feature_profiles
    WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model'
      AND toStartOfDay(hour) >= toStartOfDay(toDateTime({earliest:DateTime64(9, 'UTC')}, 'UTC'))
      AND hour < {end:DateTime64(9, 'UTC')}
) ARRAY JOIN {shifts:Array(UInt32)} AS shift
GROUP BY shift
"""

_FROM_ROWS = """
SELECT shift, countIf(timestamp >= {start:DateTime64(9, 'UTC')} - toIntervalSecond(shift)
                  AND timestamp < {end:DateTime64(9, 'UTC')} - toIntervalSecond(shift)) AS n
FROM (
    SELECT timestamp FROM predictions
    WHERE model = {model:String} AND version = {version:String}
      AND timestamp >= {earliest:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
) ARRAY JOIN {shifts:Array(UInt32)} AS shift
GROUP BY shift
"""

_FIRST_HOUR = """
SELECT min(hour) FROM feature_profiles
WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model'
"""
_FIRST_ROW = "SELECT min(timestamp) FROM predictions WHERE model = {model:String} AND version = {version:String}"


@dataclass(frozen=True, slots=True)
class Usual:
    """The volume that a window of this place in day and week usually has."""

    median: float
    deviation: float
    """Of the logarithm: robust, and never below what chance alone gives."""
    pattern: str
    """Which earlier windows tell, in words."""

    def z(self, n: int) -> float:
        """How many deviations a count is from the usual one."""
        return float((np.log(n + 1) - np.log(self.median + 1)) / self.deviation)


def usual_volume(store: Store, model: str, version: str, window: Window) -> Usual | None:
    """What to expect of a window: from the same time of the week, else of the day, else from the windows just before.

    None where fewer than three earlier windows tell.
    """
    likely = patterns(window.end - window.start)
    wanted = sorted({shift for pattern in likely for shift in pattern.shifts})
    counts = _counts(store, model, version, window, wanted)
    for pattern in likely:
        earlier = [counts[shift] for shift in pattern.shifts if shift in counts]
        if len(earlier) >= FEWEST:
            return _usual(earlier, pattern.words)
    return None


def _usual(counts: Sequence[int], words: str) -> Usual:
    logs = np.log(np.array(counts) + 1)
    median = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - median)))
    # Five windows tell little about their spread: a fifth of the volume is always taken as usual.
    return Usual(float(np.exp(median) - 1), max(spread, 0.2, float(np.exp(-median / 2))), words)


def _counts(
    store: Store, model: str, version: str, window: Window, shifts: Sequence[timedelta]
) -> dict[timedelta, int]:
    """Predictions of the earlier windows that lie after the model's first prediction."""
    seconds = {round(shift.total_seconds()): shift for shift in shifts}
    scope = {"model": model, "version": version}
    hourly = covers(window)
    first = utc(store.scalar(_FIRST_HOUR if hourly else _FIRST_ROW, scope))
    inside = [shift for shift in shifts if window.start - shift >= first]
    if not inside:
        return {}
    sql = _FROM_SKETCHES if hourly else _FROM_ROWS
    parameters = {
        **scope,
        "start": window.start,
        "end": window.end,
        "earliest": window.start - max(inside),
        "shifts": [round(shift.total_seconds()) for shift in inside],
    }
    found = {seconds[int(row["shift"])]: int(row["n"]) for row in store.rows(sql, parameters)}
    return {shift: found.get(shift, 0) for shift in inside}
