"""Measures of quantile forecasts: pinball loss, and how often intervals hold, and how wide they are.

`forecast` has the shape `(quantiles, rows, steps)`, `truth` `(rows, steps)`; NaN is missing, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray

MEASURES: Final = (
    *("pinball_loss", "quantile_crossing"),
    *(f"interval_{what}_{percent}" for what in ("coverage", "width") for percent in range(1, 100)),
)
"""As results name them."""


def pinball(level: float, forecast: FloatArray, truth: FloatArray) -> FloatArray:
    """`level · (truth − forecast)` where the truth is above, `(1 − level) · (forecast − truth)` below (Koenker 1978).

    >>> pinball(0.9, np.array([1.0, 3.0]), np.array([2.0, 2.0])).round(4).tolist()
    [0.9, 0.1]
    """
    short = truth - forecast
    return np.maximum(level * short, (level - 1) * short)


def mean_pinball(levels: Sequence[float], forecast: FloatArray, truth: FloatArray) -> FloatArray:
    """The mean of the pinball losses of all levels, of shape `(rows, steps)`."""
    losses = [pinball(level, part, truth) for level, part in zip(levels, forecast, strict=True)]
    return np.asarray(np.mean(losses, axis=0), float)


def pairs(levels: Sequence[float]) -> dict[int, tuple[int, int]]:
    """The central intervals that levels make: nominal percent to the places of its lower and upper level.

    >>> pairs([0.1, 0.5, 0.9])
    {80: (0, 2)}
    """
    place = {round(level, 9): at for at, level in enumerate(levels)}
    found = {}
    for level in sorted(place):
        upper = round(1 - level, 9)
        if level < 0.5 and upper in place:
            found[round(100 * (upper - level))] = (place[level], place[upper])
    return found


def covered(lower: FloatArray, upper: FloatArray, truth: FloatArray, *, ends: bool = True) -> FloatArray:
    """1 where the truth lies in the interval, its ends included or not, else 0; NaN where anything is missing.

    >>> covered(np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([2.0, 3.0])).tolist()
    [1.0, 0.0]
    >>> covered(np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.array([2.0, 1.5]), ends=False).tolist()
    [0.0, 1.0]
    """
    held = (lower <= truth) & (truth <= upper) if ends else (lower < truth) & (truth < upper)
    return np.where(np.isnan(lower + upper + truth), np.nan, held.astype(float))


def crossed(forecast: FloatArray) -> FloatArray:
    """1 where a quantile lies below one of a lower level, of shape `(rows, steps)`; NaN where fewer than two are known.

    Levels ascend. Quantiles that are one but for the rounding of 32 bits do not cross.

    >>> crossed(np.array([[[1.0, 2.0]], [[3.0, 1.0]]])).tolist()
    [[0.0, 1.0]]
    """
    highest = np.fmax.accumulate(forecast, axis=0)
    below = highest - forecast > _ROUNDING * np.fmax(np.abs(highest), np.abs(forecast))
    known = (~np.isnan(forecast)).sum(axis=0)
    return np.where(known < 2, np.nan, below.any(axis=0).astype(float))


def noticeably_above(share: float) -> float:
    """The lowest share that lies above another one by what Cohen calls small: `h = 2 asin √p − 2 asin √q` of 0.2.

    Of any share the same distance is as hard to see (Cohen, Statistical Power Analysis, 1988, chapter 6).

    >>> round(noticeably_above(0.2), 3), round(noticeably_above(0.8), 3), noticeably_above(0.995)
    (0.285, 0.873, 1.0)
    """
    return float(np.sin(min(np.arcsin(np.sqrt(share)) + _SMALL_EFFECT / 2, np.pi / 2)) ** 2)


_ROUNDING: Final = 1e-6
_SMALL_EFFECT: Final = 0.2
