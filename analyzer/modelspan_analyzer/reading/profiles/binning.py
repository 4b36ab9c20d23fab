"""Bins pinned on the baseline: chosen once from its distribution, and the same for every window that is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Column, Floats, Kind, Support, Texts

BINS = 10
"""Quantile bins of a numeric column."""
CATEGORIES = 30
"""Bins of a categorical column: its most frequent categories; the others, and unseen ones, share one more."""
_SURELY = 4.0
"""Standard deviations that a count has to be above the least one that a list of frequent categories still names."""


@dataclass(frozen=True, slots=True)
class Bins:
    """How the values of one column are counted; the last two bins are values of another kind, and missing ones."""

    kind: Kind
    edges: Floats
    """Numeric: inner edges; bin i holds edge[i-1] < value <= edge[i], the outer bins are open."""
    categories: tuple[str, ...]
    """Categorical: one bin each, then one for all others."""

    @property
    def labels(self) -> list[str]:
        """What each bin holds, for people."""
        numeric = self.kind is Kind.NUMERIC
        inner = _intervals(self.edges.tobytes()) if numeric else (*self.categories, "(other)")
        return [*inner, "(text or infinite)" if numeric else "(number)", "(missing)"]


@lru_cache(4096)
def _intervals(edges_as_bytes: bytes) -> tuple[str, ...]:
    """Intervals in as many digits as tell them apart; of a single value that value, and up to such a one without it.

    A baseline's edges are the same in every window, so they are spelt once.
    """
    edges = np.frombuffer(edges_as_bytes)
    holds = {float(high) for low, high in pairwise(edges) if np.nextafter(low, np.inf) == high}
    alone = {
        float(low): float(high) for low, high in pairwise(edges) if float(high) in holds and float(low) not in holds
    }
    values = [alone.get(float(edge), float(edge)) for edge in edges]
    digits = next((n for n in (6, 9, 12) if len({f"{one:.{n}g}" for one in values}) == len(set(values))), 17)
    shown = ["-inf", *(f"{one:.{digits}g}" for one in values), "inf"]
    single = [False, *(float(edge) in alone for edge in edges), False]
    return tuple(
        high if single[place] else f"({low}, {high}{')' if single[place + 1] else ']'}"
        for place, (low, high) in enumerate(pairwise(shown))
    )


def pin_bins(column: Column, support: Support | None) -> Bins:
    """The bins of a baseline's column: quantiles, or one a value where it has few different values, or categories."""
    if column.kind is Kind.CATEGORICAL and column.texts is not None:
        frequent = sorted(column.texts.counts, key=lambda name: (-column.texts.counts[name], name))  # type: ignore[union-attr]
        return Bins(Kind.CATEGORICAL, np.empty(0), tuple(frequent[:CATEGORIES]))
    edges = numeric_edges(support) if support is not None and support.values.size else np.empty(0)
    return Bins(Kind.NUMERIC, edges, ())


def numeric_edges(support: Support, bins: int = BINS) -> Floats:
    """Inner edges of about `bins` bins, ascending and different, shape (≤ 2 · bins,).

    Few different values: each has a bin of its own, and so has what lies between and beyond them, so that a constant
    baseline tells any other value. Else quantiles.
    """
    different = _few_different(support.values, bins)
    if different is not None:
        with np.errstate(over="ignore"):  # below the least number there is, only minus infinity lies
            return np.unique(np.concatenate([np.nextafter(different, -np.inf), different]))
    levels = np.arange(1, bins) / bins
    if support.weights is None:
        places = np.ceil(levels * support.values.size).astype(np.int64) - 1
    else:
        cumulated = np.cumsum(support.weights)
        places = np.searchsorted(cumulated, levels * cumulated[-1], side="left")
    edges = np.unique(support.values[places])
    return np.asarray(edges[edges < support.values[-1]], np.float64)


