"""Brings the same columns of two profiles side by side, in bins that are pinned on the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from modelspan_analyzer.reading.profiles.binning import Bins, chosen_together, count, pin_bins
from modelspan_analyzer.reading.profiles.from_rows import without_numbers
from modelspan_analyzer.reading.profiles.measures import Compared
from modelspan_analyzer.reading.profiles.parts import Part
from modelspan_analyzer.reading.profiles.profile import Column, Floats, Kind, Numbers, Profile, Relation, Support
from modelspan_analyzer.reading.profiles.read import supports
from modelspan_analyzer.reading.profiles.values import Layout, in_parts, layout, load_numbers
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Pair:
    """One column of the baseline and of the window."""

    name: str
    reference: Column
    current: Column
    reference_support: Support | None
    current_support: Support | None

    @property
    def n(self) -> int:
        """Rows of the window that have the column, missing values included."""
        return self.current.n + self.current.null_n

    @property
    def n_baseline(self) -> int:
        """Rows of the baseline that have the column, missing values included."""
        return self.reference.n + self.reference.null_n


def pairs(
    store: Store,
    reference: Profile,
    current: Profile,
    chosen: Callable[[str], bool],
    *,
    outputs: bool = False,
) -> Iterator[Pair]:
    """The columns that both sides have; values that are read from rows are held for a few columns at a time."""
    before, after = (reference.outputs, current.outputs) if outputs else (reference.features, current.features)
    names = [name for name in before if name in after and chosen(name)]
    numeric = [name for name in names if before[name].kind is Kind.NUMERIC]
    for name in names:
        if before[name].kind is not Kind.NUMERIC:
            yield Pair(name, before[name], after[name], None, None)
    for part in supports(store, reference, numeric, outputs=outputs):
        found: dict[str, Support] = {}
        for others in supports(store, current, [name for name in part if after[name].numbers], outputs=outputs):
            found |= others
        for name, support in part.items():
            yield Pair(name, before[name], after[name], _filled(support), _filled(found.get(name)))


def exact_pairs(
    store: Store, reference: Relation, current: Relation, chosen: Callable[[str], bool], *, outputs: bool = False
) -> Iterator[Pair]:
    """The same from the rows themselves, each read once, a few columns at a time."""
    sides = reference, current
    with ThreadPoolExecutor(len(sides)) as pool:  # both sides at once
        layouts = list(pool.map(partial(layout, store, outputs=outputs), sides))
        columns = partial(without_numbers, store, outputs=outputs)
        before, after = pool.map(columns, sides, [found.names for found in layouts])
        names = sorted(name for name in before if name in after and chosen(name))
        read = [name for name in names if any(name in found.names for found in layouts)]
        for part in in_parts(read, max(found.rows for found in layouts)):
            load = partial(_load, store, part, outputs)
            numbers, numbers_now = pool.map(load, sides, layouts)
            for name in part:
                filled = (
                    replace(before[name], numbers=numbers.pop(name, None)),
                    replace(after[name], numbers=numbers_now.pop(name, None)),
                )
                yield _pair(*filled, None if outputs else layouts)
    for name in names:
        if name not in read:
            yield _pair(before[name], after[name], None if outputs else layouts)


def part_pairs(
    reference: Part, current: Part, chosen: Callable[[str], bool], *, outputs: bool = False
) -> Iterator[Pair]:
    """The same of columns that were read with their values."""
    before, after = reference.columns, current.columns
    for name in sorted(name for name in before if name in after and chosen(name)):
        yield _pair(before[name], after[name], None if outputs else (reference, current))


def _load(store: Store, names: Sequence[str], outputs: bool, side: Relation, found: Layout) -> dict[str, Numbers]:
    return load_numbers(store, side, names, found, outputs=outputs)


def _pair(reference: Column, current: Column, layouts: Sequence[Layout | Part] | None) -> Pair:
    """A pair of columns that carry their values; those are of use where the baseline's are numbers.

    Of features the layouts tell how many rows say nothing of the column.
    """
    if layouts is not None:
        reference, current = (
            column.among(side.rows, side.weight) for column, side in zip((reference, current), layouts, strict=True)
        )
    numeric = reference.kind is Kind.NUMERIC
    return Pair(
        reference.name,
        reference,
        current,
        _filled(reference.numbers.support) if numeric and reference.numbers else None,
        _filled(current.numbers.support) if numeric and current.numbers else None,
    )


def compare(pair: Pair) -> tuple[Bins, Compared]:
    """The pair's bins and what the measures take."""
    bins = pin_bins(pair.reference, pair.reference_support)
    reference_numbers = pair.reference.numbers
    together = chosen_together(bins, pair.reference, pair.current)
    return bins, Compared(
        reference_counts=_as_rows(count(bins, pair.reference, pair.reference_support), pair.n_baseline),
        current_counts=_as_rows(count(bins, pair.current, pair.current_support), pair.n),
        reference=pair.reference_support,
        current=pair.current_support,
        reference_std=reference_numbers.std if reference_numbers else 0.0,
        reference_n=pair.reference.n,
        current_n=pair.current.n,
        together=(_as_rows(together[0], pair.n_baseline), _as_rows(together[1], pair.n)) if together else None,
    )


def _filled(support: Support | None) -> Support | None:
    return support if support is not None and support.values.size else None


def _as_rows(counts: Floats, n: int) -> Floats:
    """Weighted counts as counts of rows: weights change the shares, not how much evidence there is."""
    total = counts.sum()
    return np.asarray(counts * (n / total), np.float64) if total > 0 else counts
