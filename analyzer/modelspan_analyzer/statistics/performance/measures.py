"""All performance measures in reading order: one table that drives computation, results, alarms and documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.performance import (
    calibration,
    classification,
    constant,
    intervals,
    regression,
    scores,
)
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray, PairCounts, ScoreCounts


@dataclass(frozen=True, slots=True)
class ConfusionMeasure:
    """A measure of the confusion matrix: a share of counted rows (Wilson interval), or any function (bootstrap)."""

    name: str
    of: Callable[[FloatArray], FloatArray]
    """`(..., k, k)` to `(...)`."""
    constant: Callable[[FloatArray], float]
    """The best value that always predicting one class reaches on the same rows."""
    trials: Callable[[FloatArray], float] | None = None
    """For a share: how many rows it is a share of."""
    higher_is_better: bool = True

    def estimate(self, counts: Confusion) -> Estimate:
        """Value and interval."""
        value = float(self.of(counts.matrix))
        if self.trials is not None and np.isfinite(value):
            trials = self.trials(counts.matrix) * counts.shrink
            return intervals.wilson(value * trials, trials)._replace(value=value)
        lower, upper = intervals.bootstrap(counts.matrix, counts.effective, self.of)
        return Estimate(value, float(lower), float(upper))


@dataclass(frozen=True, slots=True)
class ScoreMeasure:
    """A measure of a score against a binary truth."""

    name: str
    estimate: Callable[[ScoreCounts], Estimate]
    constant: Callable[[ScoreCounts], float]
    """The value of the best score that is the same for every row."""
    higher_is_better: bool = True
    probabilities: bool = False
    """It takes scores for probabilities, not only for an order."""


@dataclass(frozen=True, slots=True)
class PairMeasure:
    """A measure of a regression."""

    name: str
    estimate: Callable[[PairCounts], Estimate]
    constant: Callable[[PairCounts], float]
    """The value of the best number that is the same for every row."""
    higher_is_better: bool = False


def _positive(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: measure(matrix)[..., -1]


def _negative(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: measure(matrix)[..., 0]


def _macro(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: classification.macro(measure(matrix))


def _weighted(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: classification.weighted(measure(matrix), matrix)


def _confusion(
    name: str, of: Callable[[FloatArray], FloatArray], trials: Callable[[FloatArray], float] | None = None
) -> ConfusionMeasure:
    return ConfusionMeasure(name, of, constant.best_class(of), trials)


def _average_precision(counts: ScoreCounts) -> Estimate:
    positives = counts.positives.sum() * counts.effective / max(counts.total.sum(), 1e-300)
    return intervals.boyd(scores.average_precision(counts), float(positives))


_SHARED: Final = (
    _confusion("accuracy", classification.accuracy, lambda matrix: float(matrix.sum())),
    _confusion("balanced_accuracy", classification.balanced_accuracy),
    _confusion("matthews_correlation", classification.matthews),
    _confusion("cohen_kappa", classification.kappa),
)

BINARY: Final[tuple[ConfusionMeasure, ...]] = (
    *_SHARED,
    _confusion("precision", _positive(classification.precision), lambda matrix: float(matrix[:, -1].sum())),
    _confusion("recall", _positive(classification.recall), lambda matrix: float(matrix[-1].sum())),
    _confusion("specificity", _negative(classification.recall), lambda matrix: float(matrix[0].sum())),
    _confusion(
        "negative_predictive_value", _negative(classification.precision), lambda matrix: float(matrix[:, 0].sum())
    ),
    _confusion("f1", _positive(classification.f_score)),
)

MULTICLASS: Final[tuple[ConfusionMeasure, ...]] = (
    *_SHARED,
    _confusion("precision_macro", _macro(classification.precision)),
    _confusion("recall_macro", _macro(classification.recall)),
    _confusion("f1_macro", _macro(classification.f_score)),
    _confusion("specificity_macro", _macro(classification.specificity)),
    _confusion("f1_weighted", _weighted(classification.f_score)),
)

SCORES: Final[tuple[ScoreMeasure, ...]] = (
    ScoreMeasure("roc_auc", intervals.delong, lambda _: 0.5),
    ScoreMeasure("average_precision", _average_precision, lambda counts: counts.prevalence),
    ScoreMeasure(
        "log_loss", intervals.log_loss_interval, constant.log_loss, higher_is_better=False, probabilities=True
    ),
    ScoreMeasure("brier", intervals.brier_interval, constant.brier, higher_is_better=False, probabilities=True),
    ScoreMeasure(
        "expected_calibration_error",
        calibration.calibration_interval,
        lambda _: 0.0,
        higher_is_better=False,
        probabilities=True,
    ),
)

REGRESSION: Final[tuple[PairMeasure, ...]] = (
    PairMeasure("mean_absolute_error", regression.mean_absolute_error, constant.absolute_error),
    PairMeasure("mean_squared_error", regression.mean_squared_error, constant.squared_error),
    PairMeasure("root_mean_squared_error", regression.root_mean_squared_error, constant.root_squared_error),
    PairMeasure("mean_absolute_percentage_error", regression.mean_absolute_percentage_error, constant.percentage_error),
    PairMeasure("mean_squared_log_error", regression.mean_squared_log_error, constant.squared_log_error),
    PairMeasure("root_mean_squared_log_error", regression.root_mean_squared_log_error, constant.root_squared_log_error),
    PairMeasure("r_squared", regression.r_squared, lambda _: 0.0, higher_is_better=True),
    PairMeasure("bias", regression.bias, lambda _: 0.0),
    PairMeasure("median_quantile_loss", regression.quantile_loss, constant.median_loss),
)

Measure = ConfusionMeasure | ScoreMeasure | PairMeasure


def roc_auc_by_class(counts: Mapping[str, ScoreCounts]) -> dict[str, Estimate]:
    """AUC of each class against the rest."""
    return {name: intervals.delong(one) for name, one in counts.items()}


def roc_auc_macro(by_class: Mapping[str, Estimate]) -> Estimate:
    """Their mean, unweighted, with the root mean square of their intervals' reach."""
    value, lower, upper = np.array(list(by_class.values())).T
    mean, reach = float(value.mean()), float(np.sqrt(np.mean(((upper - lower) / 2) ** 2)))
    return Estimate(mean, mean - reach, mean + reach)
