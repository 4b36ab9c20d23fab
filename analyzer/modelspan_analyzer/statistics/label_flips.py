"""Labels that contradict confident predictions, by direction: a hint of flipped (poisoned or broken) labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats


class LabelFlips(NamedTuple):
    """`joint[i, j]`: rows labelled i that the model confidently takes for j, shape (classes, classes).

    `share`: confident contradictions over all confidently predicted rows. `asymmetry`: how one-sided they are, 0 (as
    many i for j as j for i) to 1 (one direction only); chance and mere noise are near even, an attack is not.
    """

    joint: Floats
    share: float
    asymmetry: float


def label_flips(labels: ArrayLike, probabilities: ArrayLike, thresholds: ArrayLike | None = None) -> LabelFlips:
    """Count confident contradictions (confident joint of Northcutt, Jiang and Chuang 2021).

    `labels`: class numbers, shape (n,); `probabilities`: shape (n, classes). A prediction of class j is confident from
    `thresholds[j]` on: the mean probability of j among rows labelled j, from the baseline where given, so that flipped
    labels in the window do not lower the bar. Raises `ValueError` for shapes that do not fit.
    """
    classes, scores = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2 or classes.shape != scores.shape[:1] or np.any((classes < 0) | (classes >= scores.shape[1])):
        raise ValueError("expected one class number a row, shape (n,), and probabilities of shape (n, classes)")
    bar = confidence_thresholds(classes, scores) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    surpassing = np.where(scores >= bar, scores, -1.0)
    confident = surpassing.max(axis=1, initial=-1.0) >= 0
    joint = np.zeros((scores.shape[1], scores.shape[1]))
    np.add.at(joint, (classes[confident], surpassing.argmax(axis=1)[confident]), 1.0)
    contradicted = joint.sum() - np.trace(joint)
    one_sided = float(np.abs(joint - joint.T).sum() / 2.0)
    return LabelFlips(
        joint,
        float(contradicted / joint.sum()) if joint.sum() else 0.0,
        one_sided / float(contradicted) if contradicted else 0.0,
    )


def confidence_thresholds(labels: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Mean probability of each class among the rows labelled so, shape (classes,); above 1 for a class without rows."""
    classes, scores = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    own = np.bincount(classes, weights=scores[np.arange(classes.size), classes], minlength=scores.shape[1])
    rows = np.bincount(classes, minlength=scores.shape[1])
    return np.where(rows > 0, own / np.maximum(rows, 1), 2.0)
