"""Likelihood-ratio test of homogeneity (G-test)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.chi_squared import chi_squared_p_value, degrees_of_freedom, expected_counts
from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.statistics.special import xlogy
from modelspan_analyzer.statistics.types import TestResult, TestResults


def g_test(reference_counts: ArrayLike, current_counts: ArrayLike, *, williams: bool = False) -> TestResult:
    """Likelihood-ratio test that two samples share one distribution over bins (shape (bins,) each).

    Statistic: 2 · sum of observed · ln(observed / expected) over the 2 × bins table, expected from the margins;
    bins - 1 degrees of freedom. It is 2·(n + m) times the Jensen-Shannon divergence weighted by the sample sizes. Its
    far tail is truer than Pearson's. `williams` divides by Williams' (1976) correction for small samples.
    Raises `ValueError` as `aligned_counts` does.

    >>> round(g_test([30, 20], [20, 30]).statistic, 4)
    4.0271
    """
    observed = np.stack(aligned_counts(reference_counts, current_counts), axis=-2)
    return g_test_of_tables(observed, williams=williams).single()


def g_test_of_tables(observed: Floats, *, williams: bool = False) -> TestResults:
    """The same of tables of shape (…, 2, bins), which may be empty: p-value 1 where fewer than two bins hold rows."""
    degrees = degrees_of_freedom(observed)
    with np.errstate(divide="ignore", invalid="ignore"):
        g = 2.0 * np.nansum(xlogy(observed, observed / expected_counts(observed)), axis=(-2, -1))
        if williams:
            g = np.where(degrees > 0, g / _williams(observed, degrees), g)
    statistic = np.asarray(np.maximum(g, 0.0))
    return TestResults(statistic, chi_squared_p_value(statistic, degrees))


def _williams(observed: Floats, degrees: Floats) -> Floats:
    rows, columns, total = observed.sum(axis=-1), observed.sum(axis=-2), observed.sum(axis=(-2, -1))
    inverse = np.where(columns > 0, 1.0 / columns, 0.0).sum(axis=-1)
    spread = (total * (1.0 / rows).sum(axis=-1) - 1.0) * (total * inverse - 1.0)
    return np.asarray(1.0 + spread / (6.0 * total * degrees))
