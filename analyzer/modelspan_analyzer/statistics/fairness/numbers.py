"""Fairness of a regression: how the numbers that a group is given, and their errors, lie beside those of all others.

Means are compared by the interval of a difference of independent means (`means.py`). Quantiles are Hazen's ("Storage
to be provided in impounding reservoirs", 1914): a row lies at the middle of its weight, and between two rows is a line.
Their intervals are the quantiles at the ends of the interval of a share (Woodruff, "Confidence intervals for medians
and other position measures", 1952). Whether a quantile moved is not asked of these, which have no width where many
rows are alike, but of the share of rows below it (`quantile_moved`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ratios
from modelspan_analyzer.statistics.performance.intervals import wilson_ends
from modelspan_analyzer.statistics.performance.means import Moments, moments, skewed
from modelspan_analyzer.statistics.special import ndtr


@dataclass(frozen=True, slots=True)
class Numbers:
    """Different rows of a regression, each as often as it is there; all of shape `(n,)`."""

    prediction: FloatArray
    """Ascending."""
    truth: FloatArray
    """NaN where it is not known."""
    weight: FloatArray
    """Sum of the weights of the rows that are alike."""
    squares: FloatArray
    """Sum of the squares of these weights."""

    @property
    def effective(self) -> float:
        """Kish's effective number of rows."""
        squares = float(self.squares.sum())
        return float(self.weight.sum()) ** 2 / squares if squares else 0.0

    @property
    def error(self) -> FloatArray:
        """Prediction less truth."""
        return self.prediction - self.truth

    def only(self, rows: npt.NDArray[np.bool_]) -> Numbers:
        """Some of the rows."""
        return Numbers(self.prediction[rows], self.truth[rows], self.weight[rows], self.squares[rows])

    def known(self) -> Numbers:
        """The rows whose truth is known."""
        return self.only(np.isfinite(self.truth))


@dataclass(frozen=True, slots=True)
class NumberGroups:
    """The rows of a regression and the group of a facet that each is in."""

    facet: str
    """The attribute, or several crossed, as results name it."""
    names: tuple[str, ...]
    """The groups, as results name them."""
    group: npt.NDArray[np.int64]
    """`(n,)`: the place of each row's group among the names."""
    rows: Numbers

    @property
    def sizes(self) -> FloatArray:
        """Effective rows of each group."""
        total, squares = (
            np.bincount(self.group, part, len(self.names)).astype(np.float64)
            for part in (self.rows.weight, self.rows.squares)
        )
        return np.nan_to_num(ratios(total**2, squares))

    @property
    def labelled_rows(self) -> float:
        """Effective rows whose truth is known."""
        return self.rows.known().effective


@dataclass(frozen=True, slots=True)
class NumberMeasure:
    """One difference between a group, `d`, and all others, `a`."""

    name: str
    counts: Literal["predictions", "both"]
    """Whether it needs labels too."""
    of: Callable[[Numbers], FloatArray]
    """What is averaged, or whose quantile is taken, `(n,)`; for a quantile ascending."""
    quantile: float | None = None
    """Of the values; their mean where it is None."""
    group_first: bool = False
    """`d − a` instead of `a − d`."""

    short: str = ""
    ideal: float = 0.0


def _predictions(rows: Numbers) -> FloatArray:
    return rows.prediction


def _errors(rows: Numbers) -> FloatArray:
    return rows.error


def _absolute_errors(rows: Numbers) -> FloatArray:
    return np.abs(rows.error)


NUMBER_MEASURES: Final[tuple[NumberMeasure, ...]] = (
    NumberMeasure("mean_prediction_difference", "predictions", _predictions),
    NumberMeasure("prediction_quantile_10_difference", "predictions", _predictions, 0.1),
    NumberMeasure("prediction_quantile_50_difference", "predictions", _predictions, 0.5),
    NumberMeasure("prediction_quantile_90_difference", "predictions", _predictions, 0.9),
    NumberMeasure("mean_error_difference", "both", _errors),
    NumberMeasure("mean_absolute_error_difference", "both", _absolute_errors, group_first=True),
)


