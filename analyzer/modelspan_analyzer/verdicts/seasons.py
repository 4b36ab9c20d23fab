"""What is usual of a column for the time: whether its earlier windows show a rhythm or a trend, and what follows.

A column's level in each earlier window (the mean of its numbers, or the share of one category) is forecast from windows
of the same time of the day, of the week or of the year, or from the windows just before, each moved by how far the
newest forecasts were off. A rhythm or a trend is there where that forecasts earlier windows better than their mean
does, and, of a rhythm, than the mean of the newest windows does: by the signed-rank test of Wilcoxon (1945), or a
t-test of their squared errors; a trend also where a line surely fits better than a step. So a column that was always
the same, or that jumped, has neither, however far it lies from a baseline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.robust_deviation import robust_deviation
from modelspan_analyzer.verdicts.movement import heading, jumped, moves, runs_on
from modelspan_analyzer.verdicts.rhythm import BEFORE, DAY, FEWEST, WEEK

YEAR: Final = timedelta(weeks=52)
"""Of whole weeks, so that weekdays fall on weekdays."""
LEAST_TESTED: Final = 7
"""Windows whose forecasts are tested."""
MOST_TESTED: Final = 200
LEVEL: Final = 0.01
"""Of the test. A rhythm that is not there does little harm: its forecast is then the mean of some windows."""
NATURAL: Final = 3.0
"""Standard deviations by which forecasts are off beyond chance that are usual."""
_MOSTLY: Final = 0.75
"""Of the most windows that a day has: so many make it a whole one."""
SETTLED: Final = 2
"""The stage at which every rhythm that a window of its length can have would be known."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Which earlier windows forecast."""

    name: str
    period: timedelta | None
    """None: the windows just before."""
    most: int
    """Windows that forecast."""
    fewest: int
    stage: int
    """From which stage on it is known: windows that alarmed since then tell nothing of it."""


DAILY: Final = Rhythm("day", DAY, BEFORE, FEWEST, 1)
WEEKLY: Final = Rhythm("week", WEEK, 4, 1, SETTLED)
YEARLY: Final = Rhythm("year", YEAR, 3, 1, SETTLED)
TREND: Final = Rhythm("trend", None, BEFORE, FEWEST, 1)


@dataclass(frozen=True, slots=True)
class History:
    """A column's earlier windows of one length, one after the other, the newest last; each of shape (windows,)."""

    size: timedelta
    levels: Floats
    """NaN where a window has too few rows."""
    noise: Floats
    """The standard error of each."""
    alarmed: NDArray[np.intp]
    """The stage at which a window alarmed; -1 where it did not."""

    @property
    def stage(self) -> int:
        """How much could be known of a rhythm: 0 nothing, 1 that of the day, 2 that of the week too."""
        seen = np.flatnonzero(np.isfinite(self.levels))
        span = (self.levels.size - int(seen[0])) * self.size if seen.size else timedelta(0)
        if seen.size < 2 * BEFORE or (self.size < DAY and span < FEWEST * DAY):
            return 0
        return SETTLED if span >= 2 * WEEK else 1

    def without(self, stage: int) -> Floats:
        """The levels without those of windows that alarmed at this stage or a later one: a fault is not usual."""
        return np.where(self.alarmed >= stage, np.nan, self.levels)


@dataclass(frozen=True, slots=True)
class Season:
    """What earlier windows say of the next one."""

    stage: int
    """As `History.stage`."""
    rhythm: str = ""
    """Name of the rhythm, or `trend`; '' where there is none."""
    back: tuple[int, ...] = ()
    """The windows that are like it: 1 is the one just before."""
    level: float = float("nan")
    """Forecast."""
    natural: float = 0.0
    """How far from it is natural, beyond the error of the level itself."""
    rising: bool = False
    """Which way a trend leads."""
    slowed: int = 0
    """The newest windows, by which a trend has slowed down or stopped; 0 while it runs on."""
    span: int = 0
    """Windows since the first that tells something."""
    days: tuple[int, ...] = ()
    """The newest whole days that tell what is usual, at most a week of them: 1 ends where the window begins."""
    steady: bool = False
    """Whether whole days move steadily, beside the rhythm."""


def season_of(history: History) -> Season:
    """The season of the window after those of a history; one without rhythm where none is known."""
    stage = history.stage
    found = list(_forecasts(history, stage)) if stage else []
    if not found:
        return Season(stage)
    _, rhythm, levels, forecasts, places = min(found, key=lambda one: one[0])
    errors = (levels - forecasts[:-1])[-MOST_TESTED:]
    natural = _natural(errors[np.isfinite(errors)], history.noise, len(places))
    known = np.isfinite(levels)
    rising, slowed = heading(levels[known], np.flatnonzero(known)) if rhythm is TREND else (False, 0)
    days, steady = ((), False) if rhythm in (TREND, YEARLY) else _whole_days(history, levels)
    span = levels.size - int(np.flatnonzero(known)[0])
    return Season(stage, rhythm.name, places, float(forecasts[-1]), natural, rising, slowed, span, days, steady)


def moves_steadily(levels: Floats) -> bool:
    """Whether levels one after the other, shape (windows,), have a trend: NaN where one tells nothing."""
    return _tested(TREND, levels, 1) is not None


