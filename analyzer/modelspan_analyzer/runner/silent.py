"""Windows of a silence: that nothing came is measured of each, all else is as it was in the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.arrival import FRESHNESS, VOLUME, arrival
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.runner.due import Due
from modelspan_analyzer.runner.fleet import Still
from modelspan_collector.store.connect import Store


def measured_again(store: Store, due: Due, still: Still, window: Window, baseline: Baseline | None) -> list[Result]:
    """The results of a window without predictions, as all monitors would give them.

    How many predictions are usual at that time, and how old the newest is, differs from window to window. Every other
    monitor has the same nothing before it as it had in the window of `still`.
    """
    silence = due.silence(window)
    context = MonitorContext(store, *due.of.key, window, baseline, due.settings, silence=silence)
    return [*(arrival(context, DATA_QUALITY.name) if _asks(still) else ()), *_as_before(still, window)]


def _as_before(still: Still, window: Window) -> Iterator[Result]:
    return (replace(one, window=window) for one in still.results if not _of_arrival(one))


def _asks(still: Still) -> bool:
    """Whether arrival is looked at: it was before, unless it is switched off."""
    return any(map(_of_arrival, still.results))


def _of_arrival(result: Result) -> bool:
    return result.signal == DATA_QUALITY.name and result.metric in (VOLUME, FRESHNESS) and not result.segment
