"""All performance measures in reading order: one table that drives computation, results, alarms and documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance import (
    areas,
    calibration,
    classification,
    constant,
    intervals,
    means,
    regression,
    scores,
)
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray, PairCounts, ScoreCounts
from modelspan_analyzer.statistics.performance.scarcity import scarce

Kept = npt.NDArray[np.bool_]
"""Which of the classes count, `(k,)`."""


@dataclass(frozen=True, slots=True)
class ConfusionMeasure:
    """A measure of the confusion matrix."""

    name: str
    of: Callable[[FloatArray], FloatArray]
    """`(..., k, k)` to `(...)`."""
    constant: Callable[[FloatArray], float]
    """The best value that always predicting one class reaches on the same rows."""
    ends: Callable[[FloatArray], tuple[FloatArray, FloatArray]]
    """Its interval on a matrix `(k, k)` of effective rows."""
    kinds: Callable[[FloatArray], dict[str, float]] = lambda _: {}
    """The rows that it takes enough of, by name."""
    higher_is_better: bool = True
    among: Callable[[Kept], ConfusionMeasure] | None = None
    """The same over some of the classes alone; None of what is no mean over classes."""

    def value(self, counts: Confusion) -> float:
        """The value alone."""
        return float(self.of(counts.matrix))

    def estimate(self, counts: Confusion) -> Estimate:
        """Value and interval; the latter NaN where there are too few rows for it to hold."""
        value, rows = self.value(counts), counts.matrix * counts.shrink
        if not np.isfinite(value) or self.lacks(counts):
            return Estimate(value, np.nan, np.nan)
        lower, upper = self.ends(rows)
        return Estimate(value, float(lower), float(upper))

    def lacks(self, counts: Confusion) -> str:
        """What there is too little of; '' where there is enough."""
        return scarce(self.kinds(counts.matrix * counts.shrink), counts.effective)


@dataclass(frozen=True, slots=True)
class ScoreMeasure:
    """A measure of a score against a binary truth."""

    name: str
    value: Callable[[ScoreCounts], float]
    interval: Callable[[ScoreCounts], Estimate]
    """The value with its interval."""
    constant: Callable[[ScoreCounts], float]
    """The value of the best score that is the same for every row."""
    higher_is_better: bool = True
    probabilities: bool = False
    """It takes scores for probabilities, not only for an order."""

    def estimate(self, counts: ScoreCounts) -> Estimate:
        """Value and interval; the latter NaN where there are too few rows of either class for it to hold."""
        found = self.interval(counts)
        return found._replace(lower=np.nan, upper=np.nan) if self.lacks(counts) else found

    def lacks(self, counts: ScoreCounts) -> str:
        """What there is too little of; '' where there is enough."""
        rows = counts.effective
        return scarce({"positives": counts.prevalence * rows, "negatives": (1 - counts.prevalence) * rows}, rows)


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


def _weighted(measure: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: classification.weighted(measure(matrix), matrix)


def _classes(rows: FloatArray) -> dict[str, float]:
    """True rows of both classes."""
    return {"positives": float(rows[-1].sum()), "negatives": float(rows[0].sum())}


def _answers(rows: FloatArray) -> dict[str, float]:
    """Rows that were answered with either class."""
    return {"positive answers": float(rows[:, -1].sum()), "negative answers": float(rows[:, 0].sum())}


def _both(rows: FloatArray) -> dict[str, float]:
    return {**_classes(rows), **_answers(rows)}


def _only(kind: str) -> Callable[[FloatArray], dict[str, float]]:
    return lambda rows: {kind: _both(rows)[kind]}


def _share(name: str, of: Callable[[FloatArray], FloatArray], place: tuple[int, int], kind: str) -> ConfusionMeasure:
    """A share of the rows of one kind: of a row of the matrix (a true class), or of a column (an answer)."""
    axis, at = place
    return ConfusionMeasure(
        name,
        of,
        constant.best_class(of),
        lambda rows: intervals.wilson_ends(rows[at, at], rows.sum(axis=axis)[at]),
        _only(kind),
    )


def _over_classes(
    name: str,
    by_class: Callable[[FloatArray], FloatArray],
    ends: Callable[[FloatArray, Kept | slice], tuple[FloatArray, FloatArray]],
) -> ConfusionMeasure:
    """A plain mean over the classes that it is defined for; `ends` gives the interval over those that are kept."""

    def among(kept: Kept | slice) -> ConfusionMeasure:
        of = _macro(by_class, kept)
        return ConfusionMeasure(name, of, constant.best_class(of), lambda rows: ends(rows, kept))

    return replace(among(slice(None)), among=among)


def _macro(by_class: Callable[[FloatArray], FloatArray], kept: Kept | slice) -> Callable[[FloatArray], FloatArray]:
    return lambda matrix: classification.macro(by_class(matrix)[..., kept])


def _mean_of_shares(
    name: str,
    by_class: Callable[[FloatArray], FloatArray],
    ends: Callable[[FloatArray], intervals.Ends],
    correlation: Callable[[FloatArray], FloatArray] | None = None,
) -> ConfusionMeasure:
    """A mean over classes whose interval is made of the classes' own, and of how they move together."""

    def of_kept(rows: FloatArray, kept: Kept | slice) -> intervals.Ends:
        each, together = ends(rows), correlation(rows)[kept][:, kept] if correlation else None
        own = intervals.Ends(each.lower[kept], each.upper[kept])
        return intervals.mean_of_shares(by_class(rows)[kept], own, together)

    return _over_classes(name, by_class, of_kept)


