"""Kullback-Leibler divergence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_counts, proportions
from modelspan_analyzer.statistics.smoothing import Smoothing, half_row


def kullback_leibler_divergence(
    reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = half_row, base: float = np.e
) -> Floats:
    """Divergence of the reference from the current sample, from counts per bin: (…, bins) gives (…).

    Sum over the bins of p · log(p / q), p the reference's share (Kullback and Leibler 1951), shares scaled to sum 1
    after smoothing. Range 0 to infinity, 0 when the shares are equal; not symmetric. In nats unless `base` is given.
    Raises `ValueError` as `aligned_counts` does.

    >>> round(float(kullback_leibler_divergence([3, 1], [1, 1], base=2)), 4)
    0.1887
    """
    p, q = smoothing(*aligned_counts(reference, current))
    divergence = np.sum(proportions(p) * np.log(proportions(p) / proportions(q)), axis=-1) / np.log(base)
    return np.asarray(np.maximum(divergence, 0.0))