def difference(measure: NumberMeasure, group: Numbers, rest: Numbers) -> tuple[Estimate, Estimate]:
    """A measure of a group against the rest, and the group's own value behind it, each with its 95 % interval.

    Args:
        measure: which one.
        group: its rows.
        rest: the rows of all others.

    Returns:
        NaN without rows; the ends are NaN below two effective rows on a side.

    >>> ones, unknown = np.ones(3), np.full(3, np.nan)
    >>> group, rest = (Numbers(np.array(each), unknown, ones, ones) for each in ([1.0, 2, 3], [4.0, 6, 8]))
    >>> difference(NUMBER_MEASURES[0], group, rest)[0].value
    4.0
    """
    with np.errstate(over="ignore", invalid="ignore"):  # squares of amounts near the largest float are infinite
        pair = (rest, group) if not measure.group_first else (group, rest)
        if measure.quantile is None:
            (more, its), (less, other) = (_mean(measure.of(part), part) for part in pair)
            apart = skewed(more - less, its.plus(other._replace(third=-other.third)))
            own = skewed(*_mean(measure.of(group), group))
        else:
            upper, lower = (quantile(measure.of(part), part, measure.quantile) for part in pair)
            apart, own = _apart(upper, lower), quantile(measure.of(group), group, measure.quantile)
    return apart, own


def _mean(values: FloatArray, rows: Numbers) -> tuple[float, Moments]:
    """The mean of values, about one of them, so that of equal values it is that value to the last digit."""
    if not values.size:
        return np.nan, Moments(np.nan, np.nan, np.nan)
    middle = values[values.size // 2]
    mean = middle + float(np.average(values - middle, weights=rows.weight))
    return float(mean), moments(values - middle, rows.weight, rows.effective)


def quantile(values: FloatArray, rows: Numbers, share: float) -> Estimate:
    """A quantile of ascending values, with its 95 % interval.

    >>> values = np.array([1.0, 2.0, 3.0, 4.0])
    >>> quantile(values, Numbers(values, values, np.ones(4), np.ones(4)), 0.5).value
    2.5
    """
    if not values.size:
        return Estimate(np.nan, np.nan, np.nan)
    ends = wilson_ends(share * rows.effective, rows.effective)
    last = np.cumsum(rows.weight)
    half = rows.squares / rows.weight / 2  # of the weight of one row, of those that are alike
    places = np.column_stack([last - rows.weight + half, last - half]).ravel() / last[-1]
    found = np.interp([share, float(ends.lower), float(ends.upper)], places, np.repeat(values, 2))
    return Estimate(*map(float, found))


def quantile_moved(now: Numbers, before: Numbers, share: float) -> float:
    """How probable rows of one distribution are to lie so differently about a quantile of those before: two-sided p.

    A row at the quantile counts for half; the variance is that of both together (as in a score test; Rao 1948). So the
    median of numbers of which many are alike does not move as it jumps from one to the next by chance.

    >>> threes, mostly = (np.repeat([3.0, 4.0], size) for size in ([52, 48], [49, 51]))
    >>> ones, unknown = np.ones(100), np.full(100, np.nan)
    >>> now, before = (Numbers(each, unknown, ones, ones) for each in (mostly, threes))
    >>> round(quantile_moved(now, before, 0.5), 2)
    0.67
    """
    at = quantile(before.prediction, before, share).value
    sides = [((one.prediction < at) + (one.prediction == at) / 2, one) for one in (now, before)]
    means = [float(np.average(below, weights=one.weight)) for below, one in sides]
    sizes = [one.effective for _, one in sides]
    spread = [float(np.average(below**2, weights=one.weight)) for below, one in sides]
    variance = np.average(spread, weights=sizes) - np.average(means, weights=sizes) ** 2
    error = math.sqrt(max(variance, 0.0) * (1 / sizes[0] + 1 / sizes[1]))
    return float(2 * ndtr(-abs(means[0] - means[1]) / error)) if error else 1.0


def _apart(more: Estimate, less: Estimate) -> Estimate:
    """The difference of two independent estimates, whose distances from their ends add up as errors do (MOVER: Zou
    and Donner, "Construction of confidence limits about effect measures", 2008)."""
    value = more.value - less.value
    below = np.hypot(more.value - more.lower, less.upper - less.value)
    above = np.hypot(more.upper - more.value, less.value - less.lower)
    return Estimate(value, float(value - below), float(value + above))


def typical_distance(rows: Numbers, measure: NumberMeasure) -> float:
    """How far one row usually lies from what is expected of it, in the predictions' unit: the mean absolute error for
    measures of errors, for others the mean absolute distance of predictions from their median; NaN without rows.

    >>> values = np.array([1.0, 2.0, 6.0])
    >>> round(typical_distance(Numbers(values, values, np.ones(3), np.ones(3)), NUMBER_MEASURES[0]), 3)
    1.667
    """
    if measure.counts == "both":
        known = rows.known()
        apart, weight = known.error, known.weight
    else:
        apart, weight = rows.prediction - quantile(rows.prediction, rows, 0.5).value, rows.weight
    return float(np.average(np.abs(apart), weights=weight)) if apart.size else float("nan")