def _drawn(name: str, of: Callable[[FloatArray], FloatArray]) -> ConfusionMeasure:
    return ConfusionMeasure(name, of, constant.best_class(of), lambda rows: intervals.posterior(rows, of))


def _shares_along(axis: int) -> Callable[[FloatArray], intervals.Ends]:
    return lambda rows: intervals.wilson_ends(np.diagonal(rows), rows.sum(axis=axis))


def _f1_ends(rows: FloatArray) -> intervals.Ends:
    hits = np.diagonal(rows)
    return intervals.f1_ends(hits, rows.sum(axis=0) + rows.sum(axis=1) - hits)


def _f1_correlation(rows: FloatArray) -> FloatArray:
    """Of the classes' F1, which one wrong row lowers by twos."""
    drawn = classification.f_score(intervals.possible(rows))
    apart = drawn - drawn.mean(axis=0)
    spread = np.sqrt((apart**2).sum(axis=0))
    return np.asarray(apart.T @ apart / np.outer(spread, spread))


def _union(rows: FloatArray) -> dict[str, float]:
    return {"rows that are positive or answered so": float(rows.sum() - rows[0, 0])}


_ACCURACY: Final = ConfusionMeasure(
    "accuracy",
    classification.accuracy,
    constant.best_class(classification.accuracy),
    lambda rows: intervals.wilson_ends(np.trace(rows), rows.sum()),
)
_BALANCED: Final = _mean_of_shares("balanced_accuracy", classification.recall, _shares_along(1))
_SHARED: Final = (
    _drawn("matthews_correlation", classification.matthews),
    _drawn("cohen_kappa", classification.kappa),
)

BINARY: Final[tuple[ConfusionMeasure, ...]] = (
    _ACCURACY,
    replace(_BALANCED, kinds=_classes, among=None),
    *(replace(one, kinds=_both) for one in _SHARED),
    _share("precision", _positive(classification.precision), (0, -1), "positive answers"),
    _share("recall", _positive(classification.recall), (1, -1), "positives"),
    _share("specificity", _negative(classification.recall), (1, 0), "negatives"),
    _share("negative_predictive_value", _negative(classification.precision), (0, 0), "negative answers"),
    ConfusionMeasure(
        "f1",
        _positive(classification.f_score),
        constant.best_class(_positive(classification.f_score)),
        lambda rows: (_f1_ends(rows).lower[-1], _f1_ends(rows).upper[-1]),
        _union,
    ),
)

MULTICLASS: Final[tuple[ConfusionMeasure, ...]] = (
    _ACCURACY,
    _BALANCED,
    *_SHARED,
    _mean_of_shares("precision_macro", classification.precision, _shares_along(0)),
    _mean_of_shares("recall_macro", classification.recall, _shares_along(1)),
    _mean_of_shares("f1_macro", classification.f_score, _f1_ends, _f1_correlation),
    _over_classes(
        "specificity_macro",
        classification.specificity,
        lambda rows, kept: intervals.posterior(rows, _macro(classification.specificity, kept)),
    ),
    _drawn("f1_weighted", _weighted(classification.f_score)),
)

SCORES: Final[tuple[ScoreMeasure, ...]] = (
    ScoreMeasure("roc_auc", scores.roc_auc, areas.delong, lambda _: 0.5),
    ScoreMeasure(
        "average_precision",
        scores.average_precision,
        areas.average_precision_interval,
        lambda counts: counts.prevalence,
    ),
    ScoreMeasure(
        "log_loss",
        scores.log_loss,
        means.log_loss_interval,
        constant.log_loss,
        higher_is_better=False,
        probabilities=True,
    ),
    ScoreMeasure(
        "brier", scores.brier, means.brier_interval, constant.brier, higher_is_better=False, probabilities=True
    ),
    ScoreMeasure(
        "expected_calibration_error",
        calibration.expected_calibration_error,
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

OF_SQUARES: Final = ("mean_squared_error", "root_mean_squared_error", "r_squared")
"""Measures of a regression that hang on its largest errors most."""

Measure = ConfusionMeasure | ScoreMeasure | PairMeasure


def roc_auc_by_class(counts: Mapping[str, ScoreCounts]) -> dict[str, Estimate]:
    """AUC of each class against the rest."""
    return {name: areas.delong(one) for name, one in counts.items()}


def roc_auc_macro(by_class: Mapping[str, Estimate]) -> Estimate:
    """Their mean, unweighted, with the root mean square of their intervals' reach to either side."""
    value, lower, upper = np.array(list(by_class.values())).T
    mean, below, above = value.mean(), *(np.sqrt(np.mean(reach**2)) for reach in (value - lower, upper - value))
    return Estimate(float(mean), float(mean - below), float(mean + above))
