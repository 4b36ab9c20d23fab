"""Energy distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.weighted import distribution_steps, support


def energy_distance(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_weights: ArrayLike | None = None,
    current_weights: ArrayLike | None = None,
) -> float:
    """Energy distance of two weighted supports, in the square root of the values' unit.

    The square root of twice the area under the squared difference of the distribution functions (Székely and Rizzo
    2013). Range 0 to infinity, 0 for equal distributions. Raises `ValueError` as `support` does.

    >>> energy_distance([0, 8], [0, 8], [3, 1], [2, 2])
    1.0
    """
    steps = distribution_steps(
        support(reference_values, reference_weights, "reference"), support(current_values, current_weights, "current")
    )
    return float(np.sqrt(2.0 * np.sum(((steps.reference - steps.current)[:-1]) ** 2 * np.diff(steps.points))))
