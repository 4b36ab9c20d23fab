"""What a metric of one's own was in earlier windows that are like this one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal
from modelspan_analyzer.verdicts.rhythm import patterns
from modelspan_collector.store.connect import Store

FEWEST: Final = 6
"""Earlier windows that say how much a value varies."""
WEEKS, DAYS, BEFORE = 12, 28, 28
ADAPT_AFTER: Final = timedelta(days=1)
"""What alarmed is what is usual from then on, and after as many windows as tell it at the least."""

_EARLIER: Final = """
SELECT version, segment, window_start, value, lower, upper FROM monitor_results FINAL
WHERE model = {model:String} AND signal = {signal:String} AND metric = {metric:String}
  AND JSONExtractString(details, 'definition') = {definition:String}
  AND (verdict IN ('ok', 'not_compared')
       OR (verdict IN ('warning', 'alarm') AND window_end <= {adapted:DateTime64(9, 'UTC')}))
  AND ifNull(isFinite(value), 0) AND window_end <= {before:DateTime64(9, 'UTC')}
  AND dateDiff('second', window_start, window_end) = {seconds:UInt64}
  AND (window_start IN {starts:Array(DateTime64(9, 'UTC'))} OR window_start >= {since:DateTime64(9, 'UTC')})
ORDER BY window_start DESC LIMIT 20000
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Values of one slice in earlier windows."""

    values: tuple[float, ...]
    errors: tuple[float, ...]
    """Standard errors; NaN where one is not known."""
    words: str
    """Which windows, in words."""


@dataclass(frozen=True, slots=True)
class _Value:
    version: str
    start: datetime
    value: float
    error: float


def earlier(
    store: Store, asked: tuple[str, str, str], model: str, version: str, window: Window
) -> Mapping[str, Earlier]:
    """Of each slice the values of at least `FEWEST` earlier windows of the same length: those of the same time of the
    week, of the day, or just before, of this version, else of the others.

    What alarmed is left out until it has lasted for `ADAPT_AFTER`.

    Args:
        store: where results are kept.
        asked: signal, metric, and the `definition` in its details: a metric that is defined anew begins anew.
        model: of which model.
        version: of which version first.
        window: that is to be judged.
    """
    size = window.end - window.start
    likely = patterns(size, weeks=WEEKS, days=DAYS, before=BEFORE)
    scope = {
        "model": model,
        **dict(zip(("signal", "metric", "definition"), asked, strict=True)),
        "before": window.start,
        "seconds": round(size.total_seconds()),
        "starts": sorted({window.start - shift for pattern in likely for shift in pattern.shifts}),
        "since": window.start - BEFORE * size,
        "adapted": window.start - max(ADAPT_AFTER, FEWEST * size),
    }
    found: dict[str, list[_Value]] = {}
    for row in store.rows(_EARLIER, scope):
        error = math.nan
        if row["lower"] is not None and row["upper"] is not None:
            error = (row["upper"] - row["lower"]) / (2 * quantile_of_normal(CONFIDENCE))
        one = _Value(row["version"], utc(row["window_start"]), float(row["value"]), error)
        found.setdefault(row["segment"], []).append(one)
    told = {segment: _like(values, version, window) for segment, values in found.items()}
    return {segment: one for segment, one in told.items() if one is not None}


def _like(values: Sequence[_Value], version: str, window: Window) -> Earlier | None:
    size = window.end - window.start
    own, others = ([one for one in values if (one.version == version) is mine] for mine in (True, False))
    for known, whose in ((own, ""), (others, " of other versions")):
        for pattern in patterns(size, weeks=WEEKS, days=DAYS, before=BEFORE):
            wanted = {window.start - shift for shift in pattern.shifts}
            like = known[:BEFORE] if pattern.just_before else [one for one in known if one.start in wanted]
            if len(like) >= FEWEST:
                words = f"{pattern.words}{whose}"
                return Earlier(tuple(one.value for one in like), tuple(one.error for one in like), words)
    return None
