"""Exponential tilting: the distribution nearest to a given one, in Kullback and Leibler's sense, with another mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats

_STEPS = 50
_PRECISE = 1e-9


def tilted(values: ArrayLike, weights: ArrayLike, mean: float) -> Floats | None:
    """Weights in proportion to `weights · exp(θ · values)` whose mean is `mean`, of the same sum (Csiszár 1975).

    Of a normal distribution that is the same one moved; values stay the ones that there are, so that whole numbers stay
    whole. None where no weighing of these values has that mean, or only one that rests on a few of them.

    >>> tilted([0.0, 1.0], [1.0, 1.0], 0.75).round(6).tolist()
    [0.5, 1.5]
    """
    given, each = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    total = float(each.sum())
    if total <= 0 or not np.isfinite(mean):
        return None
    centre = float(given @ each / total)
    spread = float(np.sqrt((given - centre) ** 2 @ each / total))
    if spread == 0 or not np.isfinite(spread):
        return each if centre == mean else None
    scaled, wanted, theta = (given - centre) / spread, (mean - centre) / spread, 0.0
    for _ in range(_STEPS):
        exponents = theta * scaled
        moved = each * np.exp(exponents - exponents.max())
        moved *= total / moved.sum()
        now = float(scaled @ moved / total)
        slope = float((scaled - now) ** 2 @ moved / total)
        if abs(now - wanted) < _PRECISE:
            return moved if _effective(moved) >= 0.1 * _effective(each) else None
        if slope < _PRECISE:
            return None
        theta += float(np.clip((wanted - now) / slope, -1.0, 1.0))
    return None


def _effective(weights: Floats) -> float:
    """How many equal weights tell as much (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
