"""Other tools' rules of binning and of empty bins, to compare with them on their own terms; the product has its own.

Bins are given by ascending cut points c1 < … < ck, which make k + 1 bins, open at both ends; nulls have one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, proportions

MOST_BINS = 1000  # a heavy tail makes the equal-width rules ask for millions


def sturges_cut_points(baseline: ArrayLike) -> Floats:
    """Equal-width bins, ceil(log2 n + 1) of them (Sturges 1926), and one for what lies outside: as Evidently."""
    values = _finite(baseline)
    return equal_width_cut_points(float(values.min()), float(values.max()), int(np.ceil(np.log2(values.size) + 1.0)))


def doane_cut_points(baseline: ArrayLike) -> Floats:
    """Equal-width bins, Sturges' number raised for skew (Doane 1976), and one for what lies outside: as NannyML."""
    values = _finite(baseline)
    if values.size < 3 or values.min() == values.max():
        return sturges_cut_points(values)
    deviations = (values - values.mean()) / values.std()
    skew_error = np.sqrt(6.0 * (values.size - 2.0) / ((values.size + 1.0) * (values.size + 3.0)))
    bins = 1.0 + np.log2(values.size) + np.log2(1.0 + abs(float(np.mean(deviations**3))) / skew_error)
    return equal_width_cut_points(float(values.min()), float(values.max()), int(np.ceil(bins)))


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


def fill_zeros(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """A share of 0 becomes 0.0001, or a millionth of the least other share where that is smaller: as Evidently."""
    return _filled(proportions(reference)), _filled(proportions(current))


def _filled(shares: Floats) -> Floats:
    least = shares[shares > 0].min()
    return np.where(shares > 0, shares, least / 1e6 if least <= 1e-4 else 1e-4)


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64).ravel()
    array = array[np.isfinite(array)]
    if array.size == 0:
        raise ValueError("the baseline holds no finite value to pin bins on")
    return array
