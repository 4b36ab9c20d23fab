"""Confidence intervals of means, also of skewed and heavy-tailed losses, of which a few rows carry the most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ScoreCounts
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE
from modelspan_analyzer.statistics.performance.scores import log_losses
from modelspan_analyzer.statistics.special import stdtrit


class Moments(NamedTuple):
    """What is known of the error of a mean, or of what is nearly one; those of independent means add up."""

    variance: float
    third: float
    """Third central moment."""
    fourth: float
    """Of the rows, over the cube of their number: how much of the variance hangs on single rows."""

    @property
    def carried(self) -> float:
        """How many rows the variance is known from: `n / kurtosis`, at least 1."""
        return max(1.0, self.variance**2 / self.fourth) if self.fourth > 0 else np.inf

    def quantile(self, confidence: float) -> float:
        """Of Student's t with as many degrees of freedom as rows carry the variance."""
        return float(stdtrit(min(self.carried, 1e9), 0.5 + confidence / 2))

    def plus(self, other: Moments) -> Moments:
        """Of the sum of two independent means."""
        return Moments(*(mine + its for mine, its in zip(self, other, strict=True)))

    def of_variance(self, variance: float) -> Moments:
        """Of an error that is distributed alike, with another variance.

        >>> Moments(1.0, 1.0, 1.0).of_variance(4.0)
        Moments(variance=4.0, third=8.0, fourth=16.0)
        """
        times = np.sqrt(variance / self.variance) if self.variance > 0 else 0.0
        return Moments(variance, self.third * float(times**3), self.fourth * float(times**4))


def moments(values: FloatArray, weights: FloatArray, effective: float) -> Moments:
    """Of the weighted mean of values, with as many effective rows; NaN below two of them.

    >>> [round(one, 4) for one in moments(np.array([1.0, 2.0, 6.0]), np.ones(3), 3.0)]
    [2.3333, 0.6667, 1.2099]
    """
    if effective < 2:
        return Moments(np.nan, np.nan, np.nan)
    square = (apart := values - np.average(values, weights=weights)) ** 2
    second, third, fourth = (float(np.average(power, weights=weights)) for power in (square, square * apart, square**2))
    return Moments(second / (effective - 1), third / effective**2, fourth / effective**3)


def of_weighted(apart: FloatArray, weights: FloatArray) -> Moments:
    """The same of a weighted mean, from distances to it and weights that are no counts of rows.

    >>> apart = np.array([-2.0, -1.0, 3.0])
    >>> [round(one, 4) for one in of_weighted(apart, np.ones(3))]
    [1.5556, 0.6667, 1.2099]
    """
    pull = apart * weights / weights.sum()
    return Moments(*(float((pull**power).sum()) for power in (2, 3, 4)))


def of_raw(mean: float, squares: float, cubes: float, fourths: float, effective: float) -> Moments:
    """The same from the means of the values' powers, as a database gives them.

    >>> [round(one, 4) for one in of_raw(3.0, 41 / 3, 75.0, 1313 / 3, 3.0)]
    [2.3333, 0.6667, 1.2099]
    """
    if effective < 2:
        return Moments(np.nan, np.nan, np.nan)
    second = max(squares - mean**2, 0.0)
    third = cubes - 3 * mean * squares + 2 * mean**3
    fourth = max(fourths - 4 * mean * cubes + 6 * mean**2 * squares - 3 * mean**4, second**2)
    return Moments(second / (effective - 1), third / effective**2, fourth / effective**3)


def skewed(value: float, known: Moments, confidence: float = CONFIDENCE) -> Estimate:
    """A mean with an interval that leans as its rows do.

    Hall's cubic transformation takes the skewness out of Student's ratio ("On the removal of skewness by
    transformation", 1992), and the quantile is of Student's t with `n / kurtosis` degrees of freedom, the number of
    rows that the variance is known from (Satterthwaite's matching of the variance's own variance, 1946).

    >>> estimate = skewed(3.0, moments(np.array([1.0, 2.0, 6.0]), np.ones(3), 3.0))
    >>> bool(3 - estimate.lower < estimate.upper - 3)
    True
    """
    error, quantile = float(np.sqrt(known.variance)), known.quantile(confidence)
    lean = known.third / known.variance**1.5 if known.variance > 0 else 0.0
    if not np.isfinite(lean) or abs(lean) < 1e-6:
        return Estimate(value, value - quantile * error, value + quantile * error)
    low, high = (3 / lean * (np.cbrt(1 + lean * (z - lean / 6)) - 1) for z in (-quantile, quantile))
    return Estimate(value, float(value - error * high), float(value - error * low))


def mean_interval(
    losses: FloatArray, weights: FloatArray, effective: float, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Weighted mean with its interval (see `skewed`), that of losses not below 0; NaN below two effective rows."""
    if effective < 2:
        return Estimate(np.nan, np.nan, np.nan)
    found = skewed(float(np.average(losses, weights=weights)), moments(losses, weights, effective), confidence)
    return found._replace(lower=max(found.lower, 0.0)) if losses.min() >= 0 else found


def log_loss_interval(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """Log loss with the interval of a mean."""
    positive, negative = log_losses(counts.score)
    return mean_interval(np.concatenate([positive, negative]), _both(counts), counts.effective, confidence=confidence)


def brier_interval(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """Brier score with the interval of a mean."""
    losses = np.concatenate([(1 - counts.score) ** 2, counts.score**2])
    return mean_interval(losses, _both(counts), counts.effective, confidence=confidence)


def _both(counts: ScoreCounts) -> FloatArray:
    return np.concatenate([counts.positives, counts.negatives])
