"""Measures of sets of labels, row by row, from 0/1 matrices of truths and answers, and from scores by label.

All take arrays of shape `(rows, labels)` and give one number a row, so that a reader can average them and see their
spread; the means are those of scikit-learn. A row in which nothing is true and nothing answered is right: 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray

Flags = npt.NDArray[np.bool_]
MEASURES: Final = (
    *("f1_macro", "f1_micro", "f1_samples", "jaccard", "exact_match", "hamming_loss"),
    *("label_ranking_average_precision", "label_ranking_loss", "coverage_error"),
)
"""As results name them."""


def exact_match(truth: Flags, answer: Flags) -> FloatArray:
    """Whether all labels are right (the mean is scikit-learn's `accuracy_score`).

    >>> exact_match(np.array([[True, False], [True, True]]), np.array([[True, False], [False, True]])).tolist()
    [1.0, 0.0]
    """
    return np.asarray((truth == answer).all(axis=1), float)


def hamming_loss(truth: Flags, answer: Flags) -> FloatArray:
    """Share of the labels that are wrong.

    >>> hamming_loss(np.array([[True, False], [True, True]]), np.array([[True, False], [False, True]])).tolist()
    [0.0, 0.5]
    """
    return np.asarray((truth != answer).mean(axis=1), float)


def jaccard(truth: Flags, answer: Flags) -> FloatArray:
    """Labels that are both true and answered, of those that are either (Jaccard 1901).

    >>> jaccard(np.array([[True, False], [True, True]]), np.array([[True, False], [False, True]])).tolist()
    [1.0, 0.5]
    """
    return _shares((truth & answer).sum(axis=1), (truth | answer).sum(axis=1))


def f1_samples(truth: Flags, answer: Flags) -> FloatArray:
    """F1 of each row's labels.

    >>> f1_samples(np.array([[True, True]]), np.array([[False, True]])).round(4).tolist()
    [0.6667]
    """
    return _shares(2 * (truth & answer).sum(axis=1), truth.sum(axis=1) + answer.sum(axis=1))


def f1_of_labels(truth: Flags, answer: Flags, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F1 of each label, NaN of one that is never true and never answered; and what each row adds to it.

    What rows add averages to the F1: it is the quotient of two sums, linearised where it is (delta method).

    Returns:
        Of shapes `(labels,)` and `(rows, labels)`.
    """
    hits, both = 2.0 * (truth & answer), truth.astype(float) + answer
    mean_hits, mean_both = np.average(hits, axis=0, weights=weight), np.average(both, axis=0, weights=weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(mean_both > 0, mean_hits / mean_both, np.nan)
        return value, value + (hits - value * both) / mean_both


def f1_micro(truth: Flags, answer: Flags, weight: FloatArray) -> FloatArray:
    """What each row adds to the F1 of all labels together; the weighted mean is the F1.

    >>> truth, answer = np.array([[True, False], [True, True]]), np.array([[True, False], [False, True]])
    >>> round(float(f1_micro(truth, answer, np.ones(2)).mean()), 4)
    0.8
    """
    hits, both = 2.0 * (truth & answer).sum(axis=1), truth.sum(axis=1) + answer.sum(axis=1)
    mean = np.average(both, weights=weight)
    if mean == 0:
        return np.full(len(truth), np.nan)
    value = np.average(hits, weights=weight) / mean
    return np.asarray(value + (hits - value * both) / mean, float)


def ranking_precision(truth: Flags, score: FloatArray) -> FloatArray:
    """For each true label, the share of true ones among those scored at least as high; their mean.

    The label ranking average precision of Schapire and Singer, "BoosTexter" (2000), section 3; 1 where no label, or
    every one, is true.

    >>> round(float(ranking_precision(np.array([[True, False, False]]), np.array([[0.75, 0.5, 1.0]]))[0]), 3)
    0.5
    """
    rank, among = _ranks(score), _ranks(np.where(truth, score, -np.inf))
    with np.errstate(invalid="ignore"):
        parts = np.where(truth, among / rank, 0.0).sum(axis=1)
    count = truth.sum(axis=1)
    return np.where((count == 0) | (count == truth.shape[1]), 1.0, parts / np.maximum(count, 1))


def coverage_error(truth: Flags, score: FloatArray) -> FloatArray:
    """How far down the labels, by their score, one has to go for all true ones; 0 where none is true.

    >>> coverage_error(np.array([[True, False, False]]), np.array([[0.75, 0.5, 1.0]])).tolist()
    [2.0]
    """
    lowest = np.where(truth, score, np.inf).min(axis=1, initial=np.inf)
    return np.asarray((score >= lowest[:, None]).sum(axis=1), float)


def ranking_loss(truth: Flags, score: FloatArray) -> FloatArray:
    """Share of the pairs of a true and a false label in which the false one is scored at least as high.

    0 where there is no such pair.

    >>> ranking_loss(np.array([[True, False, False]]), np.array([[0.75, 0.5, 1.0]])).tolist()
    [0.5]
    """
    true, false = truth.sum(axis=1), (~truth).sum(axis=1)
    above, among = _ranks(score), _ranks(np.where(truth, score, -np.inf))
    wrong = np.where(truth, above - among, 0.0).sum(axis=1)
    return np.asarray(np.where(true * false > 0, wrong / np.maximum(true * false, 1), 0.0), float)


def _ranks(score: FloatArray) -> FloatArray:
    """How many of a row's scores are at least as high as each."""
    order = np.argsort(-score, axis=1, kind="stable")
    ordered = np.take_along_axis(score, order, axis=1)
    last = np.ones(score.shape, bool)
    last[:, :-1] = ordered[:, :-1] != ordered[:, 1:]
    place = np.where(last, np.arange(1, score.shape[1] + 1), score.shape[1] + 1)
    reach = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]  # of equals, where the last of them stands
    ranks = np.empty(score.shape)
    np.put_along_axis(ranks, order, reach.astype(float), axis=1)
    return ranks


def _shares(part: npt.ArrayLike, whole: npt.ArrayLike) -> FloatArray:
    top, bottom = np.asarray(part, float), np.asarray(whole, float)
    return np.where(bottom > 0, top / np.maximum(bottom, 1.0), 1.0)
