"""Two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.special import kolmogorov
from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.weighted import Steps, distribution_steps, support

MOST_ROWS_EXACT = 1000
AT_ONCE = 64
"""Columns that go over the grid together: more of them no longer fit what is near the processor."""
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
    statistic = greatest_step(steps)
    return TestResult(statistic, kolmogorov_smirnov_p_value(statistic, n_reference, n_current))


def greatest_step(steps: Steps) -> float:
    """The statistic: the greatest distance between two distribution functions."""
    return min(1.0, float(np.max(np.abs(steps.reference - steps.current))))


def kolmogorov_smirnov_p_value(statistic: float, n_reference: float, n_current: float) -> float:
    """Probability, without a difference, of a statistic at least this large for these numbers of rows.

    Exact for at most 1,000 rows together; else the one-sample distribution at n·m/(n + m) rows, rounded. These are
    scipy's `method="exact"` and `"asymp"`; beyond 30,000 such rows the latter within 3e-6, as summing it takes long.

    >>> round(kolmogorov_smirnov_p_value(1.0, 3, 3), 6)
    0.1
    """
    return float(kolmogorov_smirnov_p_values(np.array([statistic]), n_reference, n_current)[0])


def kolmogorov_smirnov_p_values(statistics: Floats, n_reference: float, n_current: float) -> Floats:
    """The same of many columns with as many rows each, shape (columns,).

    >>> kolmogorov_smirnov_p_values(np.array([1.0, 0.0]), 3, 3).round(6).tolist()
    [0.1, 1.0]
    """
    n, m = round(n_reference), round(n_current)
    if n + m <= MOST_ROWS_EXACT:
        parts = (statistics[begin : begin + AT_ONCE] for begin in range(0, statistics.size, AT_ONCE))
        return np.concatenate([_exact_p_values(part, n, m) for part in parts])
    effective = max(1.0, np.round(n_reference * n_current / (n_reference + n_current)))
    if effective > MOST_ROWS_SUMMED:
        return _limit_p_values(statistics, effective)
    from scipy.stats import kstwo  # takes 47 MB, which large samples do without

    return np.asarray(np.clip(kstwo.sf(statistics, effective), 0.0, 1.0))


def _limit_p_values(statistics: Floats, effective: float) -> Floats:
    """Kolmogorov's limit with Vrbik's (2018) correction for the number of rows: within 3e-6, at a cost without rows."""
    root = np.sqrt(effective)
    scaled = statistics * root
    return np.asarray(np.clip(kolmogorov(scaled + 1.0 / (6.0 * root) + (scaled - 1.0) / (4.0 * effective)), 0.0, 1.0))


def _exact_p_values(statistics: Floats, n: int, m: int) -> Floats:
    """Share of all orders of n + m rows in which the two distribution functions part at least so far (Hodges 1958).

    An order is a path on a grid, a step right for a row of one sample and up for one of the other. How many paths have
    parted when they are at a point follows from the points before it, here one column of the grid after the other, and
    of each only the points between the bounds: beyond them all paths have. Only sums of positive numbers, so that small
    probabilities are as exact as large ones. All statistics go over the grid together.
    """
    n, m = sorted((n, m))
    bounds = np.ceil((statistics - 1e-9) * n * m).astype(np.int64)  # multiples of 1/(n·m), known but for rounding
    known = bounds > 0
    if not known.any():
        return np.ones(statistics.size)
    bound, across, up = bounds[known, None], np.arange(n + 1) * m, np.arange(m + 1)
    first = np.maximum(0, (across - bound) // n + 1)
    last = np.minimum(m, -(-(across + bound) // n) - 1)
    paths, parted = _paths(), np.zeros((bound.size, m + 1))
    for i, (low, high) in enumerate(zip(first.min(axis=0)[1:], last.max(axis=0)[1:] + 1, strict=True), 1):
        near = up[low:high]
        between = (near >= first[:, i, None]) & (near <= last[:, i - 1, None])
        entering = np.where(between, parted[:, low:high], paths[i - 1, low:high])
        if low > 0 and near.size:
            entering[:, 0] += paths[i, low - 1]
        entering.cumsum(axis=1, out=parted[:, low:high])
    found = np.ones(statistics.size)
    found[known] = np.minimum(1.0, parted[:, m] / paths[n, m])
    return found


@cache
def _paths() -> Floats:
    """How many paths lead to each point of the grid (4 MB); infinite only beyond the rows that are asked for."""
    counts = np.ones((MOST_ROWS_EXACT // 2 + 1, MOST_ROWS_EXACT + 1))
    with np.errstate(over="ignore"):
        for i in range(1, counts.shape[0]):
            np.cumsum(counts[i - 1], out=counts[i])
    return counts
