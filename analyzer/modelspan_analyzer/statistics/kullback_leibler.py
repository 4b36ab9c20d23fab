"""Kullback-Leibler divergence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import aligned_counts
from modelspan_analyzer.statistics.smoothing import Smoothing, half_row


def kullback_leibler_divergence(
    reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = half_row, base: float = np.e
) -> float:
    """Divergence of the reference from the current sample, from counts per bin (shape (bins,) each).

    Sum over the bins of p · log(p / q), p the reference's share (Kullback and Leibler 1951), shares scaled to sum 1
    after smoothing. Range 0 to infinity, 0 when the shares are equal; not symmetric. In nats unless `base` is given.
    Raises `ValueError` as `aligned_counts` does.
    """
    p, q = smoothing(*aligned_counts(reference, current))
    p, q = p / p.sum(), q / q.sum()
    return max(0.0, float(np.sum(p * np.log(p / q)) / np.log(base)))
