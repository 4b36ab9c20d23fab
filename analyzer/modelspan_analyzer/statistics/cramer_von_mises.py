"""Two-sample Cramér-von Mises test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.special import gammaln, kve
from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.weighted import value_counts


def cramer_von_mises(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_counts: ArrayLike | None = None,
    current_counts: ArrayLike | None = None,
) -> TestResult:
    """Two-sample Cramér-von Mises test on rows or value counts, ties by midranks.

    Statistic: n·m / (n + m)² times the sum, over all rows, of the squared difference of the distribution functions
    (Anderson 1962). The p-value is the limit's, for the statistic standardised by its exact mean and variance (as
    scipy's `method="asymptotic"`). Raises `ValueError` as `value_counts` does.

    >>> round(cramer_von_mises([1, 2], [3, 4]).statistic, 6)
    0.375
    """
    counts = value_counts(reference_values, current_values, reference_counts, current_counts)
    pooled = counts.reference + counts.current
    midrank = np.cumsum(pooled) - (pooled - 1.0) / 2.0
    n, m = float(counts.reference.sum()), float(counts.current.sum())
    product, total = n * m, n + m
    u = n * _squared_rank_gaps(midrank, counts.reference) + m * _squared_rank_gaps(midrank, counts.current)
    statistic = u / (product * total) - (4.0 * product - 1.0) / (6.0 * total)
    mean = (1.0 + 1.0 / total) / 6.0
    variance_45 = (total + 1.0) * (4.0 * product * total - 3.0 * (n**2 + m**2) - 2.0 * product)
    variance_45 /= total**2 * 4.0 * product
    standardised = 1.0 / 6.0 + (statistic - mean) / np.sqrt(variance_45)
    return TestResult(statistic, _limit_upper_tail(float(standardised)))


def _squared_rank_gaps(midrank: Floats, counts: Floats) -> float:
    """Sum over a sample's rows of (rank among all - rank in the sample)²; tied rows share the former."""
    own_midrank = np.cumsum(counts) - (counts - 1.0) / 2.0
    return float(np.sum(counts * (midrank - own_midrank) ** 2 + (counts**3 - counts) / 12.0))


def _limit_upper_tail(x: float) -> float:
    """Upper tail of the Cramér-von Mises limit (Csörgő and Faraway 1996, equation 1.2)."""
    if x < 0.003:
        return 1.0
    if x > 10.0:  # below 1e-20
        return 0.0
    k = np.arange(30.0)
    y = (4.0 * k + 1.0) ** 2 / (16.0 * x)
    coefficients = np.exp(gammaln(k + 0.5) - gammaln(k + 1.0)) / np.pi**1.5
    # kve is scaled by exp(y), so the series' exp(-y) · K(y) is kve(y) · exp(-2y).
    terms = coefficients * np.sqrt(4.0 * k + 1.0) * np.exp(-2.0 * y) * kve(0.25, y)
    return float(np.clip(1.0 - np.sum(terms) / np.sqrt(x), 0.0, 1.0))
