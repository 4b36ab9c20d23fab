"""Wasserstein distance of first order (earth mover's distance)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.weighted import Steps, distribution_steps, support


def wasserstein_distance(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_weights: ArrayLike | None = None,
    current_weights: ArrayLike | None = None,
) -> float:
    """Wasserstein-1 distance of two weighted supports, in the unit of the values.

    The area between the two distribution functions (Vallender 1974), exact for the supports given: rows, value counts,
    or a quantile grid. Range 0 to infinity, 0 for equal distributions; a pure shift by d gives |d|.
    Raises `ValueError` as `support` does.

    >>> wasserstein_distance([0, 1, 3], [5, 6, 8])
    5.0
    """
    steps = distribution_steps(
        support(reference_values, reference_weights, "reference"), support(current_values, current_weights, "current")
    )
    return wasserstein_of_steps(steps)


def wasserstein_of_steps(steps: Steps) -> float:
    """The same distance where both distribution functions are at hand."""
    return float(np.sum(np.abs(steps.reference - steps.current)[:-1] * np.diff(steps.points)))


def normalized_wasserstein_distance(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_weights: ArrayLike | None = None,
    current_weights: ArrayLike | None = None,
    *,
    reference_std: float,
) -> float:
    """Wasserstein-1 distance divided by the baseline's standard deviation: a shift in standard deviations, no unit.

    A standard deviation below 0.001 counts as 0.001, as in Azure and Evidently, so that a constant baseline gives a
    large finite number. Raises `ValueError` as `support` does.

    >>> normalized_wasserstein_distance([0, 1, 3], [5, 6, 8], reference_std=2.0)
    2.5
    """
    distance = wasserstein_distance(reference_values, current_values, reference_weights, current_weights)
    return distance / max(reference_std, 0.001)
