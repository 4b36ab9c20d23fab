"""Pearson's chi-squared test of homogeneity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.statistics.types import TestResult


def chi_squared(reference_counts: ArrayLike, current_counts: ArrayLike, *, continuity: bool = False) -> TestResult:
    """Pearson's chi-squared test that two samples share one distribution over bins (shape (bins,) each).

    Sum of (observed - expected)² / expected over the 2 × bins table, expected from the margins; bins - 1 degrees of
    freedom, bins that are empty on both sides left out. Range 0 to infinity. `continuity` applies Yates' (1934)
    correction where there are two bins, as NannyML does. The p-value is approximate where an expected count is under
    about 5. Raises `ValueError` as `aligned_counts` does.
    """
    observed = nonempty_table(reference_counts, current_counts)
    expected = expected_counts(observed)
    distance = np.abs(observed - expected)
    if continuity and observed.shape[1] == 2:
        distance = distance - np.minimum(0.5, distance)
    statistic = float(np.sum(distance**2 / expected))
    return TestResult(statistic, chi_squared_p_value(statistic, observed.shape[1] - 1))


def chi_squared_goodness_of_fit(reference_counts: ArrayLike, current_counts: ArrayLike) -> TestResult:
    """Pearson's chi-squared test of the current counts against the reference's shares taken as exact, as in Evidently.

    It leaves out the reference's own sampling error, so without drift its p-values are too small unless the reference
    is much the larger sample. Infinite where the reference has none of what the current sample has.
    Raises `ValueError` as `aligned_counts` does.
    """
    reference, current = nonempty_table(reference_counts, current_counts)
    expected = reference / reference.sum() * current.sum()
    with np.errstate(divide="ignore"):
        statistic = float(np.sum((current - expected) ** 2 / expected))
    return TestResult(statistic, chi_squared_p_value(statistic, expected.size - 1))


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
