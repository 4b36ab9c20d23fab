"""The best predictor that says the same for every row, and its value: what a measure is worth nothing without beating.

Amazon SageMaker Model Monitor prints the same beside its measures ("best constant classifier").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelspan_analyzer.statistics.performance import regression
from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, PairCounts, ScoreCounts


def best_class(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], float]:
    """A function of the confusion matrix: the measure's best value over always predicting one of the classes."""

    def best(matrix: FloatArray) -> float:
        actual = matrix.sum(axis=1)
        classes = actual.size
        always = np.zeros((classes, classes, classes))
        always[np.arange(classes), :, np.arange(classes)] = actual
        values = measure(always)
        return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0

    return best


def log_loss(counts: ScoreCounts) -> float:
    """The entropy of the truth, in nats: the log loss of always giving the share of positives."""
    share = np.array([counts.prevalence, 1 - counts.prevalence])
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def brier(counts: ScoreCounts) -> float:
    """The variance of the truth: the Brier score of always giving the share of positives."""
    return counts.prevalence * (1 - counts.prevalence)


def _always(pairs: PairCounts, number: float) -> PairCounts:
    return PairCounts(np.full_like(pairs.actual, number), pairs.actual, pairs.weight, pairs.effective)


def _quantile(values: FloatArray, weights: FloatArray, level: float = 0.5) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, level * reached[-1])])


def _best(pairs: PairCounts, measure: Callable[[PairCounts], Estimate], number: Callable[[], float]) -> float:
    return measure(_always(pairs, number())).value if pairs.weight.size else float("nan")


def absolute_error(pairs: PairCounts) -> float:
    """Mean absolute error of the median."""
    return _best(pairs, regression.mean_absolute_error, lambda: _quantile(pairs.actual, pairs.weight))


def squared_error(pairs: PairCounts) -> float:
    """Mean squared error of the mean."""
    return _best(pairs, regression.mean_squared_error, lambda: float(np.average(pairs.actual, weights=pairs.weight)))


def root_squared_error(pairs: PairCounts) -> float:
    """Root mean squared error of the mean."""
    return float(np.sqrt(squared_error(pairs)))


def percentage_error(pairs: PairCounts) -> float:
    """Mean absolute percentage error of its best constant: the median weighted by `1 / |actual|`."""
    kept = regression.of_nonzero(pairs)
    weights = kept.weight / np.abs(kept.actual)
    return _best(kept, regression.mean_absolute_percentage_error, lambda: _quantile(kept.actual, weights))


def squared_log_error(pairs: PairCounts) -> float:
    """Mean squared log error of its best constant: the geometric mean of `1 + actual`, less 1."""
    if pairs.weight.size and pairs.actual.min() <= -1:
        return float("nan")
    return _best(
        pairs,
        regression.mean_squared_log_error,
        lambda: float(np.expm1(np.average(np.log1p(pairs.actual), weights=pairs.weight))),
    )


def root_squared_log_error(pairs: PairCounts) -> float:
    """Root mean squared log error of its best constant."""
    return float(np.sqrt(squared_log_error(pairs)))


def median_loss(pairs: PairCounts) -> float:
    """Pinball loss at one half of the median."""
    return _best(pairs, regression.quantile_loss, lambda: _quantile(pairs.actual, pairs.weight))
