"""Likelihood-ratio test of homogeneity (G-test)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from modelspan_analyzer.statistics.chi_squared import chi_squared_p_value, expected_counts, nonempty_table
from modelspan_analyzer.statistics.types import TestResult


def g_test(reference_counts: ArrayLike, current_counts: ArrayLike, *, williams: bool = False) -> TestResult:
    """Likelihood-ratio test that two samples share one distribution over bins (shape (bins,) each).

    Statistic: 2 · sum of observed · ln(observed / expected) over the 2 × bins table, expected from the margins;
    bins - 1 degrees of freedom. It is 2·(n + m) times the Jensen-Shannon divergence weighted by the sample sizes. Its
    far tail is truer than Pearson's. `williams` divides by Williams' (1976) correction for small samples.
    Raises `ValueError` as `aligned_counts` does.
    """
    observed = nonempty_table(reference_counts, current_counts)
    statistic = max(0.0, 2.0 * float(np.sum(xlogy(observed, observed / expected_counts(observed)))))
    degrees_of_freedom = observed.shape[1] - 1
    if williams and degrees_of_freedom > 0:
        total = observed.sum()
        rows, columns = observed.sum(axis=1), observed.sum(axis=0)
        spread = (total * np.sum(1.0 / rows) - 1.0) * (total * np.sum(1.0 / columns) - 1.0)
        statistic /= 1.0 + float(spread) / (6.0 * total * degrees_of_freedom)
    return TestResult(statistic, chi_squared_p_value(statistic, degrees_of_freedom))
