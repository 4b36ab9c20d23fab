"""Earlier windows like one whose columns have a rhythm or a trend.

What swings or grows takes along what goes with it: other features, each too little to be seen alone, the labels, and
how well the model does, as rows of one time are harder than those of another. All differ from a baseline of another
time, but not from windows of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.context import Like, MonitorContext
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.seasons import moves_steadily

_BESIDE: Final = "like_windows"
"""Says in a result's details with how many windows like it its own was compared."""
_TESTED: Final = 16
"""Earlier windows, at equal distances, that tell whether a measure moves steadily."""

_ALARMED: Final = """
SELECT window_start, window_end, max(JSONHas(details, {beside:String})) AS beside FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = {metric:String}
  AND verdict = 'alarm'
  AND window_start < {until:DateTime64(9, 'UTC')} AND window_end > {since:DateTime64(9, 'UTC')}
GROUP BY window_start, window_end
"""

Measure = Callable[[Window], float]
"""How high what is judged is in an earlier window, on one scale for all of them; NaN where it has too few rows."""


@dataclass(frozen=True, slots=True)
class Calm:
    """The windows like one's own that tell what is usual."""

    windows: tuple[Window, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    """What a result keeps of it, which alarms in spite of them: a fault that the windows after it do not excuse."""


def calm_like(context: MonitorContext, signal: str, metric: str, measure: Measure | None = None) -> Calm:
    """The windows like the context's in which a measure did not alarm: a fault is not usual.

    None where no column has a rhythm or a trend. What goes with a trend alarms before the trend is known, as the
    columns with the trend do; where what is judged moves steadily itself, these alarms are explained, too. A step does
    not, and an alarm beside windows like its own is never explained.

    Args:
        context: of the window.
        signal: whose earlier results tell which windows alarmed.
        metric: of these results.
        measure: of an earlier window, where a trend may explain alarms.
    """
    like = context.like
    if not like.windows:
        return Calm()
    earlier = list(_spread(like)) if measure is not None and like.is_trend else []
    alarmed = _alarmed(context, signal, metric, [*like.windows, *earlier])

    def within(one: Window, *, beside: bool = False) -> bool:
        return any(there.start < one.end and there.end > one.start for there, at in alarmed.items() if at or not beside)

    calm = tuple(one for one in like.windows if not within(one))
    unexplained = tuple(one for one in like.windows if not within(one, beside=True))
    if measure is not None and len(calm) < len(unexplained):
        levels = [measure(one) if not within(one, beside=True) else np.nan for one in earlier]
        calm = unexplained if moves_steadily(np.asarray(levels, np.float64)) else calm
    known = bool(calm) or len(unexplained) < len(like.windows)
    return Calm(calm, {_BESIDE: len(calm)} if known else {})


def _spread(like: Like) -> Iterator[Window]:
    """Windows at equal distances over all of a past, the newest last."""
    newest = max(like.windows, key=lambda one: one.start)
    size, number = newest.end - newest.start, min(_TESTED, like.span)
    for place in reversed(range(number)):
        start = newest.start - place * like.span // number * size
        yield Window(start, start + size)


def _alarmed(context: MonitorContext, signal: str, metric: str, windows: list[Window]) -> dict[Window, bool]:
    """The windows in which a measure alarmed, and whether beside windows like them."""
    scope = {"model": context.model, "version": context.version, "signal": signal, "metric": metric, "beside": _BESIDE}
    times = {"since": min(one.start for one in windows), "until": max(one.end for one in windows)}
    rows = context.store.rows(_ALARMED, {**scope, **times})
    return {Window(utc(row["window_start"]), utc(row["window_end"])): bool(row["beside"]) for row in rows}


def beside_like(windows: int) -> str:
    """That a measure is not beside the baseline, in words."""
    return f"beside {windows} earlier windows like it instead of the baseline, as its inputs have a rhythm or a trend"
