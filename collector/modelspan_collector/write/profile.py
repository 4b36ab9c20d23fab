"""Sketches of columns: for every column and group of rows what `feature_profiles` keeps, without a loop over values.

A group is a run of rows that lie one behind the other: those of one hour, and of one class of weights. The numbers are
those that the store's views make of rows (schema/025_feature_profile_views.sql).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_collector.store.sketches import KEPT
from modelspan_collector.write.native import Flags

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

CELLS_AT_ONCE: Final = 1 << 16
"""Values that are sketched at one time: they and what is made of them stay in a core's cache, and memory is used again
instead of asked for, which would cost more than the sums.
"""
_FEW_GROUPS: Final = 64
"""Groups of rows whose flags are counted one by one; of more, each call would count too few."""
SUMS: Final = ("weight", "nans", "infinite", "zero", "negative", "minimum", "maximum", "total", "squares")
"""What a sketch has of each column and group beside its rows."""


class Ragged(NamedTuple):
    """Values of many sketches, one behind the other."""

    values: npt.NDArray[Any]
    lengths: Counts


class Sketch(NamedTuple):
    """Sketches of columns of one kind, one for each column and group that has rows, in their order."""

    column: Counts
    """Which column each is of."""
    group: Counts
    """Which group of rows each is of."""
    rows: Counts
    sums: dict[str, Floats]
    """Of `SUMS` those that the kind has."""
    points: Ragged | None = None
    """Values at equal steps of rank: each stands for an equal share of the weight of what is finite."""
    point_weight: Floats | None = None
    different: Ragged | None = None
    """Of numbers: each different value. Of texts: its place in their dictionary."""
    counts: Counts | None = None
    """Of texts: how many rows have each different value."""


class Groups(NamedTuple):
    """Rows that lie one behind the other, by where each group begins."""

    starts: Counts
    rows: int

    def sums(self, cells: Floats) -> Floats:
        """Cells of shape (columns, rows) added up to (columns, groups)."""
        return np.add.reduceat(cells, self.starts, axis=1)

    def counts(self, flags: Flags) -> Counts:
        """How many of the flags, of shape (columns, rows), are set: of shape (columns, groups)."""
        if self.starts.size > _FEW_GROUPS:
            return np.add.reduceat(flags, self.starts, axis=1, dtype=np.int64)
        found = [[np.count_nonzero(row[part]) for part in self.slices()] for row in flags]
        return np.array(found, np.int64).reshape(len(flags), self.starts.size)

    def slices(self) -> list[slice]:
        """The rows of each group."""
        return list(map(slice, self.starts, [*self.starts[1:], self.rows]))


def numbers(values: Floats, present: Flags | None, groups: Groups, weights: Floats | None) -> Iterator[Sketch]:
    """Sketches of columns of numbers.

    Args:
        values: of shape (columns, rows).
        present: which values are there, of the same shape; None where all are. One that is not is NaN.
        groups: the groups of rows.
        weights: how many predictions each row stands for; None where each is one.
    """
    step = max(1, CELLS_AT_ONCE // max(1, groups.rows))
    for first in range(0, len(values), step):
        part = slice(first, first + step)
        yield _numbers(values[part], None if present is None else present[part], groups, weights, first)


def _numbers(values: Floats, present: Flags | None, groups: Groups, weights: Floats | None, first: int) -> Sketch:
    def weighed(cells: Flags) -> Floats:
        return _weighed(cells, groups, weights)

    there = np.ones(values.shape, np.bool_) if present is None else present
    finite = np.isfinite(values)
    whole = bool(finite.all())
    unknown = ~there if whole else np.isnan(values)
    known = values if whole else np.where(finite, values, 0.0)
    rows = groups.counts(there)
    ordered = _ordered(values, groups)
    count, lowest = (rows, np.zeros_like(rows)) if whole else (groups.counts(finite), groups.counts(values == -np.inf))
    least = np.arange(len(ordered))[:, None] * groups.rows + groups.starts + lowest
    with np.errstate(over="ignore", invalid="ignore"):  # squares and weighed values of what is finite may not be
        heavy = known if weights is None else np.where(finite, known * weights, 0.0)
        sums = {
            "weight": weighed(there),
            "nans": weighed(there & unknown),
            "infinite": weighed(there & ~finite & ~unknown),
            "zero": weighed(values == 0),
            "negative": weighed(values < 0),
            "minimum": np.where(count > 0, ordered.take(least, mode="clip"), np.inf),
            "maximum": np.where(count > 0, ordered.take(least + count - 1, mode="clip"), -np.inf),
            "total": groups.sums(heavy),
            "squares": groups.sums(heavy * known),
        }
    points = _points(ordered, least.ravel(), count.ravel())
    share = weighed(finite) / np.maximum(points.lengths.reshape(rows.shape), 1)
    different = _different(ordered, groups, sums["nans"] > 0)
    column, group = np.nonzero(rows)
    chosen = rows.ravel() > 0  # what has no row has no points, and no value
    return Sketch(
        column + first,
        group,
        rows.ravel()[chosen],
        {name: told.ravel()[chosen] for name, told in sums.items()},
        Ragged(points.values, points.lengths[chosen]),
        share.ravel()[chosen],
        Ragged(different.values, different.lengths[chosen]),
    )


def _ordered(values: Floats, groups: Groups) -> Floats:
    """The values of each column and group in order, NaN last; of the two zeros, which are one value, there is one."""
    ordered = values + 0.0
    for part in groups.slices():
        ordered[:, part].sort(axis=1)
    return ordered


def _points(ordered: Floats, begins: Counts, count: Counts) -> Ragged:
    """Of each column and group all finite values of up to 400, or else 400 at equal steps of rank.

    Args:
        ordered: the values of each column and group in order.
        begins: where the finite ones of each begin.
        count: how many they are.
    """
    kept = np.minimum(count, KEPT)
    which = np.repeat(np.arange(kept.size), kept)
    place = np.arange(which.size) - np.repeat(np.cumsum(kept) - kept, kept)
    rank = (2 * place + 1) * count[which] // (2 * kept[which])
    return Ragged(ordered.ravel()[begins[which] + rank], kept)


def _different(ordered: Floats, groups: Groups, has_nan: Flags) -> Ragged:
    """Each different value of each column and group, NaN where there is one that is not just missing."""
    fresh = ~np.isnan(ordered)
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    fresh[:, groups.starts] = ~np.isnan(ordered[:, groups.starts])
    if has_nan.any():
        known = groups.counts(~np.isnan(ordered))
        column, group = np.nonzero(has_nan)
        fresh[column, groups.starts[group] + known[column, group]] = True
    return Ragged(ordered.ravel() if fresh.all() else ordered[fresh], groups.counts(fresh).ravel())


def texts(codes: npt.NDArray[np.int32], entries: int, empty: int, groups: Groups, weights: Floats | None) -> Sketch:
    """Sketches of columns of texts, which are given as places in a dictionary.

    Args:
        codes: of shape (columns, rows); -1 is missing.
        entries: how many texts the dictionary has.
        empty: the place of the empty text; -1 where the dictionary has none.
        groups: the groups of rows.
        weights: as of `numbers`.
    """
    there, nothing = codes >= 0, codes == empty if empty >= 0 else np.zeros(codes.shape, np.bool_)
    rows = groups.counts(there)
    sums = {name: _weighed(cells, groups, weights) for name, cells in (("weight", there), ("zero", nothing))}
    lengths = np.diff([*groups.starts, groups.rows])
    cell = np.arange(len(codes))[:, None] * groups.starts.size + np.repeat(np.arange(groups.starts.size), lengths)
    keys, counts = _counted((cell * entries + codes)[there], rows.size * entries)
    sketch = keys // max(entries, 1)
    order = np.lexsort((-counts, sketch))  # the frequent ones first, as counters are few
    column, group = np.nonzero(rows)
    chosen = rows.ravel() > 0
    different = Ragged((keys % max(entries, 1))[order], np.bincount(sketch, minlength=rows.size)[chosen])
    return Sketch(
        column,
        group,
        rows.ravel()[chosen],
        {name: told.ravel()[chosen] for name, told in sums.items()},
        different=different,
        counts=counts[order],
    )


def _counted(keys: Counts, most: int) -> tuple[Counts, Counts]:
    """The different keys in order, and how often each is there."""
    if most > 4 * keys.size + 1024:
        return np.unique(keys, return_counts=True)
    counts = np.bincount(keys, minlength=most)
    found = np.flatnonzero(counts)
    return found, counts[found]


def marks(marked: Sequence[Flags] | Flags, groups: Groups, weights: Floats | None) -> Sketch:
    """How many rows of each column are marked, and their weight."""
    cells = np.asarray(marked)
    rows = groups.counts(cells)
    weight = _weighed(cells, groups, weights)
    column, group = np.nonzero(rows)
    return Sketch(column, group, rows[column, group], {"weight": weight[column, group]})


def _weighed(cells: Flags, groups: Groups, weights: Floats | None) -> Floats:
    """The weight of the rows that are marked; of the others none, whatever theirs is."""
    return groups.counts(cells).astype(np.float64) if weights is None else groups.sums(np.where(cells, weights, 0.0))
