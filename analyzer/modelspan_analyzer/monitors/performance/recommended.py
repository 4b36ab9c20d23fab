"""The measures of ranked lists: how much of what was relevant they show, and what they show at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer.monitors.performance.common_classes import UNKNOWN
from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.monitors.performance.rows_of import mean_of
from modelspan_analyzer.reading.outcomes import several as reading
from modelspan_analyzer.reading.outcomes.several import Several
from modelspan_analyzer.reading.outcomes.target import MASK
from modelspan_analyzer.statistics.performance import ranked_lists
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.ranked_lists import Lists

_OF_RELEVANT: Final = {
    "ndcg": ranked_lists.ndcg,
    "mean_average_precision": ranked_lists.average_precision,
    "mean_reciprocal_rank": ranked_lists.reciprocal_rank,
    "hit_rate": ranked_lists.hit_rate,
    "precision_at_{k}": ranked_lists.precision,
    "recall_at_{k}": ranked_lists.recall,
}
_NAN: Final = float("nan")
Popularity = Mapping[str, float]
"""Share of the lists to which an item is known, by item."""


def popularity(known: Mapping[str, Several]) -> Popularity:
    """How many of some rows' lists each item was relevant to; where no row says, how many showed it."""
    counts: dict[str, float] = {}
    rows = sum(one.rows for one in known.values())
    labelled = any(one.known.any() for one in known.values())
    for one in known.values():
        row, text, *_ = reading.texts(one.truth if labelled else one.answer)
        names, item = np.unique(text.astype(str), return_inverse=True)
        pairs = np.unique(row * max(1, names.size) + item)  # an item counts once a list
        shown = np.bincount(pairs % max(1, names.size), minlength=names.size)
        for name, count in zip(names.tolist(), shown.tolist(), strict=True):
            counts[name] = counts.get(name, 0.0) + count
    if labelled:
        rows = sum(int(each.known.sum()) for each in known.values())
    return {name: count / max(rows, 1) for name, count in counts.items()}


def lists_of(several: Several, k: int) -> tuple[Lists, list[str]]:
    """The lists of rows, and the names of their items; of an item that a list has twice the first counts."""
    row, text, place, _ = reading.texts(several.answer)
    order = np.lexsort((place, row))
    row, text = row[order], text[order]
    true_row, true_text, _, gain = reading.texts(several.truth, above=np.nextafter(0, 1))
    names, codes = np.unique(np.concatenate([text, true_text]).astype(str), return_inverse=True)
    item, true_item = codes[: row.size], codes[row.size :]
    first = np.sort(np.unique(row * len(names) + item, return_index=True)[1])
    row, item = row[first], item[first]
    begins = np.searchsorted(row, np.arange(several.rows))
    rank = np.arange(row.size) - begins[row] + 1
    known = several.known[true_row]
    true_row, true_item, gain = true_row[known], true_item[known], gain[known]
    pair, at = np.unique(true_row * len(names) + true_item, return_index=True)
    true_row, gain = true_row[at], gain[at]
    found = np.searchsorted(pair, row * len(names) + item)
    here = (found < pair.size) & (np.append(pair, -1)[np.minimum(found, pair.size)] == row * len(names) + item)
    relevance = np.where(here, np.append(gain, 0.0)[np.where(here, found, pair.size)], 0.0)
    order = np.argsort(true_row, kind="stable")
    return Lists(several.rows, row, rank, relevance, true_row[order], gain[order], k), names[item].tolist()


def apart(every: Sequence[Several]) -> str:
    """That no item which was relevant to any list was ever shown by one, which is said of ids of two kinds; '' else.

    Lists that hold nothing, and labels by which nothing was relevant, are no ids.
    """
    shown = {name for one in every for name in reading.texts(one.answer)[1].tolist()}
    relevant = {name for one in every for name in reading.texts(one.truth, above=np.nextafter(0, 1))[1].tolist()}
    if MASK in shown & relevant:
        return f"ids of items are masked ({MASK}): none can be told from another"
    if not shown or not relevant or shown & relevant:
        return ""
    few = [", ".join(sorted(names)[:3])[:60] for names in (shown, relevant)]
    return f"no item that is relevant by a label was ever shown: lists hold {few[0]}, …, and labels name {few[1]}, …"


def measures(several: Several, k: int, popular: Popularity, apart: str = "") -> list[Measured]:
    """Every measure of the lists of some rows; those of relevance cannot be told where ids are `apart`."""
    lists, names = lists_of(several, k)
    labelled = reading.only(several, several.known)  # of others nothing is left out: they are not labelled yet
    asked, found = lists_of(labelled, k)[0], []
    for name, measure in _OF_RELEVANT.items() if labelled.rows else ():
        one = mean_of(labelled, name.format(k=k), measure(asked), _NAN, True, {"k": k})
        found.append(replace(one, estimate=UNKNOWN, fault=apart) if apart and one.rows else one)
    return [*found, *(_of_shown(several, lists, np.asarray(names, object), popular) if lists.lists.size else ())]


def _of_shown(several: Several, lists: Lists, names: np.ndarray, popular: Popularity) -> list[Measured]:
    """What the first `k` of lists are like, whatever was relevant."""
    top = lists.rank <= lists.k
    shown, item = np.unique(names[top].astype(str), return_inverse=True)
    catalogue = len({*shown.tolist(), *popular})
    length = np.bincount(lists.lists[top], minlength=several.rows)
    details = {"k": lists.k, "catalogue": catalogue}
    alone = {
        "catalogue_coverage": (ranked_lists.catalogue_coverage(item, catalogue), True),
        "inter_list_diversity": (ranked_lists.inter_list_diversity(item, length), True),
        "exposure_gini": (ranked_lists.exposure_gini(item, catalogue), False),
    }
    found = [
        Measured(name, Estimate(value, _NAN, _NAN), _NAN, higher, several.rows, details)
        for name, (value, higher) in alone.items()
    ]
    least = min(popular.values(), default=1.0)
    share = np.array([popular.get(name, least) for name in names[top].tolist()])
    unknown = {**details, "unknown_items": len(set(shown.tolist()) - set(popular))}
    novelty = ranked_lists.novelty(lists.lists[top], share, several.rows)
    bias = ranked_lists.mean_popularity(lists.lists[top], share, several.rows)
    return [
        *found,
        mean_of(several, "novelty", novelty, _NAN, True, unknown),
        mean_of(several, "mean_popularity", bias, _NAN, False, unknown),
    ]
