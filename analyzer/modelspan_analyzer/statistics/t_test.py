"""Two-sample t-test."""

from __future__ import annotations

from typing import NamedTuple

from scipy import stats

from modelspan_analyzer.statistics.types import TestResult


class Moments(NamedTuple):
    """Mean, variance (of the sample, n - 1 in the denominator) and number of rows."""

    mean: float
    variance: float
    n: float


def t_test(reference: Moments, current: Moments, *, equal_variances: bool = False) -> TestResult:
    """Two-sided t-test that two means are equal, from moments: Welch's (1947), or Student's with equal variances.

    Statistic: difference of the means (reference - current) over its standard error. 0 and 1 when neither sample varies
    and the means are equal. Raises `ValueError` for fewer than two rows in a sample.
    """
    if min(reference.n, current.n) < 2:
        raise ValueError("a t-test needs at least two rows in each sample")
    if reference.variance == current.variance == 0:
        return TestResult(0.0, 1.0) if reference.mean == current.mean else TestResult(float("inf"), 0.0)
    found = stats.ttest_ind_from_stats(
        reference.mean,
        reference.variance**0.5,
        reference.n,
        current.mean,
        current.variance**0.5,
        current.n,
        equal_var=equal_variances,
    )
    return TestResult(float(found.statistic), float(found.pvalue))
