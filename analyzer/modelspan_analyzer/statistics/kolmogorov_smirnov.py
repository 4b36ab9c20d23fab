"""Two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.special import kolmogorov
from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.weighted import Steps, distribution_steps, support

MOST_ROWS_EXACT = 1000
MOST_ROWS_SUMMED = 30_000  # scipy's sum for large statistics takes time in proportion


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

    Statistic: the greatest distance between the two distribution functions, range 0 to 1. For the p-value see
    `kolmogorov_smirnov_p_value`; it is conservative for tied values. Raises `ValueError` as `support` does.

    >>> test = kolmogorov_smirnov([1, 2, 3], [4, 5, 6], n_reference=3, n_current=3)
    >>> test.statistic, round(test.p_value, 6)
    (1.0, 0.1)
    """
    steps = distribution_steps(
        support(reference_values, reference_weights, "reference"), support(current_values, current_weights, "current")
    )
    return kolmogorov_smirnov_of_steps(steps, n_reference, n_current)


def kolmogorov_smirnov_of_steps(steps: Steps, n_reference: float, n_current: float) -> TestResult:
    """The same test where both distribution functions are at hand."""
    statistic = min(1.0, float(np.max(np.abs(steps.reference - steps.current))))
    return TestResult(statistic, kolmogorov_smirnov_p_value(statistic, n_reference, n_current))


def kolmogorov_smirnov_p_value(statistic: float, n_reference: float, n_current: float) -> float:
    """Probability, without a difference, of a statistic at least this large for these numbers of rows.

    Exact for at most 1,000 rows together; else the one-sample distribution at n·m/(n + m) rows, rounded. These are
    scipy's `method="exact"` and `"asymp"`; beyond 30,000 such rows the latter within 3e-6, as summing it takes long.

    >>> round(kolmogorov_smirnov_p_value(1.0, 3, 3), 6)
    0.1
    """
    n, m = round(n_reference), round(n_current)
    if n + m <= MOST_ROWS_EXACT:
        return _exact_p_value(statistic, n, m)
    effective = max(1.0, np.round(n_reference * n_current / (n_reference + n_current)))
    if effective > MOST_ROWS_SUMMED:
        return _limit_p_value(statistic, effective)
    from scipy.stats import kstwo  # takes 47 MB, which large samples do without

    return float(np.clip(kstwo.sf(statistic, effective), 0.0, 1.0))


def _limit_p_value(statistic: float, effective: float) -> float:
    """Kolmogorov's limit with Vrbik's (2018) correction for the number of rows: within 3e-6, at a cost without rows."""
    root = np.sqrt(effective)
    scaled = statistic * root
    return float(np.clip(kolmogorov(scaled + 1.0 / (6.0 * root) + (scaled - 1.0) / (4.0 * effective)), 0.0, 1.0))


def _exact_p_value(statistic: float, n: int, m: int) -> float:
    """Share of all orders of n + m rows in which the two distribution functions part at least so far (Hodges 1958).

    An order is a path on a grid, a step right for a row of one sample and up for one of the other. How many paths have
    parted when they are at a point follows from the points before it, here one column of the grid after the other, and
    of each only the points between the bounds: beyond them all paths have. Only sums of positive numbers, so that small
    probabilities are as exact as large ones.
    """
    n, m = sorted((n, m))
    bound = math.ceil((statistic - 1e-9) * n * m)  # the statistic is a multiple of 1/(n·m), known but for rounding
    if bound <= 0:
        return 1.0
    paths = _paths()
    low, high = 0, min(m, -(-bound // n) - 1)
    parted = np.zeros(high + 1)
    for i in range(1, n + 1):
        first, last = max(0, (i * m - bound) // n + 1), min(m, -(-(i * m + bound) // n) - 1)
        entering = np.concatenate((parted[first - low :], paths[i - 1, max(first, high + 1) : last + 1]))
        if first > 0 and entering.size:
            entering[0] += paths[i, first - 1]
        low, high, parted = first, last, entering.cumsum()
    return min(1.0, float(parted[m - low] / paths[n, m]))


@cache
def _paths() -> Floats:
    """How many paths lead to each point of the grid (4 MB); infinite only beyond the rows that are asked for."""
    counts = np.ones((MOST_ROWS_EXACT // 2 + 1, MOST_ROWS_EXACT + 1))
    with np.errstate(over="ignore"):
        for i in range(1, counts.shape[0]):
            np.cumsum(counts[i - 1], out=counts[i])
    return counts
