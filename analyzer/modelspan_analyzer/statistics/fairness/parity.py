"""Measures over all groups of a facet at once, as fairness officers ask for them.

All take cells of shape `(..., groups, strata, 2, 2)`, truth then prediction, or `(..., groups, strata, 2)` where only
predictions matter. Groups in which a rate is undefined are left out. Definitions: Hardt, Price and Srebro, "Equality of
opportunity in supervised learning", 2016; Chouldechova, "Fair prediction with disparate impact", 2017.
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.fairness import groups
from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios


def _spread(rate: FloatArray) -> FloatArray:
    """Largest less smallest rate; NaN unless two groups define it."""
    known = np.isfinite(rate)
    high = np.where(known, rate, -np.inf).max(axis=-1)
    low = np.where(known, rate, np.inf).min(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known.sum(axis=-1) >= 2, high - low, np.nan))


def _share(rate: FloatArray) -> FloatArray:
    """Smallest over largest rate; NaN unless two groups define it."""
    known = np.isfinite(rate)
    high = np.where(known, rate, -np.inf).max(axis=-1)
    low = np.where(known, rate, np.inf).min(axis=-1)
    return ratios(np.where(known.sum(axis=-1) >= 2, low, np.nan), high)


def demographic_parity_difference(predicted: FloatArray) -> FloatArray:
    """Largest less smallest share of favourable predictions.

    >>> predicted = np.array([[[60.0, 40.0]], [[40.0, 60.0]]])
    >>> round(float(demographic_parity_difference(predicted)), 3)
    0.2
    """
    return _spread(groups.selection_rate(predicted))


def demographic_parity_ratio(predicted: FloatArray) -> FloatArray:
    """Smallest over largest share of favourable predictions: the four-fifths rule wants at least 0.8.

    >>> predicted = np.array([[[60.0, 40.0]], [[40.0, 60.0]]])
    >>> round(float(demographic_parity_ratio(predicted)), 3)
    0.667
    """
    return _share(groups.selection_rate(predicted))


def equal_opportunity_difference(cells: FloatArray) -> FloatArray:
    """Largest less smallest recall.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(equal_opportunity_difference(cells)), 3)
    0.067
    """
    return _spread(groups.recall(cells))


def equalised_odds_difference(cells: FloatArray) -> FloatArray:
    """The larger of the spreads of recall and of the false positive rate.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(equalised_odds_difference(cells)), 3)
    0.067
    """
    return np.asarray(np.fmax(_spread(groups.recall(cells)), _spread(1 - groups.specificity(cells))))


def equalised_odds_ratio(cells: FloatArray) -> FloatArray:
    """The smaller of the min-to-max ratios of recall and of the false positive rate.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(equalised_odds_ratio(cells)), 3)
    0.8
    """
    return np.asarray(np.fmin(_share(groups.recall(cells)), _share(1 - groups.specificity(cells))))


def predictive_parity_difference(cells: FloatArray) -> FloatArray:
    """Largest less smallest precision.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(predictive_parity_difference(cells)), 3)
    0.015
    """
    return _spread(groups.precision(cells))
