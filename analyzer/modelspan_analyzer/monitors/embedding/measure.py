"""Two samples of vectors compared: by their centroids, by maximum mean discrepancy, and by a domain classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.domain_trees import DomainTest, domain_trees
from modelspan_analyzer.statistics.mean_embedding import centroid_cosine_distance, centroid_distance
from modelspan_analyzer.statistics.mmd import DiscrepancyTest, median_bandwidth, mmd_random_features_test
from modelspan_analyzer.statistics.threads import one_thread
from modelspan_analyzer.verdicts.normal_range import robust_range

COMPONENTS = 20
"""Directions that the classifier sees."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the measures say of a window's vectors beside the baseline's."""

    centroid: float
    spread: float
    """Root mean squared distance of the baseline's vectors from their centroid, the unit to read `centroid` in."""
    cosine: float
    discrepancy: DiscrepancyTest

    @property
    def moved(self) -> float:
        """How far the centroid moved, in that unit."""
        return self.centroid / self.spread if self.spread else 0.0


def compare_vectors(reference: Floats, current: Floats) -> Comparison:
    """Compare samples of shape (n, width) and (m, width).

    Raises:
        ValueError: a sample is empty or holds what is not finite.
    """
    means = reference.mean(axis=0), current.mean(axis=0)
    return Comparison(
        centroid=centroid_distance(*means),
        spread=float(np.sqrt(np.mean(np.sum((reference - means[0]) ** 2, axis=1)))),
        cosine=centroid_cosine_distance(*means),
        discrepancy=mmd_random_features_test(reference, current, median_bandwidth(reference, current)),
    )


def tell_apart(reference: Floats, current: Floats, *, seed: int = 0) -> DomainTest:
    """The domain classifier on the leading directions of both samples together, which favour neither."""
    from sklearn.utils.extmath import randomized_svd

    pooled = np.concatenate([reference, current])
    centred = pooled - pooled.mean(axis=0)
    if pooled.shape[1] > COMPONENTS:
        with one_thread():
            left, sizes, _ = randomized_svd(centred, COMPONENTS, random_state=seed)
        centred = left * sizes
    return domain_trees(centred[: reference.shape[0]], centred[reference.shape[0] :], seed=seed)


def usual_discrepancy(reference: Floats, parts: Sequence[npt.NDArray[np.intp]], least: float) -> float:
    """The least discrepancy beyond chance that is unusual: the baseline's stretches of time beside its other rows."""
    if not parts:
        return least
    bandwidth = median_bandwidth(reference, reference)
    found = [mmd_random_features_test(np.delete(reference, part, axis=0), reference[part], bandwidth) for part in parts]
    return max(least, robust_range([max(0.0, one.statistic - one.chance) for one in found]).upper)
