"""How levels move, one after the other: by one step, or on and on, which way, and whether they still do."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.robust_deviation import robust_deviation
from modelspan_analyzer.verdicts.rhythm import BEFORE, FEWEST

_MEDIANS: Final = 8
"""Windows of which a median is taken, at most."""
_BENDS: Final = 20
"""Places of a bend that are tried."""
_SURELY_NO_STEP: Final = 9.0
"""Variances by which a line fits better than a step: three standard deviations, squared."""
_SLOWER: Final = 0.5
"""Of the pace of a trend: a column whose newest windows move at less has slowed down ..."""
_SURELY: Final = 6.0
"""... where so many tell that pace from none by as many standard errors, so that half of it lies midway."""


def moves(levels: Floats) -> bool:
    """Whether levels are not all the same, but for how sums of them are rounded."""
    known = levels[np.isfinite(levels)]
    return bool(known.size and np.ptp(known) > _rounding(known))


def _rounding(known: Floats) -> float:
    return float(known.size * np.finfo(np.float64).eps * np.abs(known).max())


def jumped(levels: Floats) -> bool:
    """Whether all movement may be one step: what jumped does not move steadily."""
    known = levels[np.isfinite(levels)]
    return known.size <= 2 * FEWEST or (_leaps(known) and _beyond_a_step(known) <= 0)


def runs_on(levels: Floats) -> bool:
    """Whether a line that bends once fits surely better than any one step does: few levels tell it, if noise is small.

    By the ratio of likelihoods (Neyman and Pearson 1933): of steps of 2 to 20 times the noise it takes at most 1 in 80
    for growth, of growth to 10 times the noise it knows 6 in 7 by 10 levels.
    """
    known = levels[np.isfinite(levels)]
    return known.size > 2 * FEWEST and moves(known) and _beyond_a_step(known) >= _SURELY_NO_STEP


def _leaps(levels: Floats) -> bool:
    """Whether one step makes a third of all movement, by medians."""
    width, smooth = _width(levels), _smooth(levels)
    lag = width - FEWEST + 1
    newest = [np.median(levels[-size:]) - np.median(levels[-size - width : -size]) for size in range(FEWEST, width)]
    steps = np.abs([*(smooth[lag:] - smooth[:-lag]), *newest])
    return bool(steps.max() > max(np.ptp(smooth), *np.abs(newest), 0.0) / 3)


def _beyond_a_step(known: Floats) -> float:
    """How much better a line that bends once fits than one step, each where it fits best: the difference of the squares
    that they explain, in variances of what the line leaves.

    Steps of the newest windows are told, too, as a bend leaves twice `FEWEST` on each side.
    """
    levels, number = known - known.mean(), known.size
    before, at = np.cumsum(levels)[:-1], np.arange(1, number)
    step = float((before**2 / at + before**2 / (number - at)).max())
    ends = 2 * FEWEST / number if number > 4 * FEWEST else 0.5
    bends = np.linspace(ends, 1 - ends, _BENDS)[:, None]
    times = np.broadcast_to(np.linspace(0.0, 1.0, number), (_BENDS, number))
    lines = np.stack([np.ones_like(times), times, np.maximum(times - bends, 0.0)], axis=-1)
    moments = np.einsum("bni,n->bi", lines, levels)
    fitted = np.linalg.solve(np.einsum("bni,bnj->bij", lines, lines), moments[..., None])[..., 0]
    line = float(np.einsum("bi,bi->b", fitted, moments).max())
    left = (float(levels @ levels) - line) / max(1, number - 3)
    return (line - step) / max(left, _rounding(known) ** 2)


def heading(levels: Floats, times: NDArray[np.intp]) -> tuple[bool, int]:
    """Whether levels that have a trend rise, by the newest that tell, and whether they still do.

    Args:
        levels: of windows one after the other, the newest last, shape (windows,).
        times: of each, in windows, shape (windows,).

    Returns:
        Whether they rise; and, where the newest move at less than half the pace of all, how many these are, else 0, and
        where there are too few to tell. By least squares the slope of m levels has a standard error of their noise
        times the root of 12 / m³.
    """
    smooth = _smooth(levels)
    pace = float(np.ptp(smooth)) / float(times[-1] - times[0])
    noise = float(robust_deviation(np.diff(levels), 0.0)) / 2**0.5
    overall = bool(levels[-BEFORE:].mean() >= levels[:BEFORE].mean())
    enough = BEFORE if pace == 0 else max(BEFORE, int(np.ceil((12 * (_SURELY * noise / pace) ** 2) ** (1 / 3))))
    if pace == 0 or 2 * enough > levels.size:
        return overall, 0
    slope = float(np.polyfit(times[-enough:], levels[-enough:], 1)[0])
    if abs(slope) >= _SLOWER * pace:
        return slope > 0, 0
    return overall, enough


def _smooth(levels: Floats) -> Floats:
    """Medians of windows that follow each other: they keep a step, and are less noisy."""
    return np.median(np.lib.stride_tricks.sliding_window_view(levels, _width(levels)), axis=1)


def _width(levels: Floats) -> int:
    return min(max(FEWEST, levels.size // 12), _MEDIANS)
