"""Bins pinned on a baseline: where they are cut, and how rows are counted in them.

Numeric bins are given by ascending cut points c1 < … < ck, which make k + 1 bins, open at both ends: below c1, from c1
to below c2, …, from ck on. The outermost bins hold what lies outside the baseline's range when the cut points enclose
it, as those of the equal-width rules do. A null is counted in a bin of its own, after all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats

MOST_BINS = 1000  # a heavy tail makes the equal-width rules ask for millions


def quantile_cut_points(baseline: ArrayLike, bins: int = 10) -> Floats:
    """Cut points that give each bin the same share of the baseline; the outer bins are open.

    `baseline`: finite values or the points of a quantile grid. Fewer bins where values repeat (a value that fills
    several quantiles keeps one bin); a constant baseline gives one bin below it, and one from it on.
    """
    values = _finite(baseline)
    inner = np.quantile(values, np.arange(1, bins) / bins)
    return np.unique(inner)


def sturges_cut_points(baseline: ArrayLike) -> Floats:
    """Equal-width bins, ceil(log2 n + 1) of them (Sturges 1926), and one for what lies outside on either side."""
    values = _finite(baseline)
    return equal_width_cut_points(float(values.min()), float(values.max()), int(np.ceil(np.log2(values.size) + 1.0)))


def doane_cut_points(baseline: ArrayLike) -> Floats:
    """Equal-width bins, Sturges' number raised for skew (Doane 1976), and one for what lies outside on either side."""
    return _by_width(_finite(baseline), "doane")


def freedman_diaconis_cut_points(baseline: ArrayLike) -> Floats:
    """Equal-width bins of 2 · IQR · n^(-1/3) (Freedman and Diaconis 1981), and one for what lies outside."""
    return _by_width(_finite(baseline), "fd")


def equal_width_cut_points(lower: float, upper: float, bins: int) -> Floats:
    """Cut points of equal-width bins from `lower` to `upper`, the last one closed there as in a histogram.

    A range of no width is widened by half a unit on both sides.
    """
    if lower == upper:
        lower, upper = lower - 0.5, upper + 0.5
    edges = np.linspace(lower, upper, min(bins, MOST_BINS) + 1)
    edges[-1] = np.nextafter(upper, np.inf)
    return edges


def count_in_bins(values: ArrayLike, cut_points: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Rows (or the sum of their weights) per bin, the null bin last: shape (cut points + 2,). NaN counts as null."""
    rows, cuts = np.asarray(values, dtype=np.float64), np.asarray(cut_points, dtype=np.float64)
    places = np.searchsorted(cuts, rows, side="right")
    places[np.isnan(rows)] = cuts.size + 1
    mass = None if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(np.bincount(places, weights=mass, minlength=cuts.size + 2), dtype=np.float64)


def pinned_categories(baseline_counts: Mapping[str, float], most: int = 100) -> list[str]:
    """The categories that get a bin of their own: the baseline's most frequent, by count and then by name."""
    return sorted(baseline_counts, key=lambda category: (-baseline_counts[category], category))[:most]


def count_in_categories(counts: Mapping[str, float], categories: Sequence[str], null_count: float = 0.0) -> Floats:
    """Counts per pinned category, then all others together, then nulls: shape (categories + 2,)."""
    own = [counts.get(category, 0.0) for category in categories]
    other = sum(counts.values()) - sum(own)
    return np.array([*own, other, null_count], dtype=np.float64)


def _by_width(values: Floats, rule: str) -> Floats:
    if values.size < 3 or values.min() == values.max():
        return sturges_cut_points(values)
    span = float(values.max() - values.min())
    if rule == "doane":
        deviations = (values - values.mean()) / values.std()
        skew_error = np.sqrt(6.0 * (values.size - 2.0) / ((values.size + 1.0) * (values.size + 3.0)))
        bins = 1.0 + np.log2(values.size) + np.log2(1.0 + abs(float(np.mean(deviations**3))) / skew_error)
    else:
        quartiles = np.quantile(values, [0.25, 0.75])
        width = 2.0 * float(quartiles[1] - quartiles[0]) * values.size ** (-1.0 / 3.0)
        if width == 0:
            return sturges_cut_points(values)
        bins = span / width
    return equal_width_cut_points(float(values.min()), float(values.max()), int(np.ceil(bins)))


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64).ravel()
    array = array[np.isfinite(array)]
    if array.size == 0:
        raise ValueError("the baseline holds no finite value to pin bins on")
    return array
