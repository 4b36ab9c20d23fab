"""Chebyshev distance (L-infinity)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_shares


def chebyshev_distance(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Chebyshev distance (L-infinity) of two samples, from counts per bin: shape (…, bins) each gives shape (…).

    The greatest absolute difference of a share in any bin. Range 0 to 1, 0 when the shares are equal; it points at one
    category. NannyML calls it L-infinity. Raises `ValueError` as `aligned_counts` does.

    >>> float(chebyshev_distance([50, 25, 25], [25, 50, 25]))
    0.25
    """
    p, q = aligned_shares(reference, current)
    return np.asarray(np.max(np.abs(p - q), axis=-1))
