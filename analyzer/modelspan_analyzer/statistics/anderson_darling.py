"""Two-sample Anderson-Darling test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.special import digamma
from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.weighted import ValueCounts, value_counts

# Scholz and Stephens (1987), table 2: critical values are b0 + b1/sqrt(m) + b2/m for m + 1 samples; here m = 1.
_LEVELS = np.array([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
_CRITICAL_VALUES = (
    np.array([0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085])
    + np.array([-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615])
    + np.array([-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154])
)
_TAIL = np.polyfit(_CRITICAL_VALUES, np.log(_LEVELS), 2)


def anderson_darling(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_counts: ArrayLike | None = None,
    current_counts: ArrayLike | None = None,
) -> TestResult:
    """Two-sample Anderson-Darling test on rows or value counts, ties by midranks.

    Statistic: the squared difference of the distribution functions weighted towards the tails, standardised by its
    mean and standard deviation (Scholz and Stephens 1987, equations 4 to 7). The p-value is interpolated in their
    table, so it ends at 0.001 and at 0.25. 0 and 0.25 when all values are equal.
    Raises `ValueError` as `value_counts` does, or for fewer than four rows together.

    >>> anderson_darling([1, 1], [1, 1]).p_value
    0.25
    """
    counts = value_counts(reference_values, current_values, reference_counts, current_counts)
    n, m = float(counts.reference.sum()), float(counts.current.sum())
    if n + m < 4:
        raise ValueError(f"the samples have {n + m:g} rows together, the Anderson-Darling test needs at least 4")
    if counts.points.size < 2:
        return TestResult(0.0, 0.25)
    statistic = (_midrank_statistic(counts, n, m) - 1.0) / _standard_deviation(n, m)
    if statistic <= _CRITICAL_VALUES[0]:
        return TestResult(statistic, 0.25)
    if statistic >= _CRITICAL_VALUES[-1]:
        return TestResult(statistic, 0.001)
    return TestResult(statistic, float(np.exp(np.polyval(_TAIL, statistic))))


def _midrank_statistic(counts: ValueCounts, n: float, m: float) -> float:
    pooled, total = counts.reference + counts.current, n + m
    below = np.cumsum(pooled) - pooled / 2.0
    weight = pooled / (total * (below * (total - below) - total * pooled / 4.0))
    result = 0.0
    for sample, size in ((counts.reference, n), (counts.current, m)):
        own = np.cumsum(sample) - sample / 2.0
        result += float(np.sum(weight * (total * own - below * size) ** 2)) / size
    return result * (total - 1.0) / total


def _standard_deviation(n: float, m: float) -> float:
    """Of the statistic for two samples without a difference."""
    total = n + m
    inverse_sizes = 1.0 / n + 1.0 / m
    h = float(digamma(total) + np.euler_gamma)
    g = _double_sum(round(total))
    a = (4.0 * g - 6.0) + (10.0 - 6.0 * g) * inverse_sizes
    b = (2.0 * g - 4.0) * 4.0 + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * inverse_sizes - 8.0 * h + 4.0 * g - 6.0
    c = (6.0 * h + 2.0 * g - 2.0) * 4.0 + (4.0 * h - 4.0 * g + 6.0) * 2.0 + (2.0 * h - 6.0) * inverse_sizes + 4.0 * h
    d = (2.0 * h + 6.0) * 4.0 - 8.0 * h
    variance = (a * total**3 + b * total**2 + c * total + d) / ((total - 1.0) * (total - 2.0) * (total - 3.0))
    return float(np.sqrt(variance))


def _double_sum(total: int) -> float:
    """Sum over i < j < total of 1 / ((total - i) · j); its limit pi²/6 from a million rows on (1e-5 away)."""
    if total > 1_000_000:
        return np.pi**2 / 6.0
    inverse = 1.0 / np.arange(total - 1.0, 1.0, -1.0)
    return float(np.sum(np.cumsum(inverse) / np.arange(2.0, total)))
