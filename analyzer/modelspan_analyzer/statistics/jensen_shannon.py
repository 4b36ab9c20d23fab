"""Jensen-Shannon distance and divergence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_shares
from modelspan_analyzer.statistics.special import rel_entr


def jensen_shannon_distance(reference: ArrayLike, current: ArrayLike, *, base: float = 2.0) -> Floats:
    """Jensen-Shannon distance of two samples, from counts per bin: shape (…, bins) each gives shape (…).

    The square root of the divergence below (a metric, Endres and Schindelin 2003). Range 0 to sqrt(log 2), which is 1
    in base 2; 0 when the shares are equal. Needs no smoothing. Azure and NannyML use base 2, Evidently the natural
    logarithm (`base=math.e`). Raises `ValueError` as `aligned_counts` does.

    >>> float(jensen_shannon_distance([1, 0], [0, 1]))
    1.0
    """
    return np.asarray(np.sqrt(jensen_shannon_divergence(*aligned_shares(reference, current)) / np.log(base)))


def jensen_shannon_divergence(p: Floats, q: Floats) -> Floats:
    """Mean Kullback-Leibler divergence of two distributions from their even mixture (Lin 1991), in nats.

    `p`, `q`: shares of shape (…, bins); the result has shape (…), 0 to ln 2, NaN where a side is.

    >>> round(float(jensen_shannon_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))), 4)
    0.6931
    """
    mixture = (p + q) / 2.0
    divergence = np.sum(rel_entr(p, mixture) + rel_entr(q, mixture), axis=-1) / 2.0
    return np.asarray(np.maximum(divergence, 0.0), dtype=np.float64)
