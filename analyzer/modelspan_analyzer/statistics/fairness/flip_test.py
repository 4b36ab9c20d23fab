"""Counterfactual flip test: would the nearest people of the other group have been predicted otherwise?

Black, Yeom and Fredrikson, "FlipTest: fairness testing via optimal transport", FAT* 2020; Clarify's variant by nearest
neighbours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_analyzer.statistics.threads import one_thread


@one_thread()
def flips(
    features: FloatArray, favourable: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_], neighbours: int = 5
) -> FloatArray:
    """For each member of a group whether the nearest others were predicted otherwise.

    Features are standardised, so that no unit rules the distance.

    Args:
        features: `(n, p)`, the facet itself left out, without NaN.
        favourable: `(n,)`, true where the prediction is the favourable one.
        member: `(n,)`, true for rows of the group.
        neighbours: how many of the others vote; an odd number has no ties.

    Returns:
        `(members,)`: 1 for an unfavourable prediction whose nearest others mostly have the favourable one, −1 for the
        reverse, else 0; empty with no member or fewer others than neighbours.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    if not member.any() or (~member).sum() < neighbours:
        return np.zeros(0)
    scaled = StandardScaler().fit_transform(features)
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(scaled[~member])
    votes = favourable[~member][nearest.kneighbors(scaled[member], return_distance=False)].mean(axis=1) > 0.5
    return np.asarray(votes, np.float64) - favourable[member]


def flip_test(
    features: FloatArray, favourable: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_], neighbours: int = 5
) -> float:
    """`(F⁺ − F⁻) / n_d`: the mean of `flips`, which see for the arguments.

    Returns:
        −1 to 1, 0 where flips balance; NaN where there is no flip to look at.
    """
    found = flips(features, favourable, member, neighbours)
    return float(found.mean()) if found.size else float("nan")
