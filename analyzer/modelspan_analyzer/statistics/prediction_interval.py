"""Whether a value is one more of those before it: the prediction interval of a normal sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.special import stdtr, stdtrit


class Expected(NamedTuple):
    """What is expected of the next value."""

    centre: float
    """The mean of those before."""
    spread: float
    """Standard deviation of the next value's distance from it."""
    freedom: float
    """Degrees of freedom of `spread`."""

    def p_value(self, value: float, side: int) -> float:
        """How probable a value as far away is by chance: of that side (-1 below, 1 above), or of either (0).

        >>> round(Expected(10.0, 1.0, 9).p_value(8.0, -1), 4)
        0.0383
        """
        if self.spread == 0:
            away = value != self.centre if side == 0 else side * (value - self.centre) > 0
            return 0.0 if away else 1.0
        distance = (value - self.centre) / self.spread
        if side == 0:
            return float(2 * stdtr(self.freedom, -abs(distance)))
        return float(stdtr(self.freedom, -side * distance))

    def reach(self, alpha: float) -> float:
        """How far from the centre a value may lie on one side with a probability of `alpha` beyond it."""
        return float(stdtrit(self.freedom, 1 - alpha)) * self.spread


def expected(earlier: ArrayLike, errors: ArrayLike, error: float) -> Expected:
    """What earlier values say of the next one.

    The next value of a normal sample of k lies around its mean with the variance s² (1 + 1/k), as Student's t with
    k - 1 degrees of freedom (Hahn and Meeker, Statistical Intervals, 1991, ch. 4). How much the values vary includes
    how unsure each of them is; where the next one is less sure than they were, what it is more is added.

    Args:
        earlier: shape (k,), values in any order, k of 2 or more.
        errors: shape (k,), standard errors of each; NaN where one is not known.
        error: standard error of the next value; NaN where it is not known.

    Raises:
        ValueError: there are fewer than two.

    >>> expected([1.0, 3.0], [np.nan, np.nan], np.nan).centre
    2.0
    """
    values, known = np.asarray(earlier, np.float64), np.asarray(errors, np.float64)
    if values.size < 2:
        raise ValueError(f"{values.size} earlier values say nothing of how much they vary")
    variance = float(values.var(ddof=1)) * (1 + 1 / values.size)
    known = known[np.isfinite(known)]
    usual = float((known**2).mean()) if known.size else 0.0
    more = max(0.0, error**2 - usual) if np.isfinite(error) else 0.0
    return Expected(float(values.mean()), float(np.sqrt(variance + more)), values.size - 1)
