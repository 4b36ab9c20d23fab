"""Chebyshev distance (L-infinity)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import aligned_counts, proportions


def chebyshev_distance(reference: ArrayLike, current: ArrayLike) -> float:
    """Chebyshev distance (L-infinity) of two samples, from counts per bin (shape (bins,) each).

    The greatest absolute difference of a share in any bin. Range 0 to 1, 0 when the shares are equal; it points at one
    category. NannyML calls it L-infinity. Raises `ValueError` as `aligned_counts` does.
    """
    first, second = aligned_counts(reference, current)
    return float(np.max(np.abs(proportions(first) - proportions(second))))
