"""How probable the counts of a window are without drift: one p-value a feature, exact where rows are few.

Three tests share the work, each where its approximation holds, and the least of their p-values counts times their
number (Bonferroni), so the combined one keeps its level:

* bins that expect at least five rows in the smaller sample (the others merged into one, if that one then does): the
  likelihood-ratio test with Williams' correction. Its far tail is true where Pearson's is several times too small.
* bins in order of value: the Mann-Whitney test with ties, which finds a shift that is spread thinly over all bins.
* each bin that expects fewer than five rows: the conditional binomial test of two rates, valid for any counts, so that
  ten nulls in a column that never had one are evidence, and one is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.g_test import g_test_of_tables
from modelspan_analyzer.statistics.mann_whitney import mann_whitney_of_counts
from modelspan_analyzer.statistics.two_proportions import conditional_rate_tests
from modelspan_analyzer.verdicts.tables import CountTables

SUFFICIENT = 5.0  # expected rows from which the chi-squared approximation holds (Cochran 1954)
LARGEST_TIE = 0.5  # beyond this share in one bin, rank sums are too skewed for the normal approximation


def drift_p_values(tables: CountTables) -> Floats:
    """The probability, without drift, of counts at least as far from the baseline's; shape (features,)."""
    tables = tables.resolvable()
    pooled = tables.baseline + tables.current
    smaller = np.minimum(tables.n_baseline, tables.n_current) / (tables.n_baseline + tables.n_current)
    filled = pooled * smaller >= SUFFICIENT
    sparse = (pooled > 0) & ~filled
    p_values = np.stack([_likelihood_ratio(tables, filled, sparse, smaller), _rank_sum(tables), _rates(tables, sparse)])
    asked = np.maximum(np.sum(~np.isnan(p_values), axis=0), 1)
    return np.asarray(np.minimum(np.nanmin(np.vstack([p_values, np.ones(asked.size)]), axis=0) * asked, 1.0))


def _likelihood_ratio(
    tables: CountTables, filled: NDArray[np.bool_], sparse: NDArray[np.bool_], smaller: Floats
) -> Floats:
    """G-test over the filled bins and the merged sparse ones; NaN where fewer than two bins are left."""
    rest = np.stack([(side * sparse).sum(axis=1) for side in (tables.baseline, tables.current)])
    rest = rest * (rest.sum(axis=0) * smaller[:, 0] >= SUFFICIENT)
    observed = np.stack(
        [
            np.column_stack([side * filled, merged])
            for side, merged in zip((tables.baseline, tables.current), rest, strict=True)
        ]
    )
    test = g_test_of_tables(np.moveaxis(observed, 0, 1), williams=True)
    return np.where((observed.sum(axis=0) > 0).sum(axis=1) > 1, test.p_value, np.nan)


def _rank_sum(tables: CountTables) -> Floats:
    """Mann-Whitney test with midranks over the ordered bins; NaN where there are not two, or one holds too much."""
    baseline, current = tables.baseline * tables.ordered, tables.current * tables.ordered
    pooled, fewer = baseline + current, np.minimum(baseline.sum(axis=1), current.sum(axis=1))
    suited = (pooled.max(axis=1) <= LARGEST_TIE * pooled.sum(axis=1)) & (fewer >= SUFFICIENT)
    return np.where(suited, mann_whitney_of_counts(baseline, current, continuity=False).p_value, np.nan)


def _rates(tables: CountTables, sparse: NDArray[np.bool_]) -> Floats:
    """The least p-value of the conditional binomial test over the sparse bins, times their number; NaN without any."""
    test = conditional_rate_tests(tables.baseline, tables.n_baseline, tables.current, tables.n_current)
    number = sparse.sum(axis=1)
    least = np.where(sparse, test.p_value, 1.0).min(axis=1)
    return np.where(number > 0, np.minimum(least * number, 1.0), np.nan)
