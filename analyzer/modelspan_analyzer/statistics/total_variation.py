"""Total variation distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_shares


def total_variation_distance(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Total variation distance of two samples, from counts per bin: shape (…, bins) each gives shape (…).

    Half the sum of the absolute differences of the shares: the share of rows that would have to change bins.
    Range 0 to 1, 0 when the shares are equal (Levin, Peres and Wilmer 2009, section 4.1). Raises as `aligned_counts`.

    >>> float(total_variation_distance([50, 50], [75, 25]))
    0.25
    """
    return total_variation_of_shares(*aligned_shares(reference, current))


def total_variation_of_shares(p: Floats, q: Floats) -> Floats:
    """The same of two distributions, shares of shape (…, bins); NaN where a side is.

    >>> float(total_variation_of_shares(np.array([0.5, 0.5]), np.array([0.75, 0.25])))
    0.25
    """
    return np.asarray(np.sum(np.abs(p - q), axis=-1) / 2.0, dtype=np.float64)
