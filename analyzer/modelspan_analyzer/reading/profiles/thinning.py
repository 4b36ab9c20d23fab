"""Fewer points for a distribution."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Floats


def at_equal_steps(values: Floats, weights: Floats | None, points: int) -> Floats:
    """The values in the middle of `points` equal steps of rank, shape (points,): within 1/(2 points) in rank.

    Args:
        values: ascending, shape (k,).
        weights: shape (k,); None where all weigh the same.
        points: how many.
    """
    levels = (np.arange(points) + 0.5) / points
    if weights is None:
        return np.asarray(values[(levels * values.size).astype(np.int64)])
    cumulated = np.cumsum(weights)
    return np.asarray(values[np.searchsorted(cumulated, levels * cumulated[-1], side="left")])
