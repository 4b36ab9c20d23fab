"""Mann-Whitney U test (Wilcoxon rank-sum)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.special import ndtr
from modelspan_analyzer.statistics.types import TestResult, TestResults
from modelspan_analyzer.statistics.weighted import value_counts


def mann_whitney(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_counts: ArrayLike | None = None,
    current_counts: ArrayLike | None = None,
    *,
    continuity: bool = True,
) -> TestResult:
    """Two-sided Mann-Whitney test that neither sample tends to larger values, on rows or value counts.

    Statistic: U of the reference, the number of pairs in which its value is the larger, ties half (Mann and Whitney
    1947); U / (n·m) is the probability of that, 0.5 without a shift. The p-value is the normal approximation with the
    correction for ties and, unless switched off, for continuity (as scipy's `method="asymptotic"`).
    1 when all values are equal. Raises `ValueError` as `value_counts` does.

    >>> mann_whitney([1, 2, 3], [4, 5, 6]).statistic
    0.0
    """
    counts = value_counts(reference_values, current_values, reference_counts, current_counts)
    return mann_whitney_of_counts(counts.reference, counts.current, continuity=continuity).single()


def mann_whitney_of_counts(reference: Floats, current: Floats, *, continuity: bool = True) -> TestResults:
    """The same of counts over bins in order of value, shape (…, bins) each: rows of one bin are tied."""
    pooled = reference + current
    n, m, total = reference.sum(axis=-1), current.sum(axis=-1), pooled.sum(axis=-1)
    midrank = np.cumsum(pooled, axis=-1) - (pooled - 1.0) / 2.0
    u = np.sum(reference * midrank, axis=-1) - n * (n + 1.0) / 2.0
    distance = np.abs(u - n * m / 2.0) - (0.5 if continuity else 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ties = np.sum(pooled**3 - pooled, axis=-1) / (total * (total - 1.0))
        deviation = np.sqrt(n * m / 12.0 * np.maximum(total + 1.0 - ties, 0.0))
        tail = np.minimum(2.0 * ndtr(-distance / deviation), 1.0)
    return TestResults(np.asarray(u), np.where(deviation > 0, tail, 1.0))
