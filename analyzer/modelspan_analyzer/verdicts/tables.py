"""Counts of many features side by side, so that a window's features are measured in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.statistics.counts import Floats, aligned_counts
from modelspan_analyzer.verdicts.rule import FeatureCounts


@dataclass(frozen=True, slots=True)
class CountTables:
    """Baseline and current counts of features, padded with empty bins: all of shape (features, bins).

    `ordered` marks the bins that are in order of value; `rank_error`, shape (features, 1), is that of the sketches.
    """

    baseline: Floats
    current: Floats
    ordered: NDArray[np.bool_]
    rank_error: Floats

    @property
    def n_baseline(self) -> Floats:
        """Rows of the baseline, shape (features, 1)."""
        return np.asarray(self.baseline.sum(axis=1, keepdims=True), dtype=np.float64)

    @property
    def n_current(self) -> Floats:
        """Rows of the window, shape (features, 1)."""
        return np.asarray(self.current.sum(axis=1, keepdims=True), dtype=np.float64)

    def resolvable(self) -> CountTables:
        """The same shares of so many rows as the sketches can tell apart, which is all rows for exact counts.

        A bin's share from a sketch of rank error e is off by about e, as that of a bin of a tenth of 0.09/e² rows is.
        """
        baseline, current = (
            side / (1.0 + rows * self.rank_error**2 / 0.09)
            for side, rows in ((self.baseline, self.n_baseline), (self.current, self.n_current))
        )
        return replace(self, baseline=baseline, current=current)


def tables_of(features: Sequence[FeatureCounts]) -> CountTables:
    """Pad the counts of features that have at least one row on either side.

    Raises `ValueError`, naming the feature, where counts are not fit.
    """
    pairs = [_checked(feature) for feature in features]
    width = max(first.size for first, _ in pairs)
    baseline, current = np.zeros((len(pairs), width)), np.zeros((len(pairs), width))
    ordered = np.zeros((len(pairs), width), dtype=np.bool_)
    for row, ((first, second), feature) in enumerate(zip(pairs, features, strict=True)):
        baseline[row, : first.size], current[row, : second.size] = first, second
        ordered[row, : feature.ordered_bins] = True
    rank_error = np.array([[feature.rank_error] for feature in features], dtype=np.float64)
    return CountTables(baseline, current, ordered, rank_error)


def _checked(feature: FeatureCounts) -> tuple[Floats, Floats]:
    try:
        return aligned_counts(feature.baseline, feature.current)
    except ValueError as error:
        raise ValueError(f"feature {feature.feature!r}: {error}") from error
