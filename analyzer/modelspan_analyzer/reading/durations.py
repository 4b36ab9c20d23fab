"""How long predictions took: of a window's rows, and of earlier windows as they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan import conventions
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.segments import where
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

LEVELS: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""Quantiles of the seconds that a prediction took, by their metrics."""

SHORTEST: Final = 1e-9
"""Seconds that clocks tell from none: anything shorter is no time at all."""

# Quantiles within half a percent of their value (DDSketch, Masson et al. 2019), at a memory that rows do not add to.
# Rows that came by spans, or before the collector looked, may say what no call takes: no sketch would hold it.
_SECONDS = f"""
WITH ifNull(duration >= 0 AND duration <= {conventions.LONGEST_DURATION}, 0) AS is_timed,
     if(is_timed AND duration >= {SHORTEST}, assumeNotNull(duration), 0) AS seconds
SELECT count() AS rows, countIf(is_timed) AS timed,
       countIf(NOT is_timed AND NOT ifNull(isNaN(duration), 1)) AS impossible,
       quantilesDDIf(0.001, {", ".join(map(str, LEVELS.values()))})(seconds, is_timed) AS levels,
       sumForEach(arrayMap(bound -> toUInt64(seconds > bound), {{bounds:Array(Float64)}})) AS slower,
       countIf(error_type != '' OR seconds > {{promised:Float64}}) AS bad
FROM predictions WHERE {within()} AND {{part}}
"""

_EARLIER = """
SELECT version, window_start, metric, value, n FROM monitor_results FINAL
WHERE model = {model:String} AND signal = {signal:String} AND metric IN {levels:Array(String)}
  AND segment = {segment:String} AND (verdict IN ('ok', 'not_compared') OR window_end <= {adapted:DateTime64(9, 'UTC')})
  AND ifNull(isFinite(value), 0) AND window_end <= {before:DateTime64(9, 'UTC')}
  AND dateDiff('second', window_start, window_end) = {seconds:UInt64}
  AND (window_start IN {starts:Array(DateTime64(9, 'UTC'))} OR window_start >= {since:DateTime64(9, 'UTC')})
ORDER BY window_start DESC
LIMIT 10000
"""


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a window's predictions say of how long they took."""

    rows: int
    timed: int
    """Rows that say how long they took."""
    impossible: int
    """Rows that say what no call takes."""
    levels: tuple[float, ...]
    """By `LEVELS`; nan where none is timed."""
    slower: tuple[int, ...]
    """Rows beyond each of the bounds that were asked about."""
    bad: int
    """Rows that failed or took longer than was promised."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A quantile of an earlier window."""

    version: str
    start: datetime
    metric: str
    seconds: float
    rows: int


def seconds_of(
    store: Store,
    model: str,
    version: str,
    window: Window,
    bounds: Sequence[float],
    promised: float,
    part: Sequence[tuple[str, str]] = (),
) -> Seconds:
    """Quantiles of a window, or of a slice of it, and its rows beyond bounds in seconds."""
    condition, of_part = where(part)
    scope = bound(model, version, window) | of_part | {"bounds": list(bounds), "promised": promised}
    row = store.rows(_SECONDS.replace("{part}", condition), scope)[0]
    slower = tuple(int(count) for count in row["slower"]) or (0,) * len(bounds)
    return Seconds(
        int(row["rows"]), int(row["timed"]), int(row["impossible"]), tuple(row["levels"]), slower, int(row["bad"])
    )


def earlier_seconds(
    store: Store,
    signal: str,
    model: str,
    window: Window,
    starts: Iterable[datetime],
    since: datetime,
    adapted: datetime,
    segment: str = "",
) -> list[Earlier]:
    """Quantiles of earlier windows of the same length, of every version, the newest first.

    Args:
        store: where results are kept.
        signal: whose results.
        model: of which model.
        window: that is to be compared.
        starts: beginnings of windows that are wanted.
        since: windows that began since then are wanted too.
        adapted: those that alarmed are left out, but for those that ended before.
        segment: of which slice; '' is the whole.
    """
    scope = {
        "model": model,
        "signal": signal,
        "levels": list(LEVELS),
        "before": window.start,
        "seconds": round((window.end - window.start).total_seconds()),
        "starts": list(starts),
        "since": since,
        "adapted": adapted,
        "segment": segment,
    }
    return [
        Earlier(row["version"], utc(row["window_start"]), row["metric"], float(row["value"]), int(row["n"]))
        for row in store.rows(_EARLIER, scope)
    ]
