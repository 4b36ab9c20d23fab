"""The upper tail of the binomial distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.special import betainc


def binomial_tail(events: ArrayLike, rows: ArrayLike, share: ArrayLike) -> Floats:
    """The probability of at least so many events among so many rows of which each is one with a given share.

    Args:
        events: counts, any shape.
        rows: counts of rows, broadcast against them.
        share: between 0 and 1, broadcast against them.

    Returns:
        Probabilities of that shape, by the regularised incomplete beta function (Abramowitz and Stegun 1964, 26.5.24).

    >>> float(binomial_tail(2, 3, 0.5))
    0.5
    >>> float(binomial_tail(0, 3, 0.5))
    1.0
    """
    k, n, p = np.broadcast_arrays(np.asarray(events, float), np.asarray(rows, float), np.asarray(share, float))
    return np.asarray(np.where(k <= 0, 1.0, betainc(np.maximum(k, 1.0), np.maximum(n - k + 1, 1e-300), p)))
