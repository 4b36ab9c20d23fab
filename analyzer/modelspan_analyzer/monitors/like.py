"""Earlier windows like one whose columns have a rhythm or a trend.

What swings or grows takes along what goes with it: other features, each too little to be seen alone, the labels, and
how well the model does, as rows of one time are harder than those of another. All differ from a baseline of another
time, but not from windows of the same.
"""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Window

_ALARMED: Final = """
SELECT DISTINCT window_start, window_end FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = {metric:String}
  AND verdict = 'alarm'
  AND window_start < {until:DateTime64(9, 'UTC')} AND window_end > {since:DateTime64(9, 'UTC')}
"""


def calm_like(context: MonitorContext, signal: str, metric: str) -> list[Window]:
    """The windows like the context's in which a measure did not alarm: a fault is not usual.

    Empty where no column has a rhythm or a trend.
    """
    windows = context.like.windows
    if not windows:
        return []
    scope = {"model": context.model, "version": context.version, "signal": signal, "metric": metric}
    times = {"since": min(one.start for one in windows), "until": max(one.end for one in windows)}
    rows = context.store.rows(_ALARMED, {**scope, **times})
    alarmed = [(utc(row["window_start"]), utc(row["window_end"])) for row in rows]
    return [one for one in windows if not any(start < one.end and end > one.start for start, end in alarmed)]


def beside_like(windows: int) -> str:
    """That a measure is not beside the baseline, in words."""
    return f"beside {windows} earlier windows like it instead of the baseline, as its inputs have a rhythm or a trend"
