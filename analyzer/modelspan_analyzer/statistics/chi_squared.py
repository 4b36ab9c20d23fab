"""Pearson's chi-squared test of homogeneity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.statistics.special import chdtrc
from modelspan_analyzer.statistics.types import TestResult, TestResults


def chi_squared(reference_counts: ArrayLike, current_counts: ArrayLike, *, continuity: bool = False) -> TestResult:
    """Pearson's chi-squared test that two samples share one distribution over bins (shape (bins,) each).

    Sum of (observed - expected)² / expected over the 2 × bins table, expected from the margins; bins - 1 degrees of
    freedom, bins that are empty on both sides left out. Range 0 to infinity. The p-value is approximate where an
    expected count is under about 5. Raises `ValueError` as `aligned_counts` does.

    `continuity` applies Yates' (1934) correction where there are two bins, as NannyML and scipy do. Monitors do
    without: with it the test of a 2×2 table rejects far less often than its level says (Campbell 2007), and
    the statistic would jump from two bins to three. Few rows are left to exact tests instead.

    >>> test = chi_squared([30, 20], [20, 30])
    >>> round(test.statistic, 6), round(test.p_value, 4)
    (4.0, 0.0455)
    >>> round(chi_squared([30, 20], [20, 30], continuity=True).statistic, 6)
    3.24
    """
    observed = np.stack(aligned_counts(reference_counts, current_counts), axis=-2)
    return chi_squared_of_tables(observed, continuity=continuity).single()


def chi_squared_of_tables(observed: Floats, *, continuity: bool = False) -> TestResults:
    """The same of tables of shape (…, 2, bins); p-value 1 where fewer than two bins hold rows."""
    expected, degrees = expected_counts(observed), degrees_of_freedom(observed)
    distance = np.abs(observed - expected)
    if continuity:
        distance = distance - np.where(degrees == 1, 1.0, 0.0)[..., None, None] * np.minimum(0.5, distance)
    with np.errstate(invalid="ignore"):
        statistic = np.nansum(distance**2 / expected, axis=(-2, -1))
    return TestResults(statistic, chi_squared_p_value(statistic, degrees))


def expected_counts(observed: Floats) -> Floats:
    """The counts that the margins of tables, shape (…, 2, bins), would lead one to expect; NaN for an empty table."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = observed.sum(axis=(-2, -1), keepdims=True)
        return np.asarray(observed.sum(axis=-1, keepdims=True) * observed.sum(axis=-2, keepdims=True) / total)


def degrees_of_freedom(observed: Floats) -> Floats:
    """Of tables, shape (…, 2, bins): the bins that hold a row of either sample, less one."""
    return np.asarray((observed.sum(axis=-2) > 0).sum(axis=-1) - 1.0)


def chi_squared_p_value(statistic: Floats, degrees: Floats) -> Floats:
    """Upper tail of the chi-squared distribution, shapes (…); 1 where no degree of freedom is left."""
    return np.asarray(np.where(degrees > 0, chdtrc(np.maximum(degrees, 1.0), statistic), 1.0))
