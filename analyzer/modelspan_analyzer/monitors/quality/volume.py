"""How many predictions a window has, against the model's own daily and weekly pattern."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from modelspan_analyzer.reading.alarmed import alarmed_windows
from modelspan_analyzer.reading.arrivals import Arrivals, active_hours
from modelspan_analyzer.reading.silence import Silence
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.verdicts.rhythm import BEFORE, DAY, FEWEST, patterns, usual_logarithm
from modelspan_collector.store.connect import Store

VOLUME: Final = "volume"
LARGEST_Z: Final = 5.0
"""Robust deviations from the usual volume that alarm."""


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

    def bound(self, above: bool) -> float:
        """The count beyond which it alarms."""
        side = LARGEST_Z if above else -LARGEST_Z
        return float(max(0.0, np.exp(np.log(self.median + 1) + side * self.deviation) - 1))


Alarms = Set[tuple[str, datetime]]
"""Versions and beginnings of windows of one length in which the volume alarmed."""


def alarmed_within(
    store: Store, signal: str, model: str, size: timedelta, within: Window, starts: Sequence[datetime] = ()
) -> Alarms:
    """The windows of a length in which the volume alarmed, by a signal's results; those that begin at `starts` too."""
    found = alarmed_windows(store, model, signal, VOLUME, within, features=[""], starts=starts)
    return {(one.version, one.window.start) for one in found if one.window.end - one.window.start == size}


def alarmed_before(store: Store, signal: str, model: str, window: Window, known: Alarms | None = None) -> Alarms:
    """Earlier windows of the same length that alarmed: of the same time of other days and weeks, and of the last day.

    They are asked for where those of at least as long ago as a rhythm is looked for are not `known`.
    """
    size = window.end - window.start
    starts, since = [window.start - shift for shift in _recurring(window)], window.start - DAY - BEFORE * size
    if known is None:
        return alarmed_within(store, signal, model, size, Window(since, window.start), starts)
    return {one for one in known if one[1] in starts or since <= one[1] < window.start}


def _recurring(window: Window) -> list[timedelta]:
    """How long before are the windows of the same time of other days and weeks."""
    *recurring, _ = patterns(window.end - window.start)
    return sorted({shift for pattern in recurring for shift in pattern.shifts})


def usual_volume(
    store: Store,
    model: str,
    version: str | None,
    window: Window,
    alarmed: Alarms,
    silence: Silence | None = None,
) -> Usual | None:
    """What to expect of a window: from the same time of the week, else of the day, else from the windows just before.

    A fault is not what is usual: windows that alarmed, and those without predictions, are left out of the windows just
    before, for a day; of those of the same time of other days or weeks, where fewer than three of them are of that kind
    and apart from each other. So a model that is silent every night is expected to be, and an outage that goes on is
    never expected, however long it lasts.

    Args:
        store: where predictions are.
        model: the model.
        version: the version; None for what the model answered with whichever version.
        window: the window that is to be compared.
        alarmed: versions and beginnings of earlier windows that alarmed.
        silence: since when nothing came, where that is known.

    Returns:
        What is usual; None where fewer than three earlier windows tell.
    """
    arrivals = Arrivals(store, model, version, window, silence)
    *recurring, before = patterns(window.end - window.start)
    shifts = _recurring(window)
    bad = {start for of, start in alarmed if version in (None, of)}
    hours = active_hours(store, model, window.start, version, silence)
    shifts = [shift for shift in shifts if hours.size and (window.start - shift).timestamp() >= hours[0]]
    counts = dict(zip(shifts, arrivals.counts([_earlier(window, shift) for shift in shifts]), strict=True))
    silent = [shift for shift in shifts if counts[shift] == 0]
    apart = _apart(window, silent, hours)
    for pattern in recurring:
        known = [shift for shift in pattern.shifts if counts.get(shift) or shift in apart]
        doubtful = [shift for shift in known if window.start - shift in bad]
        if 0 < len(doubtful) < FEWEST:
            known = [shift for shift in known if shift not in doubtful]
        if len(known) >= FEWEST:
            return _usual([counts[shift] for shift in known], pattern.words)
    wanted = BEFORE * -((window.start - window.end) // timedelta(hours=1))
    back = window.start.timestamp() - hours[-wanted:][0] if hours.size else 0.0
    return _just_before(arrivals, window, bad, timedelta(seconds=back), before.words)


def _just_before(arrivals: Arrivals, window: Window, bad: set[datetime], back: timedelta, words: str) -> Usual | None:
    """From the newest windows that had predictions and did not alarm, farther back where the newest are none of these.

    `back` is how far one has to look for as many hours with predictions as the wanted windows have.
    """
    size = window.end - window.start
    for most in (BEFORE, BEFORE + (DAY + back) // size):
        found = sorted(arrivals.just_before(most).items())
        good = [n for place, n in found if window.start - place * size not in bad]
        if len(good) >= FEWEST:
            return _usual(good[:BEFORE], words)
    return None


def _apart(window: Window, silent: Sequence[timedelta], hours: Floats) -> set[timedelta]:
    """Silent windows between which, and after the newest of which, there were predictions: no two of one outage."""
    apart: set[timedelta] = set()
    until = window.start.timestamp()
    for shift in sorted(silent):
        end = (window.end - shift).timestamp()
        if np.any((hours >= end) & (hours < until)):
            apart.add(shift)
            until = (window.start - shift).timestamp()
    return apart


def _earlier(window: Window, shift: timedelta) -> Window:
    return Window(window.start - shift, window.end - shift)


def _usual(counts: Sequence[int], words: str) -> Usual:
    logs = np.log(np.array(counts) + 1)
    median, spread = usual_logarithm(logs)
    # Five windows tell little about their spread: a fifth of the volume is always taken as usual.
    return Usual(float(np.exp(median) - 1), max(spread, 0.2, float(np.exp(-median / 2))), words)