def _few_different(values: Floats, most: int) -> Floats | None:
    """The different values of an ascending array where they are few; a glance at many of them mostly tells."""
    if np.unique(values[:: max(1, values.size // 1000)]).size > most:
        return None
    different = values[np.append(True, values[1:] != values[:-1])]
    return different if different.size <= most else None


def count(bins: Bins, column: Column | None, support: Support | None) -> Floats:
    """The weight of a column's values in each bin, shape (len(bins.labels),).

    A column that is not there at all counts as nothing in any bin.
    """
    if column is None:
        return np.zeros(len(bins.labels))
    numeric = column.numbers.count if column.numbers else 0.0
    texts: Mapping[str, float] = column.texts.counts if column.texts else {}
    if bins.kind is Kind.CATEGORICAL:
        return _with_the_rest(np.array([texts.get(name, 0.0) for name in bins.categories]), column)
    text = column.texts.count if column.texts else 0.0
    nan, infinite = (column.numbers.nan, column.numbers.infinite) if column.numbers else (0.0, 0.0)
    finite = _numeric_counts(bins.edges, support, numeric - nan - infinite)
    return np.concatenate([finite, [text + infinite, column.null + nan]])


def chosen_together(bins: Bins, reference: Column, current: Column) -> tuple[Floats, Floats] | None:
    """The counts of both sides in categories that are the most frequent of both together, shape (≤ 33,) each.

    The most frequent of many categories of one side are partly so by chance, and rarer on any other side: tested in
    bins that were chosen so, a column of a thousand equal categories drifts in every window. Chosen by both sides
    together, each row counts the same whichever side it is of, so a test keeps its level. None where the baseline's
    bins hold all of its categories, as nothing was chosen then. Where a side's list ends before its categories do, as
    that of a sketch, a count near its end is anything from 0 to there: what is nearest to no change is taken.
    """
    if bins.kind is not Kind.CATEGORICAL or reference.texts is None or current.texts is None:
        return None
    sides = reference.texts, current.texts
    if len(sides[0].counts) <= CATEGORIES and not _ends(sides[0]):
        return None
    found = _told(*sides)
    frequent = sorted(found, key=lambda name: (-sum(found[name]), name))[:CATEGORIES]
    counts = np.array([found[name] for name in frequent]).reshape(-1, 2)
    return _with_the_rest(counts[:, 0], reference), _with_the_rest(counts[:, 1], current)


def _told(*sides: Texts) -> dict[str, tuple[float, float]]:
    """The counts on both sides of the categories of which at least one side surely tells how frequent it is."""
    ends, totals = [_ends(side) for side in sides], [max(side.count, 1e-300) for side in sides]
    found: dict[str, tuple[float, float]] = {}
    for name in {**sides[0].counts, **sides[1].counts}:
        one, other = (side.counts.get(name, 0.0) for side in sides)
        known = one > ends[0], other > ends[1]
        if not known[0]:
            one = min(ends[0], other / totals[1] * totals[0])
        elif not known[1]:
            other = min(ends[1], one / totals[0] * totals[1])
        if any(known):
            found[name] = one, other
    return found


def _with_the_rest(known: Floats, column: Column) -> Floats:
    """Counts of categories, then of all others, of numbers and of missing values."""
    text = column.texts.count if column.texts else 0.0
    numeric = column.numbers.count if column.numbers else 0.0
    return np.concatenate([known, [max(0.0, text - known.sum()), numeric, column.null]])


def _ends(texts: Texts) -> float:
    """The count up to which a list of frequent categories does not surely tell a count; 0 of one that has all."""
    if texts.other <= 1e-9 * texts.count or not texts.counts:
        return 0.0
    least = min(texts.counts.values())
    return least + _SURELY * float(np.sqrt(max(least, 1.0)))


def _numeric_counts(edges: Floats, support: Support | None, total: float) -> Floats:
    if support is None or support.values.size == 0:
        return np.zeros(edges.size + 1)
    ends = np.searchsorted(support.values, edges, side="right")
    if support.weights is None:
        below = ends / support.values.size
    else:
        cumulated = np.concatenate([[0.0], np.cumsum(support.weights)])
        below = cumulated[ends] / cumulated[-1]  # whose rounding is that of the other sums: no share is below 0
    shares = np.diff(np.concatenate([[0.0], below, [1.0]]))
    return np.asarray(shares * total, np.float64)
