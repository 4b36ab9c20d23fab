"""Embeddings checked and cut to a bounded sample, once for all measures on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats


def paired_embeddings(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """Two samples of vectors of one width, shapes (n, width) and (m, width).

    Raises `ValueError` when a sample is empty, the widths differ, or a component is NaN or infinite.
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"the embeddings have shapes {first.shape} and {second.shape}, expected (rows, same width)")
    if min(first.shape[0], second.shape[0]) == 0 or first.shape[1] == 0:
        raise ValueError("an embedding sample is empty, expected at least one vector on either side")
    if not (np.all(np.isfinite(first)) and np.all(np.isfinite(second))):
        raise ValueError("the embeddings hold NaN or infinity; hint: leave such rows out and count them as null")
    return first, second


def bounded_sample(rows: Floats, most: int, seed: int = 0) -> Floats:
    """At most `most` rows, drawn without replacement; the same for the same rows and seed."""
    if rows.shape[0] <= most:
        return rows
    return rows[np.random.default_rng(seed).choice(rows.shape[0], most, replace=False)]
