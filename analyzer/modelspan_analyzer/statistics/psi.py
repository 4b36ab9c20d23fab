"""Population stability index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.statistics.smoothing import Smoothing, half_row


def psi(reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = half_row) -> Floats:
    """Population stability index of two samples, from counts per bin: shape (…, bins) each gives shape (…).

    Sum over the bins of (p - q) · ln(p / q): the symmetrised Kullback-Leibler divergence (Jeffreys 1946), in nats.
    Range 0 to infinity, 0 when the shares are equal; under 0.1 is customarily read as stable, over 0.25 as shifted.
    Without any drift its mean is about (1/n + 1/m) · (bins - 1) (Yurdakul and Naranjo 2020): read it with the sizes.
    `smoothing` says what an empty bin counts for. Raises `ValueError` as `aligned_counts` does.

    >>> round(float(psi([500, 300, 200], [40, 35, 25])), 4)
    0.0412
    """
    p, q = smoothing(*aligned_counts(reference, current))
    return np.asarray(np.sum((p - q) * np.log(p / q), axis=-1))


def log_ratios(reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = half_row) -> Floats:
    """What a row of each bin tells of which sample it is from, ln(q / p), from counts per bin: shape (…, bins) each.

    The log-likelihood ratio of each bin (Neyman and Pearson 1933), shape (…, bins). Its means over both samples differ
    by their PSI, so this is the scale on which the PSI says how far one has gone from the other. Raises `ValueError` as
    `aligned_counts` does.

    >>> log_ratios([500, 300, 200], [40, 35, 25]).round(4).tolist()
    [-0.2231, 0.1542, 0.2231]
    """
    p, q = smoothing(*aligned_counts(reference, current))
    return np.asarray(np.log(q / p))
