"""How well randomised trees tell the window from the baseline, with evidence: a fast classifier two-sample test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.extra_trees import fitted_scores
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.threads import one_thread

MOST_TRIED = 32
"""Columns that a split chooses from: with more columns the cost grows no further."""


class DomainTest(NamedTuple):
    """What two halves say of each other.

    `auc`: 0.5 nothing tells the samples apart, 1 everything does. `p_value`: without a difference, of an area at least
    as large. `importances`: each column's share in telling them apart, shape (columns,).
    """

    auc: float
    p_value: float
    importances: Floats


def domain_trees(
    reference: ArrayLike, current: ArrayLike, *, trees: int = 40, seed: int = 0, settled: float = 1.0
) -> DomainTest:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel 2006), fitted on one half and judged on the other, twice.

    `reference`, `current`: numeric rows in random order, shapes (n, columns) and (m, columns); NaN is a value of its
    own; only the order of values counts. A classifier knows nothing of the half that it is judged on, so its scores
    there are exchangeable without a difference (Lopez-Paz and Oquab 2017), and the Mann-Whitney test of them keeps its
    level; twice the mean of the two p-values does whatever their dependence (Rüschendorf 1982). Copies of a row that
    only one side has are in the same half: the classifier would know them again, and take rows that were sent twice for
    others. Rows that both sides have are equal by nature, as those of few categories are, and count one by one.

    `settled`: where the p-value of the first half lies above, it stands alone and the other half is not judged: both
    together would lie above too. Below it twice the mean keeps the level, above it the one p-value does.

    Raises `ValueError` for fewer than ten rows on a side or columns that differ.
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"the rows have shapes {first.shape} and {second.shape}, expected (rows, same columns)")
    if min(first.shape[0], second.shape[0]) < 10:
        raise ValueError("each side needs at least ten rows to fit and judge a classifier")
    rows = _ordered(np.concatenate([first, second]))
    is_current = np.repeat(np.array([0, 1]), [first.shape[0], second.shape[0]])
    half = _halves(rows, is_current)
    found = [_judged(rows, is_current, half == 0, trees, seed)]
    if found[0].p_value <= settled:
        found.append(_judged(rows, is_current, half == 1, trees, seed))
    p_value = found[0].p_value if len(found) == 1 else min(1.0, found[0].p_value + found[1].p_value)
    area = float(np.mean([one.auc for one in found]))
    return DomainTest(area, p_value, np.mean([one.importances for one in found], axis=0))


def _judged(
    rows: Floats, is_current: NDArray[np.int64], fitted: NDArray[np.bool_], trees: int, seed: int
) -> DomainTest:
    """What trees that were fitted on some rows say of the others."""
    with one_thread():
        scores, importances = fitted_scores(
            rows[fitted],
            is_current[fitted],
            rows[~fitted],
            tried=min(rows.shape[1], MOST_TRIED),
            trees=trees,
            seed=seed,
        )
    judge = is_current[~fitted]
    sides = scores[judge == 0], scores[judge == 1]
    test = mann_whitney(*sides)
    area = 1.0 - test.statistic / (sides[0].size * sides[1].size)
    return DomainTest(area, test.p_value / 2.0 if area > 0.5 else 1.0 - test.p_value / 2.0, importances)


def _halves(rows: Floats, is_current: NDArray[np.int64]) -> NDArray[np.int64]:
    """The half that each row is of, 0 or 1: in turn on each side; copies that one side alone has stay together."""
    place = np.concatenate([np.arange(np.count_nonzero(is_current == side)) for side in (0, 1)])
    _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    same = same.ravel()
    share = np.bincount(same, is_current) / np.bincount(same)
    alone = (share == 0) | (share == 1)
    return np.asarray(np.where(alone[same], place[first[same]], place) % 2, np.int64)


def _ordered(rows: Floats) -> Floats:
    """Ranks over both samples, from 0 to 1 in each column; -1 where missing."""
    from scipy.stats import rankdata

    missing = np.isnan(rows)
    ranks = rankdata(np.where(missing, -np.inf, rows), method="dense", axis=0).astype(np.float64)
    return np.where(missing, -1.0, ranks / np.maximum(ranks.max(axis=0), 1.0))
