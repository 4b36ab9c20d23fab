"""Confidence-based performance estimation: what the scores themselves expect the confusion matrix to be.

A row of calibrated probability `p` is `p` of a positive and `1 − p` of a negative. So the expected counts are counts
like any others, and every measure with its interval is computed from them as realised performance is. Assumes that
scores are calibrated on the baseline and that P(y|x) has not changed. Reference: NannyML's documentation,
"Confidence-based Performance Estimation"; Garg et al., "Leveraging unlabeled data to predict out-of-distribution
performance", ICLR 2022, for the assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.statistics.estimation.calibrate import Calibrator
from modelspan_analyzer.statistics.performance.counts import Confusion, FloatArray, ScoreCounts


@dataclass(frozen=True, slots=True)
class PredictedScores:
    """Rows without labels: weight of each distinct (score, predicted class); all of shape `(k,)`, scores ascending."""

    score: FloatArray
    favourable: FloatArray
    """1 where the positive class was predicted, else 0."""
    weight: FloatArray
    effective: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What a window's scores expect of its labels."""

    confusion: Confusion
    scores: ScoreCounts


def expect(rows: PredictedScores, calibrator: Calibrator, classes: tuple[str, ...]) -> Expected:
    """The expected confusion matrix, and the expected positives and negatives at each score, of a binary model.

    Two rows of a score of 0.9 that were predicted positive, and two of 0.2 that were not:

    >>> from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY
    >>> rows = PredictedScores(np.array([0.2, 0.9]), np.array([0.0, 1.0]), np.array([2.0, 2.0]), 1.0)
    >>> expect(rows, IDENTITY, ("no", "yes")).confusion.matrix.round(2).tolist()
    [[1.6, 0.2], [0.4, 1.8]]
    """
    p = calibrator(rows.score)
    chosen = rows.favourable > 0
    cells = [
        [((1 - p) * rows.weight)[~chosen].sum(), ((1 - p) * rows.weight)[chosen].sum()],
        [(p * rows.weight)[~chosen].sum(), (p * rows.weight)[chosen].sum()],
    ]
    return Expected(
        Confusion(classes, np.array(cells, float), rows.effective),
        ScoreCounts(rows.score, p * rows.weight, (1 - p) * rows.weight, rows.effective),
    )


@dataclass(frozen=True, slots=True)
class PredictedClasses:
    """Rows of a multiclass model without labels."""

    probability: FloatArray
    """`(n, classes)`: the model's scores."""
    predicted: FloatArray
    """`(n,)`: place of the predicted class."""
    weight: FloatArray
    effective: float


def expect_classes(
    rows: PredictedClasses, calibrators: dict[str, Calibrator], classes: tuple[str, ...]
) -> tuple[Confusion, dict[str, ScoreCounts]]:
    """The expected confusion matrix, and the expected counts of each class against the rest.

    Each class is calibrated against the rest; the calibrated scores of a row are scaled to add up to 1.

    >>> from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY
    >>> rows = PredictedClasses(np.array([[0.6, 0.3, 0.1]]), np.array([0]), np.array([10.0]), 1.0)
    >>> cells, _ = expect_classes(rows, dict.fromkeys("abc", IDENTITY), ("a", "b", "c"))
    >>> cells.matrix.round(2).tolist()
    [[6.0, 0.0, 0.0], [3.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    p = np.stack([calibrators[name](rows.probability[:, at]) for at, name in enumerate(classes)], axis=1)
    sums = p.sum(axis=1, keepdims=True)
    p = np.where(sums > 0, p / np.where(sums > 0, sums, 1), 1 / len(classes))
    cells = np.zeros((len(classes), len(classes)))
    np.add.at(cells.T, rows.predicted.astype(int), p * rows.weight[:, None])
    counts = {}
    for at, name in enumerate(classes):
        order = np.argsort(p[:, at], kind="stable")
        weight, chance = rows.weight[order], p[order, at]
        counts[name] = ScoreCounts(chance, chance * weight, (1 - chance) * weight, rows.effective)
    return Confusion(classes, cells, rows.effective), counts
