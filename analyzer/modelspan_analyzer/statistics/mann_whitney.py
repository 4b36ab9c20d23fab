"""Mann-Whitney U test (Wilcoxon rank-sum)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from modelspan_analyzer.statistics.types import TestResult
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
    """
    counts = value_counts(reference_values, current_values, reference_counts, current_counts)
    pooled = counts.reference + counts.current
    n, m, total = counts.reference.sum(), counts.current.sum(), pooled.sum()
    midrank = np.cumsum(pooled) - (pooled - 1.0) / 2.0
    u = float(np.sum(counts.reference * midrank) - n * (n + 1.0) / 2.0)
    ties = float(np.sum(pooled**3 - pooled)) / (total * (total - 1.0))
    deviation = float(np.sqrt(n * m / 12.0 * max(total + 1.0 - ties, 0.0)))
    if deviation == 0:
        return TestResult(u, 1.0)
    distance = max(u, n * m - u) - n * m / 2.0 - (0.5 if continuity else 0.0)
    return TestResult(u, float(min(1.0, 2.0 * ndtr(-distance / deviation))))
