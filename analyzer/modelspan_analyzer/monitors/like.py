"""Earlier windows like one whose columns have a rhythm or a trend.

What swings or grows takes along what goes with it: other features, each too little to be seen alone, the labels, and
how well the model does, as rows of one time are harder than those of another. All differ from a baseline of another
time, but not from windows of the same.
"""

from __future__ import annotations

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.alarmed import alarmed_windows
from modelspan_analyzer.results import Window


def calm_like(context: MonitorContext, signal: str, metric: str) -> list[Window]:
    """The windows like the context's in which a measure did not alarm: a fault is not usual.

    Empty where no column has a rhythm or a trend.
    """
    windows = context.like.windows
    if not windows:
        return []
    within = Window(min(one.start for one in windows), max(one.end for one in windows))
    bad = alarmed_windows(context.store, context.model, signal, metric, within, version=context.version)
    return [one for one in windows if not any(_overlap(one, other.window) for other in bad)]


def _overlap(one: Window, other: Window) -> bool:
    return other.start < one.end and other.end > one.start


def beside_like(windows: int) -> str:
    """That a measure is not beside the baseline, in words."""
    return f"beside {windows} earlier windows like it instead of the baseline, as its inputs have a rhythm or a trend"
