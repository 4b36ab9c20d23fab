"""Measures of a confusion matrix, vectorised over leading axes so that one call evaluates a whole bootstrap.

Every function takes `matrix` of shape `(..., k, k)`, truth along the rows and prediction along the columns, and gives
`(...)` for a whole-matrix measure or `(..., k)` for a measure of each class. An undefined quotient is NaN.
The examples are the cats and dogs of Wikipedia's "Phi coefficient" and the grants of its "Cohen's kappa".
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios


def _hits(matrix: FloatArray) -> FloatArray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _actual(matrix: FloatArray) -> FloatArray:
    return np.asarray(matrix.sum(axis=-1))


def _predicted(matrix: FloatArray) -> FloatArray:
    return np.asarray(matrix.sum(axis=-2))


def _all(matrix: FloatArray) -> FloatArray:
    return np.asarray(matrix.sum(axis=(-2, -1)))


def accuracy(matrix: FloatArray) -> FloatArray:
    """Share of rows predicted right.

    >>> float(accuracy(np.array([[3.0, 1.0], [2.0, 6.0]])))
    0.75
    """
    return ratios(_hits(matrix).sum(axis=-1), _all(matrix))


def precision(matrix: FloatArray) -> FloatArray:
    """Of the rows predicted as a class, the share that is of it.

    >>> precision(np.array([[3.0, 1.0], [2.0, 6.0]])).round(3).tolist()
    [0.6, 0.857]
    """
    return ratios(_hits(matrix), _predicted(matrix))


def recall(matrix: FloatArray) -> FloatArray:
    """Of the rows of a class, the share predicted as it (sensitivity, true positive rate).

    >>> recall(np.array([[3.0, 1.0], [2.0, 6.0]])).tolist()
    [0.75, 0.75]
    """
    return ratios(_hits(matrix), _actual(matrix))


def specificity(matrix: FloatArray) -> FloatArray:
    """Of the rows not of a class, the share not predicted as it (true negative rate).

    >>> specificity(np.array([[3.0, 1.0], [2.0, 6.0]])).tolist()
    [0.75, 0.75]
    """
    wrongly_in = _predicted(matrix) - _hits(matrix)
    others = _all(matrix)[..., None] - _actual(matrix)
    return ratios(others - wrongly_in, others)


def negative_predictive_value(matrix: FloatArray) -> FloatArray:
    """Of the rows not predicted as a class, the share that is not of it.

    >>> negative_predictive_value(np.array([[3.0, 1.0], [2.0, 6.0]])).round(3).tolist()
    [0.857, 0.6]
    """
    wrongly_out = _actual(matrix) - _hits(matrix)
    rejected = _all(matrix)[..., None] - _predicted(matrix)
    return ratios(rejected - wrongly_out, rejected)


def f_score(matrix: FloatArray, beta: float = 1.0) -> FloatArray:
    """Weighted harmonic mean of precision and recall, `(1 + β²)·tp / ((1 + β²)·tp + β²·fn + fp)` (van Rijsbergen).

    >>> f_score(np.array([[3.0, 1.0], [2.0, 6.0]])).round(3).tolist()
    [0.667, 0.8]
    """
    square = beta * beta
    return ratios((1 + square) * _hits(matrix), square * _actual(matrix) + _predicted(matrix))


def balanced_accuracy(matrix: FloatArray) -> FloatArray:
    """Mean recall of the classes that occur.

    >>> float(balanced_accuracy(np.array([[3.0, 1.0], [2.0, 6.0]])))
    0.75
    """
    by_class = recall(matrix)
    return ratios(np.nansum(by_class, axis=-1), np.isfinite(by_class).sum(axis=-1))


def kappa(matrix: FloatArray) -> FloatArray:
    """Cohen's kappa: agreement beyond what the margins alone would give; 1 perfect, 0 as by chance.

    >>> round(float(kappa(np.array([[20.0, 5.0], [10.0, 15.0]]))), 6)
    0.4
    """
    total = _all(matrix)
    observed = ratios(_hits(matrix).sum(axis=-1), total)
    chance = ratios((_actual(matrix) * _predicted(matrix)).sum(axis=-1), total**2)
    return ratios(observed - chance, 1 - chance)


def matthews(matrix: FloatArray) -> FloatArray:
    """Matthews correlation of truth and prediction, for any number of classes (Gorodkin 2004); −1 to 1.

    >>> round(float(matthews(np.array([[3.0, 1.0], [2.0, 6.0]]))), 3)
    0.478
    """
    actual, predicted, total = _actual(matrix), _predicted(matrix), _all(matrix)
    covariance = _hits(matrix).sum(axis=-1) * total - (actual * predicted).sum(axis=-1)
    spread = (total**2 - (predicted**2).sum(axis=-1)) * (total**2 - (actual**2).sum(axis=-1))
    return ratios(covariance, np.sqrt(spread))


def macro(by_class: FloatArray) -> FloatArray:
    """Plain mean over the classes where the measure is defined.

    >>> float(macro(np.array([0.5, 1.0, np.nan])))
    0.75
    """
    return ratios(np.nansum(by_class, axis=-1), np.isfinite(by_class).sum(axis=-1))


def weighted(by_class: FloatArray, matrix: FloatArray) -> FloatArray:
    """Mean over the classes, weighted by how often each is true; an undefined class counts as zero.

    >>> round(float(weighted(precision(np.array([[3.0, 1.0], [2.0, 6.0]])), np.array([[3.0, 1.0], [2.0, 6.0]]))), 4)
    0.7714
    """
    return ratios((np.nan_to_num(by_class) * _actual(matrix)).sum(axis=-1), _all(matrix))
