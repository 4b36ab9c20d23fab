"""Hellinger distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import aligned_counts, proportions


def hellinger_distance(reference: ArrayLike, current: ArrayLike) -> float:
    """Hellinger distance of two samples, from counts per bin (shape (bins,) each).

    The Euclidean distance between the square roots of the shares, divided by the square root of 2 (Hellinger 1909).
    Range 0 to 1: 0 when the shares are equal, 1 when no bin holds rows of both. Raises as `aligned_counts` does.
    """
    first, second = aligned_counts(reference, current)
    p, q = proportions(first), proportions(second)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2.0))