def day_of(size: timedelta) -> int:
    """How many windows of a length make a day; 1 of longer ones."""
    return max(1, DAY // size)


def _whole_days(history: History, levels: Floats) -> tuple[tuple[int, ...], bool]:
    """The newest days of which all windows tell what is usual, and whether all days, alarmed or not, move steadily."""
    each = day_of(history.size)
    first = levels.size % each
    there, taken = (np.isfinite(one[first:]).reshape(-1, each).sum(axis=1) for one in (history.levels, levels))
    whole = there >= np.ceil(_MOSTLY * there.max())
    places = there.size - np.flatnonzero(whole & (taken == there))[::-1][:BEFORE]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.nansum(history.levels[first:].reshape(-1, each), axis=1) / np.where(whole, there, 0)
    return tuple(map(int, places)), moves_steadily(np.where(whole, means, np.nan))


def _natural(errors: Floats, noise: Floats, places: int) -> float:
    """How far from a forecast is natural: what errors surely vary by, beyond the errors of the levels themselves."""
    chance = float(np.nanmedian(noise**2)) * (1 + 1 / places) * (1 + 1 / BEFORE)
    surely = max(0.0, 1 - 2 / errors.size**0.5) * float(robust_deviation(errors, 0.0)) ** 2
    return NATURAL * float(np.sqrt(max(0.0, surely - chance)))


_Forecasts = tuple[float, Rhythm, Floats, Floats, tuple[int, ...]]


def _forecasts(history: History, stage: int) -> Iterator[_Forecasts]:
    """Each rhythm that earlier windows show: how far off it was, its levels, its forecasts and where these are from."""
    for rhythm in (DAILY, WEEKLY, YEARLY, TREND):
        period = 1 if rhythm.period is None else _periods(rhythm.period, history.size)
        if period is None or rhythm.stage > stage:
            continue
        for levels in (history.without(rhythm.stage), history.levels):
            # All windows are asked last: what begins to grow, or to have a rhythm, alarms at first. A jump has neither.
            if (found := _tested(rhythm, levels, period)) is not None:
                yield (found[0], rhythm, levels, *found[1:])
                break


def _periods(period: timedelta, size: timedelta) -> int | None:
    """How many windows a period has; None where they do not fill it, or none would be like another."""
    number = period // size
    return number if number >= 2 and number * size == period and (period <= WEEK or size >= DAY) else None


def _tested(rhythm: Rhythm, levels: Floats, period: int) -> tuple[float, Floats, tuple[int, ...]] | None:
    """A rhythm's forecasts, where they are better than forecasts without it; None where they are not."""
    if not moves(levels) or (rhythm is TREND and jumped(levels)):
        return None
    forecasts, places = forecast(levels, period, rhythm.most, rhythm.fewest, moving=rhythm is TREND)
    if not np.isfinite(forecasts[-1]) or not places:
        return None
    plain = [np.full(levels.size, np.nanmean(levels))]
    if rhythm is not TREND:
        plain.append(_newest(levels)[:-1])
    off = np.abs(levels - forecasts[:-1])
    others = [np.abs(levels - one) for one in plain]
    both = np.flatnonzero(np.isfinite(np.sum([off, *others], axis=0)))[-MOST_TESTED:]
    if both.size < LEAST_TESTED:
        return None
    if not (rhythm is TREND and runs_on(levels)) and not all(_better(off[both], one[both]) for one in others):
        return None
    return float(off[both].mean()), forecasts, places


def forecast(
    levels: Floats, period: int, most: int, fewest: int, *, moving: bool = False
) -> tuple[Floats, tuple[int, ...]]:
    """Each window's level from earlier ones a number of periods before it, and from how far these forecasts were off.

    Args:
        levels: of windows one after the other, shape (windows,), NaN where one tells nothing.
        period: in windows.
        most: how many of the nearest windows that tell something forecast.
        fewest: with fewer there is no forecast.
        moving: without three earlier errors there is no forecast either.

    Returns:
        Forecasts of shape (windows + 1,), the last one of the window to come, and how many windows before that one
        those are that it comes from.
    """
    size = levels.size
    shifts = np.arange(1, min(4 * most, size // period) + 1) * period
    if not shifts.size:
        return np.full(size + 1, np.nan), ()
    at = np.arange(size + 1)[:, None] - shifts
    earlier = np.where(at >= 0, levels[np.maximum(at, 0)], np.nan)
    there = np.isfinite(earlier)
    there &= np.cumsum(there, axis=1) <= most
    number = there.sum(axis=1)
    like = np.where(number >= fewest, np.where(there, earlier, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)
    off = _newest(levels - like[:-1])
    forecasts = like + (off if moving else np.nan_to_num(off))
    return forecasts, tuple(int(shift) for shift in shifts[there[-1]])


def _newest(levels: Floats) -> Floats:
    """The mean of the seven before each window that tell something, shape (windows + 1,); NaN of less than 3."""
    known = np.flatnonzero(np.isfinite(levels))
    sums = np.concatenate([[0.0], np.cumsum(levels[known])])
    end = np.searchsorted(known, np.arange(levels.size + 1))
    begin = np.maximum(0, end - BEFORE)
    return np.where(end - begin >= FEWEST, (sums[end] - sums[begin]) / np.maximum(end - begin, 1), np.nan)


def _better(off: Floats, other: Floats) -> bool:
    """Whether errors are smaller than others of the same windows, beyond chance: most of them, or a few by much.

    Few differ by much where a rhythm changes only at some times, as between weekdays and weekends.
    """
    from scipy.stats import ttest_1samp, wilcoxon

    gain, squares = other - off, other**2 - off**2
    if not np.any(gain != 0):
        return False
    most = float(wilcoxon(gain, alternative="greater").pvalue)
    few = float(ttest_1samp(squares, 0.0, alternative="greater").pvalue)
    return min(most, few) <= LEVEL
