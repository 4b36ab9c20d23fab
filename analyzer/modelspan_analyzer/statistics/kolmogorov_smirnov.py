"""Two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.weighted import distribution_steps, support


def kolmogorov_smirnov(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_weights: ArrayLike | None = None,
    current_weights: ArrayLike | None = None,
    *,
    n_reference: float,
    n_current: float,
) -> TestResult:
    """Two-sided two-sample Kolmogorov-Smirnov test on weighted supports, with the number of rows behind each.

    Statistic: the greatest distance between the two distribution functions, range 0 to 1. The p-value is the one-sample
    distribution at n·m/(n + m) rows, rounded (as scipy's `method="asymp"`); conservative for tied values.
    Raises `ValueError` as `support` does.
    """
    steps = distribution_steps(
        support(reference_values, reference_weights, "reference"), support(current_values, current_weights, "current")
    )
    statistic = min(1.0, float(np.max(np.abs(steps.reference - steps.current))))
    return TestResult(statistic, kolmogorov_smirnov_p_value(statistic, n_reference, n_current))


def kolmogorov_smirnov_p_value(statistic: float, n_reference: float, n_current: float) -> float:
    """Probability, without a difference, of a statistic at least this large for these numbers of rows."""
    effective = max(1.0, np.round(n_reference * n_current / (n_reference + n_current)))
    return float(np.clip(stats.kstwo.sf(statistic, effective), 0.0, 1.0))
