"""Pearson's chi-squared test of homogeneity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.statistics.types import TestResult


def chi_squared(reference_counts: ArrayLike, current_counts: ArrayLike) -> TestResult:
    """Pearson's chi-squared test that two samples share one distribution over bins (shape (bins,) each).

    Sum of (observed - expected)² / expected over the 2 × bins table, expected from the margins; bins - 1 degrees of
    freedom, bins that are empty on both sides left out, no continuity correction. Range 0 to infinity. The p-value is
    approximate where an expected count is under about 5. Raises `ValueError` as `aligned_counts` does.
    """
    observed = nonempty_table(reference_counts, current_counts)
    expected = expected_counts(observed)
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    return TestResult(statistic, chi_squared_p_value(statistic, observed.shape[1] - 1))


def nonempty_table(reference_counts: ArrayLike, current_counts: ArrayLike) -> Floats:
    """The table of shape (2, bins) without the bins that are empty on both sides."""
    table = np.stack(aligned_counts(reference_counts, current_counts))
    return table[:, table.sum(axis=0) > 0]


def expected_counts(observed: Floats) -> Floats:
    """The counts that the margins of the table, shape (2, bins), would lead one to expect."""
    return np.asarray(np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum(), dtype=np.float64)


def chi_squared_p_value(statistic: float, degrees_of_freedom: int) -> float:
    """Upper tail of the chi-squared distribution; 1 when no degree of freedom is left."""
    return float(chdtrc(degrees_of_freedom, statistic)) if degrees_of_freedom > 0 else 1.0
