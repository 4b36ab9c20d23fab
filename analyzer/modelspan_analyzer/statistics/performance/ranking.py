"""Ranking measures from flat arrays: which list (query) a row belongs to, its score, and its relevance.

All take `query` (integers), `score` and `relevance` (0 and up) of one shape `(n,)` and the cut-off `k`, and give the
value of each list, in ascending order of the query, so that a reader can average them and see their spread.
The example of NDCG is that of Wikipedia's "Discounted cumulative gain", over its six documents alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios

IntArray = npt.NDArray[np.int64]
Measure = Callable[[IntArray, FloatArray, FloatArray, int], FloatArray]


def ndcg(query: IntArray, score: FloatArray, relevance: FloatArray, k: int = 10) -> FloatArray:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), discounted by `1 / log2(rank + 1)`.

    Rows of equal score share their mean gain. NaN for a list without relevant rows.

    >>> query, score = np.zeros(6, np.int64), np.arange(6.0, 0.0, -1.0)
    >>> round(float(ndcg(query, score, np.array([3.0, 2, 3, 0, 1, 2]))[0]), 3)
    0.961
    """
    order = np.lexsort((-score, query))
    ties = np.unique(np.stack([query[order].astype(float), score[order]]), axis=1, return_inverse=True)[1].ravel()
    shared = (np.bincount(ties, relevance[order]) / np.bincount(ties))[ties]
    gained = _discounted(query[order], shared, k)
    best = np.lexsort((-relevance, query))
    return ratios(gained, _discounted(query[best], relevance[best], k))


def average_precision(query: IntArray, score: FloatArray, relevance: FloatArray, k: int = 10) -> FloatArray:
    """Mean of the precision at each relevant row of the first `k` (over lists: MAP at k); ties go against us.

    Divided by `k` where more were relevant, so that a perfect order has 1; trec_eval's `map_cut` divides by all.

    >>> query, score = np.zeros(6, np.int64), np.arange(6.0, 0.0, -1.0)
    >>> round(float(average_precision(query, score, np.array([1.0, 0, 1, 0, 0, 0]))[0]), 4)
    0.8333
    """
    ordered, hit, rank = _ranked(query, score, relevance)
    inside = hit & (rank <= k)
    starts = _starts(ordered)
    running = np.cumsum(inside)
    before = np.repeat(np.append(0, running)[starts], np.diff(np.append(starts, ordered.size)))
    summed = np.add.reduceat(np.where(inside, (running - before) / rank, 0.0), starts)
    return ratios(summed, np.minimum(np.add.reduceat(hit.astype(float), starts), k))


def reciprocal_rank(query: IntArray, score: FloatArray, relevance: FloatArray, k: int = 10) -> FloatArray:
    """`1 / rank` of the first relevant row, 0 where none is among the first `k` (its mean over lists is MRR).

    >>> query, score = np.zeros(6, np.int64), np.arange(6.0, 0.0, -1.0)
    >>> float(reciprocal_rank(query, score, np.array([0.0, 1, 1, 0, 0, 0]))[0])
    0.5
    """
    ordered, hit, rank = _ranked(query, score, relevance)
    return np.asarray(np.maximum.reduceat(np.where(hit & (rank <= k), 1 / rank, 0.0), _starts(ordered)), float)


def hit_rate(query: IntArray, score: FloatArray, relevance: FloatArray, k: int = 10) -> FloatArray:
    """1 where a relevant row is among the first `k`, else 0.

    >>> query, score = np.zeros(6, np.int64), np.arange(6.0, 0.0, -1.0)
    >>> [float(hit_rate(query, score, np.array([0.0, 0, 1, 0, 0, 0]), k)[0]) for k in (2, 3)]
    [0.0, 1.0]
    """
    return np.asarray(reciprocal_rank(query, score, relevance, k) > 0, float)


def by_chance(measure: Measure, query: IntArray, relevance: FloatArray, k: int = 10) -> float:
    """What rows in random order reach on average, which is all that a constant score can do.

    One to twenty draws, fewer the more rows there are, always the same ones; lists that do not define it are left out.
    """
    generator = np.random.default_rng(0)
    draws = int(np.clip(200_000 // max(1, query.size), 1, 20))
    values = np.concatenate([measure(query, generator.random(query.size), relevance, k) for _ in range(draws)])
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _ranked(
    query: IntArray, score: FloatArray, relevance: FloatArray
) -> tuple[IntArray, npt.NDArray[np.bool_], IntArray]:
    order = np.lexsort((relevance, -score, query))
    return query[order], relevance[order] > 0, _ranks(query[order])


def _starts(ordered: IntArray) -> IntArray:
    return np.asarray(np.unique(ordered, return_index=True)[1], np.int64)


def _ranks(ordered: IntArray) -> IntArray:
    starts = _starts(ordered)
    lengths = np.diff(np.append(starts, ordered.size))
    return np.arange(ordered.size) - np.repeat(starts, lengths) + 1


def _discounted(ordered: IntArray, gain: FloatArray, k: int) -> FloatArray:
    rank = _ranks(ordered)
    return np.asarray(np.add.reduceat(np.where(rank <= k, gain / np.log2(rank + 1), 0.0), _starts(ordered)), float)


RANKED: Final[Mapping[str, Measure]] = {
    "ndcg": ndcg,
    "mean_average_precision": average_precision,
    "mean_reciprocal_rank": reciprocal_rank,
    "hit_rate": hit_rate,
}
"""By the names of their results."""
