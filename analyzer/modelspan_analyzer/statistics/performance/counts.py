"""The aggregates that every performance measure is computed from: counts, never rows.

Weights stand for rows: a prediction recorded at a sampling rate of 10 % counts as ten. `effective` is the number of
rows that carry the same information (Kish: `(Σw)² / Σw²`), which is what intervals are computed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A value with its confidence interval; NaN where it is undefined."""

    value: float
    lower: float
    upper: float


NOTHING: Final = Estimate(float("nan"), float("nan"), float("nan"))
"""Of what nothing tells."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of (true class, predicted class): `matrix[i, j]` is truth `classes[i]` predicted as `classes[j]`.

    A binary matrix has its positive class last.
    """

    classes: tuple[str, ...]
    matrix: FloatArray
    effective: float

    @property
    def shrink(self) -> float:
        """Effective rows per unit of weight."""
        total = float(self.matrix.sum())
        return self.effective / total if total else 0.0


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """Weights of positive and negative rows at each distinct score, scores ascending; all of shape `(k,)`."""

    score: FloatArray
    positives: FloatArray
    negatives: FloatArray
    effective: float

    @property
    def total(self) -> FloatArray:
        """Weight of all rows at each score."""
        return self.positives + self.negatives

    @property
    def prevalence(self) -> float:
        """Share of positive rows; NaN without rows."""
        return ratio(self.positives.sum(), self.total.sum())


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Weight of each distinct (prediction, actual) pair of a regression, in ascending order; all of shape `(k,)`."""

    prediction: FloatArray
    actual: FloatArray
    weight: FloatArray
    effective: float


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> float:
    """A quotient of two scalars that is NaN where the denominator is zero.

    >>> ratio(1.0, 4.0)
    0.25
    """
    return float(ratios(numerator, denominator))


def ratios(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> FloatArray:
    """A quotient, element by element, that is NaN where the denominator is zero.

    >>> ratios(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    top, bottom = np.asarray(numerator, float), np.asarray(denominator, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(bottom == 0, np.nan, top / bottom), float)
