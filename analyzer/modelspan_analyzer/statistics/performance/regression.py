"""Regression errors from the counts of (prediction, actual) pairs, each with its confidence interval.

The examples are those of scikit-learn's documentation.
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, PairCounts, ratio
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE
from modelspan_analyzer.statistics.performance.means import mean_interval


def _mean(losses: FloatArray, pairs: PairCounts) -> Estimate:
    if not pairs.weight.size:
        return Estimate(np.nan, np.nan, np.nan)
    interval = mean_interval(losses, pairs.weight, pairs.effective, confidence=CONFIDENCE)
    return interval._replace(value=float(np.average(losses, weights=pairs.weight)))


def _root(squared: Estimate) -> Estimate:
    lower, upper = np.sqrt(np.maximum([squared.lower, squared.upper], 0.0))
    return Estimate(float(np.sqrt(squared.value)), float(lower), float(upper))


def mean_absolute_error(pairs: PairCounts) -> Estimate:
    """MAE: mean of `|prediction − actual|`, in the target's unit.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> mean_absolute_error(pairs).value
    0.5
    """
    return _mean(np.abs(pairs.prediction - pairs.actual), pairs)


def mean_squared_error(pairs: PairCounts) -> Estimate:
    """MSE: mean of `(prediction − actual)²`.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> mean_squared_error(pairs).value
    0.375
    """
    return _mean((pairs.prediction - pairs.actual) ** 2, pairs)


def root_mean_squared_error(pairs: PairCounts) -> Estimate:
    """RMSE: square root of the MSE, in the target's unit.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> round(root_mean_squared_error(pairs).value, 3)
    0.612
    """
    return _root(mean_squared_error(pairs))


def mean_absolute_percentage_error(pairs: PairCounts) -> Estimate:
    """MAPE: mean of `|prediction − actual| / |actual|`, a share, over the rows whose actual is not 0.

    No percentage of 0 is defined. Dividing by one float epsilon instead, as scikit-learn does, gives numbers like 8e14.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> round(mean_absolute_percentage_error(pairs).value, 4)
    0.3274
    """
    kept = of_nonzero(pairs)
    return _mean(np.abs(kept.prediction - kept.actual) / np.abs(kept.actual), kept)


def of_nonzero(pairs: PairCounts) -> PairCounts:
    """The pairs whose actual is not 0; rows count for as much as before."""
    kept = pairs.actual != 0
    share = float(pairs.weight[kept].sum()) / max(float(pairs.weight.sum()), 1e-300)
    return PairCounts(pairs.prediction[kept], pairs.actual[kept], pairs.weight[kept], pairs.effective * share)


def mean_squared_log_error(pairs: PairCounts) -> Estimate:
    """MSLE: mean squared difference of `log(1 + x)`; NaN where a prediction or an actual is at or below −1.

    >>> pairs = PairCounts(np.array([2.5, 5, 4, 8]), np.array([3, 5, 2.5, 7]), np.ones(4), 4.0)
    >>> round(mean_squared_log_error(pairs).value, 4)
    0.0397
    """
    if pairs.weight.size and min(pairs.prediction.min(), pairs.actual.min()) <= -1:
        return Estimate(np.nan, np.nan, np.nan)
    return _mean((np.log1p(pairs.prediction) - np.log1p(pairs.actual)) ** 2, pairs)


def root_mean_squared_log_error(pairs: PairCounts) -> Estimate:
    """RMSLE: square root of the MSLE.

    >>> pairs = PairCounts(np.array([2.5, 5, 4, 8]), np.array([3, 5, 2.5, 7]), np.ones(4), 4.0)
    >>> round(root_mean_squared_log_error(pairs).value, 3)
    0.199
    """
    return _root(mean_squared_log_error(pairs))


def rows_for_tails(pairs: PairCounts) -> float:
    """How many rows it takes to show how large squared errors may be: the kurtosis of squared errors; NaN without any.

    The variance of a mean is known from about `n / kurtosis` of `n` rows. With fewer than one, most windows hold none
    of the errors that make the mean, and nothing in them tells that there are any.

    >>> pairs = PairCounts(np.zeros(100), np.append(np.tile([-1.0, 1.0], 49), [-9.0, 11.0]), np.ones(100), 100.0)
    >>> round(rows_for_tails(pairs))
    55
    """
    if not pairs.weight.size:
        return np.nan
    squares = (pairs.prediction - pairs.actual) ** 2
    apart = (squares - np.average(squares, weights=pairs.weight)) ** 2
    second, fourth = (float(np.average(power, weights=pairs.weight)) for power in (apart, apart**2))
    return ratio(fourth, second**2)


def bias(pairs: PairCounts) -> Estimate:
    """Mean of `prediction − actual`: above 0 the model predicts too much.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> bias(pairs).value
    0.25
    """
    return _mean(pairs.prediction - pairs.actual, pairs)


def quantile_loss(pairs: PairCounts, quantile: float = 0.5) -> Estimate:
    """Pinball loss: an actual above the prediction costs `quantile` a unit, one below `1 − quantile` (Koenker 1978).

    Raises:
        ValueError: the quantile is not between 0 and 1.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> quantile_loss(pairs).value
    0.25
    """
    if not 0 < quantile < 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {quantile}")
    short = pairs.actual - pairs.prediction
    return _mean(np.maximum(quantile * short, (quantile - 1) * short), pairs)


def r_squared(pairs: PairCounts) -> Estimate:
    """R²: share of the actuals' variance that the predictions explain; 1 perfect, 0 as good as their mean.

    The interval is the delta method's: R² is a smooth function of two means, so its error is that of the mean of
    `(MSE·(y − ȳ)²/V − e²) / V`, with `V` the variance of the actuals.

    >>> pairs = PairCounts(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7]), np.ones(4), 4.0)
    >>> round(r_squared(pairs).value, 3)
    0.949
    """
    if not pairs.weight.size:
        return Estimate(np.nan, np.nan, np.nan)
    squares = (pairs.prediction - pairs.actual) ** 2
    centred = (pairs.actual - np.average(pairs.actual, weights=pairs.weight)) ** 2
    error, variance = np.average(squares, weights=pairs.weight), np.average(centred, weights=pairs.weight)
    if variance == 0:
        return Estimate(np.nan, np.nan, np.nan)
    value = float(1 - error / variance)
    influence = _mean((error * centred / variance - squares) / variance, pairs)
    return Estimate(value, value + influence.lower - influence.value, value + influence.upper - influence.value)
