"""Two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov

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

    An order is a path on a grid, a step right for a row of one sample and up for one of the other. The probability that
    a path has parted when it is at (i, j) follows from the points before it, here one diagonal i + j after the other.
    """
    limit = statistic - 1e-9  # the statistic is a multiple of 1/(n·m), known but for rounding
    right = np.arange(n + 1)
    parted = np.zeros(n + 1)
    for diagonal in range(1, n + m + 1):
        up = diagonal - right
        from_left = np.concatenate([[0.0], parted[:-1]])
        parted = (from_left * right + parted * up) / diagonal
        parted[np.abs(right / n - up / m) >= limit] = 1.0
        parted[(up < 0) | (up > m)] = 0.0
    return float(parted[n])
