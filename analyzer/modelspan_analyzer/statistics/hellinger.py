"""Hellinger distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_shares


def hellinger_distance(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Hellinger distance of two samples, from counts per bin: shape (…, bins) each gives shape (…).

    The Euclidean distance between the square roots of the shares, divided by the square root of 2 (Hellinger 1909).
    Range 0 to 1: 0 when the shares are equal, 1 when no bin holds rows of both. Raises as `aligned_counts` does.

    >>> float(hellinger_distance([3, 0], [0, 5]))
    1.0
    """
    p, q = aligned_shares(reference, current)
    return np.asarray(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=-1) / 2.0))
