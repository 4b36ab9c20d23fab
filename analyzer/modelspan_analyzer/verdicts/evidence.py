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
from scipy.special import betainc, chdtrc, ndtr, xlogy

from modelspan_analyzer.statistics.counts import Floats
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
    columns, rows, total = observed.sum(axis=0), observed.sum(axis=2), observed.sum(axis=(0, 2))
    degrees_of_freedom = (columns > 0).sum(axis=1) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[:, :, None] * columns / total[:, None]
        g = 2.0 * np.nansum(xlogy(observed, observed / expected), axis=(0, 2))
        inverse = np.where(columns > 0, 1.0 / columns, 0.0).sum(axis=1)
        spread = (total * (1.0 / rows).sum(axis=0) - 1.0) * (total * inverse - 1.0)
        g = g / (1.0 + spread / (6.0 * total * degrees_of_freedom))
        return np.asarray(np.where(degrees_of_freedom > 0, chdtrc(degrees_of_freedom, np.maximum(g, 0.0)), np.nan))


def _rank_sum(tables: CountTables) -> Floats:
    """Mann-Whitney test with midranks over the ordered bins; NaN where there are not two, or one holds too much."""
    baseline, current = tables.baseline * tables.ordered, tables.current * tables.ordered
    pooled = baseline + current
    total, n_current, n_baseline = pooled.sum(axis=1), current.sum(axis=1), baseline.sum(axis=1)
    midrank = np.cumsum(pooled, axis=1) - (pooled - 1.0) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = (current * midrank).sum(axis=1) - n_current * (total + 1.0) / 2.0
        ties = (pooled**3 - pooled).sum(axis=1) / (total * (total - 1.0))
        z = deviation / np.sqrt(n_current * n_baseline / 12.0 * (total + 1.0 - ties))
        suited = (pooled.max(axis=1) <= LARGEST_TIE * total) & (np.minimum(n_current, n_baseline) >= SUFFICIENT)
        return np.asarray(np.where(suited, 2.0 * ndtr(-np.abs(z)), np.nan))


def _rates(tables: CountTables, sparse: NDArray[np.bool_]) -> Floats:
    """The least p-value of the conditional binomial test over the sparse bins, times their number; NaN without any."""
    share = tables.n_current / (tables.n_baseline + tables.n_current)
    with np.errstate(invalid="ignore"):
        at_least = np.where(tables.current > 0, betainc(tables.current, tables.baseline + 1.0, share), 1.0)
        at_most = np.where(tables.baseline > 0, 1.0 - betainc(tables.current + 1.0, tables.baseline, share), 1.0)
    p_values = np.where(sparse, 2.0 * np.minimum(at_least, at_most), 2.0).min(axis=1)
    number = sparse.sum(axis=1)
    return np.where(number > 0, np.minimum(p_values * number, 1.0), np.nan)
