"""Counterfactual flip test: would the nearest people of the other group have been predicted otherwise?

Black, Yeom and Fredrikson, "FlipTest: fairness testing via optimal transport", FAT* 2020; Clarify's variant by nearest
neighbours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from modelspan_analyzer.performance.counts import FloatArray


def flip_test(
    features: FloatArray, favourable: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_], neighbours: int = 5
) -> float:
    """`(F⁺ − F⁻) / n_d` over the members of a group.

    `F⁺` counts members with an unfavourable prediction whose nearest others mostly have the favourable one, `F⁻` the
    reverse. Features are standardised, so that no unit rules the distance.

    Args:
        features: `(n, p)`, the facet itself left out, without NaN.
        favourable: `(n,)`, true where the prediction is the favourable one.
        member: `(n,)`, true for rows of the group.
        neighbours: how many of the others vote; an odd number has no ties.

    Returns:
        −1 to 1, 0 where flips balance; NaN with no member or fewer others than neighbours.
    """
    if not member.any() or (~member).sum() < neighbours:
        return float("nan")
    scaled = StandardScaler().fit_transform(features)
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(scaled[~member])
    votes = favourable[~member][nearest.kneighbors(scaled[member], return_distance=False)].mean(axis=1) > 0.5
    own = favourable[member]
    return float(((~own & votes).sum() - (own & ~votes).sum()) / member.sum())
