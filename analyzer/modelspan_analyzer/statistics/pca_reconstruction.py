"""Reconstruction error of principal components: a change in how columns hang together, in one number a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats


@dataclass(frozen=True, slots=True)
class PrincipalComponents:
    """The baseline's leading components: mean and scale of shape (columns,), components (kept, columns)."""

    mean: Floats
    scale: Floats
    components: Floats

    def reconstruction_error(self, rows: ArrayLike) -> float:
        """Mean Euclidean distance between scaled rows, shape (n, columns), and their projection on the components.

        Range 0 to infinity; compare with the baseline chunks' range: both a rise and a fall are a change.
        NaN counts as the baseline's mean. Raises `ValueError` without rows or with other columns.
        """
        return float(np.mean(np.linalg.norm(self.residuals(rows), axis=1)))

    def residuals(self, rows: ArrayLike) -> Floats:
        """What the components leave of each scaled row, shape (n, columns); its norm is the row's error."""
        array = _rows(rows)
        if array.shape[1] != self.mean.size:
            raise ValueError(f"the rows have {array.shape[1]} columns, the baseline has {self.mean.size}")
        scaled = (np.where(np.isnan(array), self.mean, array) - self.mean) / self.scale
        return np.asarray(scaled - scaled @ self.components.T @ self.components, dtype=np.float64)


def fit_principal_components(baseline: ArrayLike, *, variance: float = 0.65) -> PrincipalComponents:
    """The fewest components of the baseline's standardised rows, shape (n, columns), that explain `variance` of it.

    0.65 is NannyML's default. Categories come in as numbers (`frequency_encoded`), NaN counts as the column's mean, a
    constant column is left at 0. Raises `ValueError` without rows or for a share outside 0 to 1.
    """
    if not 0 < variance < 1:
        raise ValueError(f"the share of variance is {variance}, expected between 0 and 1")
    array = _rows(baseline)
    known = ~np.isnan(array)
    mean = np.where(known, array, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, array, mean)
    deviation = filled.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    scaled = (filled - mean) / scale
    variances, vectors = np.linalg.eigh(scaled.T @ scaled / scaled.shape[0])
    explained = np.cumsum(variances[::-1]) / max(float(variances.sum()), np.finfo(np.float64).tiny)
    kept = int(np.searchsorted(explained, variance, side="right")) + 1
    return PrincipalComponents(mean, scale, vectors[:, ::-1][:, :kept].T)


def frequency_encoded(baseline: ArrayLike, values: ArrayLike) -> Floats:
    """Each category replaced by its share of the baseline, shape (n,); 0 for one that the baseline never had."""
    categories, counts = np.unique(np.asarray(baseline), return_counts=True)
    asked = np.asarray(values)
    places = np.minimum(np.searchsorted(categories, asked), categories.size - 1)
    return np.where(categories[places] == asked, counts[places] / counts.sum(), 0.0)


def _rows(rows: ArrayLike) -> Floats:
    array = np.asarray(rows, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"the rows have shape {array.shape}, expected (rows, columns) with at least one of each")
    return array
