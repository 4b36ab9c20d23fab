"""Weighted supports: the one form in which samples, value counts, histograms and quantile grids reach the measures.

A support is an array of values with a weight each. Rows have weight 1, value counts their counts, a quantile grid the
share between its points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelspan_analyzer.statistics.counts import Floats


class Support(NamedTuple):
    """Values with their shares, both of shape (k,); the shares sum to 1."""

    values: Floats
    shares: Floats


class Steps(NamedTuple):
    """Two distribution functions on the union of their supports, all of shape (k,)."""

    points: Floats
    reference: Floats
    current: Floats


def support(values: ArrayLike, weights: ArrayLike | None, name: str) -> Support:
    """Check a weighted support and scale its weights to shares.

    Raises `ValueError` naming the sample (`name`) when it is empty, holds NaN or infinity, or has unfit weights.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"the {name} values have shape {array.shape}, expected at least one value in one dimension")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"the {name} values hold NaN or infinity; hint: count missing values in a bin of their own")
    if weights is None:
        return Support(array, np.broadcast_to(1.0 / array.size, array.size))  # takes no memory
    mass = np.asarray(weights, dtype=np.float64)
    if mass.shape != array.shape or not np.all(np.isfinite(mass)) or np.any(mass < 0) or not mass.sum() > 0:
        raise ValueError(f"the {name} weights must be one weight of 0 or more a value, not all 0")
    return Support(array, mass / mass.sum())


def distribution_steps(reference: Support, current: Support) -> Steps:
    """Both distribution functions, right-continuous, at every value that either support holds."""
    size = reference.values.size
    points = np.concatenate([reference.values, current.values])
    # A stable sort merges two sorted runs in one pass, which is what sorted supports are.
    order = np.argsort(points, kind="stable")
    points = points[order]
    of_reference = order < size
    if _uniform(reference.shares) and _uniform(current.shares):
        passed: np.ndarray = np.cumsum(of_reference, dtype=np.int32 if points.size < 2**31 else np.int64)
        first = passed / size
        second = (np.arange(1, points.size + 1, dtype=passed.dtype) - passed) / current.values.size
    else:
        shares = np.concatenate([reference.shares, current.shares])[order]
        first = np.cumsum(np.where(of_reference, shares, 0.0))
        second = np.cumsum(np.where(of_reference, 0.0, shares))
    last = np.append(points[1:] != points[:-1], True)
    return Steps(points, first, second) if last.all() else Steps(points[last], first[last], second[last])


def _uniform(shares: Floats) -> bool:
    return shares.strides == (0,) or bool(shares[0] == shares[-1] and np.all(shares == shares[0]))


class ValueCounts(NamedTuple):
    """How many rows of each sample hold each value of the union, in ascending order; all of shape (k,)."""

    points: Floats
    reference: Floats
    current: Floats


def value_counts(
    reference_values: ArrayLike,
    current_values: ArrayLike,
    reference_counts: ArrayLike | None = None,
    current_counts: ArrayLike | None = None,
) -> ValueCounts:
    """Count both samples over the union of their values; without counts every value is a row.

    Raises `ValueError` as `support` does.
    """
    first = support(reference_values, reference_counts, "reference")
    second = support(current_values, current_counts, "current")
    points, place = np.unique(np.concatenate([first.values, second.values]), return_inverse=True)
    cut = first.values.size
    tallies = _tally(place[:cut], reference_counts, points.size), _tally(place[cut:], current_counts, points.size)
    held = tallies[0] + tallies[1] > 0
    return ValueCounts(points[held], tallies[0][held], tallies[1][held])


def _tally(places: NDArray[np.intp], counts: ArrayLike | None, size: int) -> Floats:
    weights = None if counts is None else np.asarray(counts, dtype=np.float64)
    return np.asarray(np.bincount(places, weights=weights, minlength=size), dtype=np.float64)
