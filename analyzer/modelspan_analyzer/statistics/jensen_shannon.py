"""Jensen-Shannon distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from modelspan_analyzer.statistics.counts import aligned_counts, proportions


def jensen_shannon_distance(reference: ArrayLike, current: ArrayLike, *, base: float = 2.0) -> float:
    """Jensen-Shannon distance of two samples, from counts per bin (shape (bins,) each, over the same bins).

    The square root of the mean Kullback-Leibler divergence of each sample from their even mixture (Lin 1991; a metric,
    Endres and Schindelin 2003). Range 0 to sqrt(log 2), which is 1 in base 2; 0 when the shares are equal. Needs no
    smoothing. Azure and NannyML use base 2, Evidently the natural logarithm (`base=math.e`).
    Raises `ValueError` as `aligned_counts` does.
    """
    first, second = aligned_counts(reference, current)
    p, q = proportions(first), proportions(second)
    mixture = (p + q) / 2.0
    divergence = float(np.sum(rel_entr(p, mixture)) + np.sum(rel_entr(q, mixture))) / (2.0 * np.log(base))
    return float(np.sqrt(max(divergence, 0.0)))
