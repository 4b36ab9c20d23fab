"""Rows that nearly repeat each other, counted in NumPy: the reference for what the store counts in SQL."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelspan_analyzer.statistics.counts import Floats


def near_duplicate_group_sizes(rows: ArrayLike, scale: ArrayLike, *, tolerance: float = 0.01) -> NDArray[np.int64]:
    """How many rows nearly equal each row, itself counted; shape (n,).

    `rows`: shape (n, columns), of one short stretch of time; `scale`: the baseline's spread a column, shape (columns,).
    Two rows are near when all columns fall in the same cell of a grid of `tolerance` spreads, or of the same grid moved
    by half a cell; so rows closer than half a cell in one column are never parted by both grids in it. NaN equals NaN.
    Raises `ValueError` for shapes that do not fit.
    """
    array, spread = np.asarray(rows, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    if array.ndim != 2 or spread.shape != array.shape[1:]:
        raise ValueError(f"rows of shape {array.shape} and a scale of shape {spread.shape} do not fit")
    if array.shape[0] == 0:
        return np.zeros(0, dtype=np.int64)
    cells = np.nan_to_num(array / np.where(spread > 0, spread * tolerance, 1.0), nan=np.inf)
    return np.maximum(_cell_sizes(np.floor(cells)), _cell_sizes(np.floor(cells + 0.5)))


def _cell_sizes(cells: Floats) -> NDArray[np.int64]:
    _, group, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[group.ravel()], dtype=np.int64)


def near_duplicate_share(rows: ArrayLike, scale: ArrayLike, *, tolerance: float = 0.01, least: int = 3) -> float:
    """Share of rows that at least `least` rows, themselves counted, nearly equal; 0 to 1."""
    sizes = near_duplicate_group_sizes(rows, scale, tolerance=tolerance)
    return float(np.mean(sizes >= least)) if sizes.size else 0.0
