"""What is usual: quantiles of earlier windows that are like this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from modelspan_analyzer.reading.durations import LEVELS, SHORTEST, Earlier, earlier_seconds
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.rhythm import BEFORE, FEWEST, Pattern, patterns, usual_logarithm
from modelspan_collector.store.connect import Store

LEAST_SPREAD = 0.1
"""Of the logarithm: a few windows tell little about their spread, so that a tenth is always taken as usual."""
DEVIATIONS = 5.0
"""Robust deviations from the usual that are still usual."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A quantile as it usually is, in seconds."""

    median: float
    deviation: float
    """Of its logarithm, from window to window."""
    rows: int
    """Of the earlier windows."""
    pattern: str
    """Which earlier windows tell, in words."""

    @property
    def most(self) -> float:
        """The largest that is still usual."""
        return float(self.median * np.exp(DEVIATIONS * self.deviation))


def usual_seconds(
    store: Store,
    signal: str,
    model: str,
    version: str,
    window: Window,
    adapt_after: timedelta,
    segment: str = "",
) -> dict[str, Usual]:
    """What to expect of a window, by quantile; without those of which fewer than three earlier windows tell.

    Windows of the same version come first; where it has too few, as a new release has, those of the others tell. A
    window that alarmed tells nothing until it is `adapt_after` old: an outage is not what is usual, what lasts is.
    """
    size = window.end - window.start
    likely = patterns(size)
    starts = {window.start - shift for pattern in likely for shift in pattern.shifts}
    since, adapted = window.start - adapt_after - BEFORE * size, window.start - adapt_after
    earlier = earlier_seconds(store, signal, model, window, sorted(starts), since, adapted, segment)
    own = [one for one in earlier if one.version == version]
    others = [one for one in earlier if one.version != version]
    found: dict[str, Usual] = {}
    for rows, whose in ((own, ""), (others, " of other versions")):
        for metric in LEVELS.keys() - found.keys():
            measured = [one for one in rows if one.metric == metric]
            for pattern in likely:
                if metric not in found and len(like := _like(measured, pattern, window)) >= FEWEST:
                    found[metric] = _usual(like, pattern.words + whose)
    return found


def _like(measured: Sequence[Earlier], pattern: Pattern, window: Window) -> list[Earlier]:
    """Those of the pattern; of the windows just before the newest, as those between that alarmed are left out."""
    if pattern.just_before:
        return list(measured[:BEFORE])
    wanted = {window.start - shift for shift in pattern.shifts}
    return [one for one in measured if one.start in wanted]


def _usual(like: Sequence[Earlier], words: str) -> Usual:
    logs = np.log(np.maximum([one.seconds for one in like], SHORTEST))
    logarithm, spread = usual_logarithm(logs)
    median = float(np.exp(logarithm)) if logarithm > np.log(SHORTEST) else 0.0
    return Usual(median, max(spread, LEAST_SPREAD), sum(one.rows for one in like), words)
