"""Counts per bin of two samples, checked once for all measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def aligned_counts(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """The counts of two samples over the same bins, as float arrays of shape (…, bins): one, or many side by side.

    Raises `ValueError` when the bins differ in number, a count is negative or not finite, or a sample is empty.
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.ndim == 0 or first.shape != second.shape:
        raise ValueError(
            f"the counts have shapes {first.shape} and {second.shape}, expected one count a bin over the same bins; "
            "hint: pin the bins on the baseline and count both samples in them"
        )
    for name, counts in (("reference", first), ("current", second)):
        if _is_sample(counts):
            continue
        if not np.all(np.isfinite(counts)) or np.any(counts < 0):
            raise ValueError(f"the {name} counts hold negative or non-finite values, expected counts of 0 or more")
        if not np.all(counts.sum(axis=-1) > 0):
            raise ValueError(f"the {name} sample is empty, expected at least one row")
    return first, second


def _is_sample(counts: Floats) -> bool:
    """Whether counts can be a sample's, in as few passes as tell: a sum is finite only where all counts are."""
    if not counts.size or counts.min() < 0:
        return False
    sums = counts.sum(axis=-1)
    return bool(sums.min() > 0 and sums.max() < np.inf)


def proportions(counts: Floats) -> Floats:
    """Each bin's share of its sample, shape (…, bins) as given; NaN where a sample is empty.

    >>> proportions(np.array([1.0, 3.0])).tolist()
    [0.25, 0.75]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=-1, keepdims=True), dtype=np.float64)


def aligned_shares(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """The shares of two samples over the same bins, shape (…, bins). Raises `ValueError` as `aligned_counts` does."""
    first, second = aligned_counts(reference, current)
    return proportions(first), proportions(second)
