"""How far the analyzer is behind: for how long predictions have waited since the window that they are of was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from modelspan_analyzer.instants import EPOCH, utc
from modelspan_collector.store.connect import Store

REACH: Final = timedelta(days=15)
"""How far back the newest two windows of a version are looked for, and its newest prediction."""
LATELY: Final = timedelta(days=1)
"""How far back windows are counted that were left out."""

_NEWEST = """
SELECT model, version, newest, size, delay, ends, lately
FROM (
    SELECT model, version, arraySlice(arrayReverseSort(groupUniqArray(window_end)), 1, 2) AS ends,
           arraySort(groupUniqArrayIf(window_end, window_end > {lately:DateTime64(9, 'UTC')})) AS lately,
           argMax(dateDiff('microsecond', window_start, window_end), window_end) AS size,
           argMax(dateDiff('microsecond', window_end, scheduled), window_end) AS delay
    FROM monitor_runs
    WHERE monitor = '' AND outcome != 'running' AND window_end > {since:DateTime64(9, 'UTC')}
    GROUP BY model, version
) AS looked
JOIN (
    SELECT model, version, max(newest) AS newest FROM feature_profiles
    WHERE segment = '' AND source = 'model' AND kind = 'rows' AND hour > {since:DateTime64(9, 'UTC')}
    GROUP BY model, version
) AS came USING (model, version)
ORDER BY model, version
"""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a version is behind."""

    model: str
    version: str
    seconds: float
    """Since the oldest window that waits was due; 0 where none does."""
    windows: int
    """That wait."""


def lags(store: Store, now: datetime) -> list[Lag]:
    """Of every version whose windows are looked at by time: how far it is behind.

    What tells is the store alone, so that a stopped analyzer is seen too. Between two looks a window waits for the next
    one. Where nothing came since the newest window nothing waits; windows by count wait until they are full. As the
    newest windows come first, those that were left out among the last day's are counted too.
    """
    asked = {"since": now - REACH, "lately": now - LATELY}
    return [one for row in store.rows(_NEWEST, asked) if (one := _lag(row, now))]


def _lag(row: dict[str, Any], now: datetime) -> Lag | None:
    """None for windows that lie on no grid, as those by count."""
    ends, size = [utc(end) for end in row["ends"]], timedelta(microseconds=int(row["size"]))
    step = min(size, ends[0] - ends[1]) if len(ends) > 1 else size
    if step <= timedelta(0) or (ends[0] - size - EPOCH) % step:
        return None
    closed = now - timedelta(microseconds=int(row["delay"]))
    waiting = _left_out([utc(end) for end in row["lately"]], step)
    if utc(row["newest"]) >= ends[0]:
        waiting += [ends[0] + step * place for place in range(1, (closed - ends[0]) // step + 1)]
    seconds = (closed - waiting[0]).total_seconds() if waiting else 0.0
    return Lag(str(row["model"]), str(row["version"]), seconds, len(waiting))


def _left_out(ends: Sequence[datetime], step: timedelta) -> list[datetime]:
    """The ends of windows between others that were looked at, in order."""
    if not ends or len(ends) > (ends[-1] - ends[0]) // step:
        return []
    every = {ends[0] + step * place for place in range((ends[-1] - ends[0]) // step)}
    return sorted(every - set(ends))
