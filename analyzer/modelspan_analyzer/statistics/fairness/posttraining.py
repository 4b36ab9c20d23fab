"""Measures of predictions against the truth in two groups (Amazon SageMaker Clarify's set).

All take cells of shape `(..., 2, strata, 2, 2)`: group (0 the disadvantaged `d`, 1 the others `a`), stratum, truth,
prediction. Where a measure needs no truth it takes `(..., 2, strata, 2)`, prediction last. Reference: SageMaker
Developer Guide, "Measure post-training data and model bias".
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.fairness import groups, pretraining
from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios


def difference_in_positive_proportions(predicted: FloatArray) -> FloatArray:
    """`q'_a − q'_d`, with `q'` the share of favourable predictions.

    >>> predicted = np.array([[[60.0, 40.0]], [[40.0, 60.0]]])
    >>> round(float(difference_in_positive_proportions(predicted)), 3)
    0.2
    """
    return pretraining.difference_in_proportions(predicted)


def disparate_impact(predicted: FloatArray) -> FloatArray:
    """`q'_d / q'_a`; below 0.8 the four-fifths rule of the US agencies (29 CFR 1607.4) sees adverse impact.

    >>> predicted = np.array([[[60.0, 40.0]], [[40.0, 60.0]]])
    >>> round(float(disparate_impact(predicted)), 3)
    0.667
    """
    q = groups.selection_rate(predicted)
    return ratios(q[..., 0], q[..., 1])


def conditional_disparity(predicted: FloatArray) -> FloatArray:
    """Conditional demographic disparity of the predictions (see the measure of the same name on labels)."""
    return pretraining.conditional_disparity(predicted)


def _gap(rate: FloatArray) -> FloatArray:
    """The others' rate less the group's."""
    return np.asarray(rate[..., 1] - rate[..., 0])


def difference_in_conditional_acceptance(cells: FloatArray) -> FloatArray:
    """`c_a − c_d`, with `c` the truly favourable rows over those predicted favourable.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(difference_in_conditional_acceptance(cells)), 3)
    -0.091
    """
    tp, fp, fn, _ = groups.confusion(cells)
    return _gap(ratios(tp + fn, tp + fp))


def difference_in_conditional_rejection(cells: FloatArray) -> FloatArray:
    """`r_d − r_a`, with `r` the truly unfavourable rows over those predicted unfavourable.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(difference_in_conditional_rejection(cells)), 3)
    -0.111
    """
    _, fp, fn, tn = groups.confusion(cells)
    return -_gap(ratios(tn + fp, tn + fn))


def accuracy_difference(cells: FloatArray) -> FloatArray:
    """`accuracy_a − accuracy_d`.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(accuracy_difference(cells)), 3)
    0.05
    """
    return _gap(groups.accuracy(cells))


def recall_difference(cells: FloatArray) -> FloatArray:
    """`recall_a − recall_d` (equal opportunity).

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(recall_difference(cells)), 3)
    0.067
    """
    return _gap(groups.recall(cells))


def specificity_difference(cells: FloatArray) -> FloatArray:
    """`specificity_d − specificity_a`.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(specificity_difference(cells)), 3)
    -0.05
    """
    return -_gap(groups.specificity(cells))


def difference_in_acceptance_rates(cells: FloatArray) -> FloatArray:
    """`precision_a − precision_d`.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(difference_in_acceptance_rates(cells)), 3)
    -0.015
    """
    return _gap(groups.precision(cells))


def difference_in_rejection_rates(cells: FloatArray) -> FloatArray:
    """`v_d − v_a`, with `v` the share of unfavourable predictions that are right.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> round(float(difference_in_rejection_rates(cells)), 3)
    -0.139
    """
    return -_gap(groups.rejection_rate(cells))


def treatment_equality(cells: FloatArray) -> FloatArray:
    """`FN_d / FP_d − FN_a / FP_a`: which kind of error each group mostly gets.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> float(treatment_equality(cells))
    0.5
    """
    _, fp, fn, _ = groups.confusion(cells)
    return -_gap(ratios(fn, fp))


def generalised_entropy(cells: FloatArray) -> FloatArray:
    """Half the squared coefficient of variation of the benefit `b = prediction − truth + 1` over all rows (α = 2).

    Speicher et al., "A unified approach to quantifying algorithmic unfairness", KDD 2018.

    >>> round(float(generalised_entropy(np.array([[[[2.0, 0.0], [0.0, 2.0]]], [[[0.0, 2.0], [2.0, 0.0]]]]))), 4)
    0.25
    """
    tp, fp, fn, tn = (part.sum(axis=-1) for part in groups.confusion(cells))
    n = tp + fp + fn + tn
    mean = ratios(tp + tn + 2 * fp, n)
    return (ratios(ratios(tp + tn + 4 * fp, n), mean**2) - 1) / 2
