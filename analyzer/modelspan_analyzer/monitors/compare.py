"""Brings the same columns of two profiles side by side, in bins that are pinned on the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.distributions.binning import Bins, count, pin_bins
from modelspan_analyzer.distributions.read import supports
from modelspan_analyzer.distributions.vocabulary import Column, Floats, Kind, Profile, Support
from modelspan_analyzer.monitors.measures import Compared
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
    exact: bool = False,
) -> Iterator[Pair]:
    """The columns that both sides have; values that are read from rows are held for a few columns at a time."""
    before, after = (reference.outputs, current.outputs) if outputs else (reference.features, current.features)
    names = [name for name in before if name in after and chosen(name)]
    numeric = [name for name in names if before[name].kind is Kind.NUMERIC and after[name].numbers is not None]
    for name in names:
        if name not in numeric:
            yield Pair(name, before[name], after[name], None, None)
    for part in supports(store, current, numeric, outputs=outputs, exact=exact):
        for others in supports(store, reference, list(part), outputs=outputs, exact=exact):
            for name, support in others.items():
                yield Pair(name, before[name], after[name], _filled(support), _filled(part.get(name)))


def compare(pair: Pair) -> tuple[Bins, Compared]:
    """The pair's bins and what the measures take."""
    bins = pin_bins(pair.reference, pair.reference_support)
    reference_numbers = pair.reference.numbers
    return bins, Compared(
        reference_counts=_as_rows(count(bins, pair.reference, pair.reference_support), pair.n_baseline),
        current_counts=_as_rows(count(bins, pair.current, pair.current_support), pair.n),
        reference=pair.reference_support,
        current=pair.current_support,
        reference_std=reference_numbers.std if reference_numbers else 0.0,
        reference_n=pair.reference.n,
        current_n=pair.current.n,
    )


def _filled(support: Support | None) -> Support | None:
    return support if support is not None and support.values.size else None


def _as_rows(counts: Floats, n: int) -> Floats:
    """Weighted counts as counts of rows: weights change the shares, not how much evidence there is."""
    total = counts.sum()
    return np.asarray(counts * (n / total), np.float64) if total > 0 else counts
