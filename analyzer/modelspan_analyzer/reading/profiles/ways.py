"""How far a column has gone from one distribution towards another: a level of what changes shape and not its mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from modelspan_analyzer.reading.profiles.binning import Bins, count
from modelspan_analyzer.reading.profiles.profile import Column, Floats, Kind, Numbers, Support, Texts
from modelspan_analyzer.statistics.psi import log_ratios
from modelspan_analyzer.statistics.tilting import tilted


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """From one distribution to another, by what a value of each bin tells of which of them it is from.

    The mean of `weights` over a column's values is how far it has gone: between both ends, it differs by their PSI.
    """

    bins: Bins
    weights: Floats
    """Of each bin of values, shape (bins - 2,); of categories that have no bin, 0."""
    end: float
    """The mean over the values that it leads to."""

    @classmethod
    def between(cls, bins: Bins, before: Floats, now: Floats) -> Way | None:
        """From counts in bins to others, shape (bins,) each; None where one of them has no value of its kind."""
        before, now = before[:-2], now[:-2]  # the last two bins are of another kind, and of what is missing
        if not before.sum() or not now.sum():
            return None
        weights = log_ratios(before, now)
        if bins.kind is Kind.CATEGORICAL:
            weights = weights - weights[-1]
        return cls(bins, weights, float(now @ weights / now.sum()))

    def reached(self, column: Column) -> float:
        """How far a column has gone; NaN where it has no such value. Of numbers it has to have its values."""
        counts = count(self.bins, column, column.numbers.support if column.numbers else None)[:-2]
        return float(counts @ self.weights / counts.sum()) if counts.sum() else float("nan")

    def led(self, column: Column, height: float) -> Column:
        """The column so far along the way, and otherwise as it is; unmoved where its values cannot be there."""
        if self.bins.kind is Kind.CATEGORICAL:
            return replace(column, texts=self._of_texts(column.texts, height)) if column.texts else column
        numbers = column.numbers
        if numbers is None or numbers.support is None:
            return column
        return replace(column, numbers=self._of_numbers(numbers, numbers.support, height))

    def _of_numbers(self, numbers: Numbers, support: Support, height: float) -> Numbers:
        values = support.values
        each = np.ones(values.size) if support.weights is None else support.weights
        weights = tilted(self.weights[np.searchsorted(self.bins.edges, values, side="left")], each, height)
        if weights is None:
            return numbers
        mean = float(np.average(values, weights=weights))
        spread = float(np.average((values - mean) ** 2, weights=weights) ** 0.5)
        return replace(numbers, mean=mean, std=spread, support=replace(support, weights=weights))

    def _of_texts(self, texts: Texts, height: float) -> Texts:
        known = dict(zip(self.bins.categories, self.weights.tolist(), strict=False))
        told = [known.get(name, 0.0) for name in texts.counts]
        weights = tilted([*told, 0.0], [*texts.counts.values(), texts.other], height)
        return (
            texts if weights is None else replace(texts, counts=dict(zip(texts.counts, weights.tolist(), strict=False)))
        )
