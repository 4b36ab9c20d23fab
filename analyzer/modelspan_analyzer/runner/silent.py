"""Windows of a silence: that nothing came is measured of each, all else is as it was in the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.lifecycle.monitor import LIFECYCLE, lifecycle
from modelspan_analyzer.monitors.quality.arrival import FRESHNESS, arrival
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.quality.volume import VOLUME, alarmed_within
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.silence import REACH, Silence
from modelspan_analyzer.reading.stages import VersionStage
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner.due import Due
from modelspan_analyzer.runner.fleet import Still
from modelspan_collector.store.connect import Store


class Silent:
    """Measures the windows of silences. Which earlier ones alarmed is asked once a silence, where nobody else writes
    results: in an embedded store, while the whole model is silent."""

    def __init__(self, store: Store) -> None:
        """Nothing is known of any model."""
        self._store = store
        self._alarmed: dict[tuple[str, timedelta], set[tuple[str, datetime]]] = {}

    def measured_again(
        self, due: Due, still: Still, window: Window, baseline: Baseline | None, told: Mapping[Name, VersionStage]
    ) -> list[Result]:
        """The results of a window without predictions, as all monitors would give them.

        How many predictions are usual at that time, and how old the newest is, differs from window to window, and
        people may tell of a version meanwhile. Every other monitor has the same nothing before it as it had in the
        window of `still`.
        """
        silence, of = self._known(due, window), (self._store, *due.of.key, window, baseline, due.settings)
        context = MonitorContext(*of, silence=silence, told=told)
        found = list(arrival(context, DATA_QUALITY.name)) if _asks(still) else []
        self._remember(found)
        stages = lifecycle(context) if LIFECYCLE.enabled(due.settings) else []
        return [*found, *stages, *_as_before(still, window)]

    def forget(self, model: str) -> None:
        """Results of it were written that are of no silence."""
        for key in [key for key in tuple(self._alarmed) if key[0] == model]:
            self._alarmed.pop(key, None)

    def _known(self, due: Due, window: Window) -> Silence | None:
        silence = due.silence(window)
        if silence is None or silence.of_model is None or not self._store.embedded:
            return silence
        key = due.of.model, window.end - window.start
        if key not in self._alarmed:
            earlier = Window(window.start - REACH, window.start)
            self._alarmed[key] = set(alarmed_within(self._store, DATA_QUALITY.name, *key, earlier))
        return replace(silence, alarmed=self._alarmed[key])

    def _remember(self, found: list[Result]) -> None:
        for one in found:
            known = self._alarmed.get((one.model, one.window.end - one.window.start))
            if known is not None and one.metric == VOLUME and one.verdict is Verdict.ALARM:
                known.add((one.version, one.window.start))


def _as_before(still: Still, window: Window) -> Iterator[Result]:
    return (
        replace(one, window=window) for one in still.results if not (_of_arrival(one) or one.signal == LIFECYCLE.name)
    )


def _asks(still: Still) -> bool:
    """Whether arrival is looked at: it was before, unless it is switched off."""
    return any(map(_of_arrival, still.results))


def _of_arrival(result: Result) -> bool:
    return result.signal == DATA_QUALITY.name and result.metric in (VOLUME, FRESHNESS) and not result.segment
