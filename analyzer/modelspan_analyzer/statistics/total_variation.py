"""Total variation distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import aligned_counts, proportions


def total_variation_distance(reference: ArrayLike, current: ArrayLike) -> float:
    """Total variation distance of two samples, from counts per bin (shape (bins,) each).

    Half the sum of the absolute differences of the shares: the share of rows that would have to change bins.
    Range 0 to 1, 0 when the shares are equal (Levin, Peres and Wilmer 2009, section 4.1). Raises as `aligned_counts`.
    """
    first, second = aligned_counts(reference, current)
    return float(np.sum(np.abs(proportions(first) - proportions(second))) / 2.0)
