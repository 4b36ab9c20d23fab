"""Measures of ranked lists of items, such as recommendations, from flat arrays: a line for each item of a list.

`lists` says which list an item is of (0 to `count - 1`, ascending), `rank` its place from 1 on, `gain` how relevant it
is (0 where it is not). What was relevant is given apart, as it may not have been recommended: `true_lists`,
`true_gain`. Each measure gives a value for each list, NaN where nothing was relevant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios

IntArray = npt.NDArray[np.int64]
MEASURES: Final = (
    *("ndcg", "mean_average_precision", "mean_reciprocal_rank", "hit_rate"),
    *("catalogue_coverage", "inter_list_diversity", "exposure_gini", "novelty", "mean_popularity"),
)
"""As results name them, beside `precision_at_10` and `recall_at_10`, which hold the cut-off."""


@dataclass(frozen=True)
class Lists:
    """Lists cut at `k`, with what was relevant."""

    count: int
    lists: IntArray
    rank: IntArray
    gain: FloatArray
    true_lists: IntArray
    true_gain: FloatArray
    k: int

    @cached_property
    def relevant(self) -> FloatArray:
        """How many items were relevant to each list."""
        return np.bincount(self.true_lists[self.true_gain > 0], minlength=self.count).astype(float)

    @cached_property
    def hit(self) -> npt.NDArray[np.bool_]:
        """Which items of the first `k` were relevant."""
        return np.asarray((self.gain > 0) & (self.rank <= self.k))

    def summed(self, values: FloatArray) -> FloatArray:
        """Sums over the items of each list."""
        return np.bincount(self.lists, values, self.count).astype(float)

    def defined(self, values: FloatArray) -> FloatArray:
        """Values of the lists to which anything was relevant."""
        return np.where(self.relevant > 0, values, np.nan)


def ndcg(lists: Lists) -> FloatArray:
    """Discounted gain of the first `k` over that of the best list there could be (Järvelin and Kekäläinen 2002).

    The gain is the relevance, discounted by `1 / log2(rank + 1)`; the best list has all that was relevant, recommended
    or not.
    """
    gained = np.where(lists.rank <= lists.k, lists.gain, 0.0) / np.log2(lists.rank + 1.0)
    order = np.lexsort((-lists.true_gain, lists.true_lists))
    owner, gain = lists.true_lists[order], lists.true_gain[order]
    begins = np.searchsorted(owner, np.arange(lists.count))
    place = np.arange(owner.size) - begins[owner] + 1
    ideal = np.where(place <= lists.k, gain, 0.0) / np.log2(place + 1.0)
    return lists.defined(ratios(lists.summed(gained), np.bincount(owner, ideal, lists.count)))


def precision(lists: Lists) -> FloatArray:
    """Share of the first `k` places that a relevant item has; a shorter list has places without one."""
    return lists.defined(lists.summed(lists.hit.astype(float)) / lists.k)


def recall(lists: Lists) -> FloatArray:
    """Share of what was relevant that is among the first `k`."""
    return lists.defined(ratios(lists.summed(lists.hit.astype(float)), lists.relevant))


def average_precision(lists: Lists) -> FloatArray:
    """Precision at each relevant item of the first `k`, over `k`, or how many were relevant if fewer (MAP at k).

    A perfect list has 1. trec_eval's `map_cut` divides by all that were relevant, also where no list of `k` holds them.
    """
    order = np.lexsort((lists.rank, lists.lists))
    owner, hit, rank = lists.lists[order], lists.hit[order], lists.rank[order]
    running = np.cumsum(hit)
    begins = np.searchsorted(owner, np.arange(lists.count))
    before = np.append(0, running)[begins[owner]]
    parts = np.where(hit, (running - before) / rank, 0.0)
    return lists.defined(ratios(np.bincount(owner, parts, lists.count), np.minimum(lists.relevant, lists.k)))


def reciprocal_rank(lists: Lists) -> FloatArray:
    """`1 / rank` of the first relevant item of the first `k`, 0 where there is none (its mean is MRR)."""
    best = np.zeros(lists.count)
    np.maximum.at(best, lists.lists, np.where(lists.hit, 1.0 / lists.rank, 0.0))
    return lists.defined(best)


def hit_rate(lists: Lists) -> FloatArray:
    """1 where a relevant item is among the first `k`, else 0."""
    return lists.defined((lists.summed(lists.hit.astype(float)) > 0).astype(float))


# --- what lists are like, whatever was relevant -----------------------------------------------------------


def catalogue_coverage(item: IntArray, catalogue: int) -> float:
    """Share of the items of a catalogue that any list shows.

    >>> catalogue_coverage(np.array([0, 1, 0, 1]), 4)
    0.5
    """
    return float(np.unique(item).size / catalogue) if catalogue else float("nan")


def inter_list_diversity(item: IntArray, length: IntArray) -> float:
    """How much lists differ: 1 less the mean overlap of two of them, as a share of the mean length.

    An item that `c` of `n` lists show is in `c (c - 1)` ordered pairs, so no pair is looked at. Lists that are all the
    same have 0, those that share nothing 1 (after Zhou et al., "Solving the apparent diversity-accuracy dilemma of
    recommender systems", 2010).

    >>> inter_list_diversity(np.array([0, 1, 0, 2]), np.array([2, 2]))
    0.5
    """
    n = int(length.size)
    if n < 2 or not length.sum():
        return float("nan")
    shown = np.unique(item, return_counts=True)[1].astype(float)
    return float(1 - (shown * (shown - 1)).sum() / (n * (n - 1)) / length.mean())


def exposure_gini(item: IntArray, catalogue: int) -> float:
    """Gini coefficient of how often items of the catalogue are shown: 0 where all are alike, near 1 where few are all.

    >>> exposure_gini(np.array([0, 1, 2, 3]), 4), exposure_gini(np.array([0, 0, 0, 0]), 4)
    (0.0, 0.75)
    """
    if not item.size or not catalogue:
        return float("nan")
    shown = np.sort(np.unique(item, return_counts=True)[1]).astype(float)
    place = np.arange(catalogue - shown.size + 1, catalogue + 1)
    return float((2 * (place * shown).sum() / shown.sum() - catalogue - 1) / catalogue)


def novelty(lists: IntArray, popularity: FloatArray, count: int) -> FloatArray:
    """Mean information `-log2(popularity)` of each list's items, in bits; NaN of an empty list.

    The popularity of an item is the share of lists to which it is known (above 0), after Zhou et al. (2010).
    """
    return _means(lists, -np.log2(popularity), count)


def mean_popularity(lists: IntArray, popularity: FloatArray, count: int) -> FloatArray:
    """Mean popularity of each list's items (Abdollahpouri et al., "Managing popularity bias", 2019); NaN of none."""
    return _means(lists, popularity, count)


def _means(lists: IntArray, values: FloatArray, count: int) -> FloatArray:
    return ratios(np.bincount(lists, values, count), np.bincount(lists, minlength=count))
