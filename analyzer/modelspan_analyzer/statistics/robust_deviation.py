"""A standard deviation that a few odd values do not move: the median absolute deviation, scaled.

Scaled so that it is that of a normal distribution (Leys et al. 2013); where more than half of the values agree exactly,
the mean absolute deviation may take its place (Iglewicz and Hoaglin 1993).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats

_OF_MEDIAN: Final = 1.482602218505602
"""1 / the normal quantile of 0.75."""
_OF_MEAN: Final = math.sqrt(math.pi / 2)


def median_deviation(values: ArrayLike, centre: ArrayLike) -> Floats:
    """The scaled median absolute deviation from a centre, of each column where there are several.

    0 where more than half of the values are the centre.

    >>> float(median_deviation([1.0, 2.0, 3.0, 4.0, 1000.0], 3.0))
    1.482602218505602
    """
    return np.asarray(_OF_MEDIAN * np.median(_away(values, centre), axis=0), np.float64)


def robust_deviation(values: ArrayLike, centre: ArrayLike) -> Floats:
    """The same, and the scaled mean absolute deviation where that is 0: shape (n, ...) to (...).

    0 where all values are the centre.

    >>> robust_deviation([[1.0, 5.0], [1.0, 6.0], [3.0, 7.0]], [1.0, 6.0]).round(3).tolist()
    [0.836, 1.483]
    """
    median = median_deviation(values, centre)
    return np.where(median > 0, median, _OF_MEAN * _away(values, centre).mean(axis=0))


def _away(values: ArrayLike, centre: ArrayLike) -> Floats:
    return np.abs(np.asarray(values, np.float64) - np.asarray(centre, np.float64))
