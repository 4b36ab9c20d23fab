"""Single rows that lie outside the baseline: by robust distance, and by isolation forest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.embeddings import bounded_sample
from modelspan_analyzer.statistics.robust_deviation import robust_deviation
from modelspan_analyzer.statistics.special import chdtri

MOST_ROWS = 20_000
FAR = 3.0
"""Times the farthest baseline row's distance from the median, in any column, that is beyond what chance reaches."""


class Outliers(NamedTuple):
    """Scores of rows, shape (n,), larger is farther out, and which of them exceed the cutoff."""

    scores: Floats
    outlying: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Outlying rows over all."""
        return float(self.outlying.mean())


@dataclass(frozen=True, slots=True)
class OutlierModel:
    """What a baseline says is usual. `score` takes filled rows, shape (n, columns); `centre` fills what is missing."""

    score: Callable[[Floats], Floats]
    centre: Floats
    cutoff: float

    def find(self, rows: ArrayLike) -> Outliers:
        """Score rows, shape (n, columns); NaN counts as the median. Raises `ValueError` for other columns."""
        array = _rows(rows)
        if array.shape[1] != self.centre.size:
            raise ValueError(f"the rows have {array.shape[1]} columns, the baseline has {self.centre.size}")
        scores = self.score(np.where(np.isnan(array), self.centre, array))
        return Outliers(scores, scores > self.cutoff)


def fit_robust_distance(baseline: ArrayLike, *, share: float = 0.001, seed: int = 0) -> OutlierModel:
    """Mahalanobis distance from a centre and covariance that outliers in the baseline do not move.

    Minimum covariance determinant (Rousseeuw and Van Driessen 1999) over at most 20,000 drawn rows of shape
    (n, columns), columns first scaled by median and median deviation. The cutoff is the larger of the normal one
    (square root of the chi-squared quantile) and the baseline's own: about `share` of usual rows exceed it even where
    tails are heavy. Raises `ValueError` for fewer than two rows a column.

    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> fit_robust_distance(rows).find([[0.0, 0.0], [6.0, -6.0]]).outlying.tolist()
    [False, True]
    """
    from sklearn.covariance import MinCovDet

    rows, centre = _filled(baseline, seed)
    if rows.shape[0] < 2 * rows.shape[1] + 2:
        raise ValueError(f"{rows.shape[0]} baseline rows are too few for a covariance of {rows.shape[1]} columns")
    spread = robust_deviation(rows, centre)
    scale = np.where(spread > 0, spread, 1.0)  # of a constant column
    scaled = (rows - centre) / scale
    # A jitter of a thousandth of the spread keeps columns that never vary, or repeat others, from making it singular.
    jitter = np.random.default_rng(seed).normal(scale=1e-3, size=scaled.shape)
    fitted = MinCovDet(random_state=seed).fit(scaled + jitter)
    location, precision = np.asarray(fitted.location_), np.asarray(fitted.precision_)

    def score(given: Floats) -> Floats:
        away = (given - centre) / scale - location
        squared = np.einsum("ij,jk,ik->i", away, precision, away)
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)), dtype=np.float64)

    normal = float(np.sqrt(chdtri(rows.shape[1], share)))
    return OutlierModel(score, centre, max(normal, float(np.quantile(score(rows), 1.0 - share))))


def fit_isolation_forest(baseline: ArrayLike, *, share: float = 0.001, seed: int = 0) -> OutlierModel:
    """Isolation forest (Liu, Ting and Zhou 2008): how few random cuts set a row apart; scores in 0 to 1.

    Needs no scaling and sees outliers between clusters; fitted on at most 20,000 drawn rows of shape (n, columns). The
    cutoff is exceeded by about `share` of the baseline's rows. Cuts lie within what was fitted on, so to a forest 2,000
    times the largest value is as the largest value: a column `FAR` times farther out than ever sets a row
    apart by itself. Raises `ValueError` for an empty baseline.

    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> fit_isolation_forest(rows).find([[0.0, 0.0], [20.0, 0.0]]).outlying.tolist()
    [False, True]
    """
    from sklearn.ensemble import IsolationForest

    rows, centre = _filled(baseline, seed)
    depth = _depths(IsolationForest(random_state=seed).fit(rows))
    reach = np.abs(rows - centre).max(axis=0)

    def score(given: Floats) -> Floats:
        own = depth(given)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(reach > 0, np.abs(given - centre) / reach, 0.0).max(axis=1)
        return np.where(away > FAR, 1.0 + away, own)

    return OutlierModel(score, centre, float(np.quantile(score(rows), 1.0 - share)))


def _depths(forest: Any) -> Callable[[Floats], Floats]:
    """A fitted forest's `-score_samples`, to the last bit, without what it sets up anew for each of its trees."""
    try:
        lengths = zip(forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True)
        paths = [depth + rest - 1.0 for depth, rest in lengths]
        usual = _average_path(forest.max_samples_)
    except AttributeError:  # a release that keeps them otherwise
        return lambda given: np.asarray(-forest.score_samples(given), dtype=np.float64)
    trees = [tree.tree_ for tree in forest.estimators_]

    def score(given: Floats) -> Floats:
        rows, depths = given.astype(np.float32), np.zeros(given.shape[0])
        for tree, path in zip(trees, paths, strict=True):
            depths += path[tree.apply(rows)]
        return np.asarray(2.0 ** -(depths / (len(trees) * usual) if usual else np.ones_like(depths)))

    return score


def _average_path(rows: int) -> float:
    """Cuts that set one of so many rows apart on average: what scores are in units of (Liu, Ting and Zhou 2008)."""
    if rows <= 2:
        return float(max(rows - 1, 0))
    return float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)


def _filled(baseline: ArrayLike, seed: int) -> tuple[Floats, Floats]:
    """A bounded sample with medians in place of NaN, and the medians; an all-NaN column is 0."""
    rows = bounded_sample(_rows(baseline), MOST_ROWS, seed)
    known = ~np.isnan(rows)
    centre = np.array(
        [
            np.median(column[is_known]) if is_known.any() else 0.0
            for column, is_known in zip(rows.T, known.T, strict=True)
        ]
    )
    return np.where(known, rows, centre), centre


def _rows(rows: ArrayLike) -> Floats:
    array = np.asarray(rows, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"the rows have shape {array.shape}, expected (rows, columns) with at least one of each")
    return array
