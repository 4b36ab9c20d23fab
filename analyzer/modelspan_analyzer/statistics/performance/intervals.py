"""Confidence intervals that fit the measure: Wilson for shares, DeLong for AUC, bootstrap for the rest.

A bootstrap of rows only changes how often each kind of row occurs; so a multinomial draw over aggregated counts *is*
the bootstrap of the rows, at the cost of the number of cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.special import expit, logit, ndtri

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ScoreCounts
from modelspan_analyzer.statistics.performance.scores import log_losses, roc_auc

CONFIDENCE: Final = 0.95
DRAWS: Final = 1000
_SEED: Final = 20230928
"""Fixed, so that the same counts always give the same interval."""


def quantile_of_normal(confidence: float) -> float:
    """How many standard errors a two-sided interval of this confidence reaches to either side.

    >>> round(quantile_of_normal(0.95), 3)
    1.96
    """
    return float(ndtri(0.5 + confidence / 2))


def wilson(successes: float, trials: float, confidence: float = CONFIDENCE) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927), which stays inside 0 to 1 and holds for small counts.

    >>> round(wilson(0, 10).upper, 4)
    0.2775
    """
    if trials <= 0:
        return Estimate(np.nan, np.nan, np.nan)
    z, share = quantile_of_normal(confidence), successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return Estimate(share, float(max(0.0, middle - reach)), float(min(1.0, middle + reach)))


def normal(value: float, error: float, confidence: float = CONFIDENCE) -> Estimate:
    """A value with the normal interval of its standard error.

    >>> round(normal(0.0, 1.0).upper, 3)
    1.96
    """
    reach = quantile_of_normal(confidence) * error
    return Estimate(value, value - reach, value + reach)


def bootstrap(
    cells: FloatArray, effective: float, measure: Callable[[FloatArray], FloatArray], confidence: float = CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of `measure(cells)` under resampling of the rows behind the cells.

    Args:
        cells: weights of each kind of row, of any shape.
        effective: how many rows they stand for (see `Confusion.effective`).
        measure: vectorised over one leading axis: `(draws, *cells.shape)` in, `(draws, ...)` out.
        confidence: share of the draws inside the interval.

    Returns:
        The lower and the upper ends, of the measure's shape; NaN where fewer than half of the draws define it.
    """
    total = float(cells.sum())
    if total <= 0 or effective < 1:
        empty = np.full_like(measure(cells[None])[0], np.nan)
        return empty, empty
    generator = np.random.default_rng(_SEED)
    drawn = generator.multinomial(round(effective), cells.ravel() / total, size=DRAWS).reshape(DRAWS, *cells.shape)
    values: FloatArray = measure((drawn * (total / round(effective))).astype(np.float64))
    defined = np.isfinite(values).mean(axis=0) >= 0.5
    tail = (1 - confidence) / 2
    safe = np.where(defined, values, 0.0)
    quantile = np.nanquantile if np.isnan(safe).any() else np.quantile  # the latter is five times as fast
    with np.errstate(invalid="ignore"):  # between two infinite draws no end is defined
        lower, upper = quantile(safe, [tail, 1 - tail], axis=0)
    return np.where(defined, lower, np.nan), np.where(defined, upper, np.nan)


def delong(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """ROC AUC with the interval of DeLong, DeLong and Clarke-Pearson (1988), on the logit scale to stay in 0 to 1."""
    value = roc_auc(counts)
    error = delong_error(counts)
    if not 0 < value < 1 or not np.isfinite(error):
        return Estimate(value, np.nan, np.nan)
    reach = quantile_of_normal(confidence) * error / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))


def delong_error(counts: ScoreCounts) -> float:
    """DeLong's standard error of the ROC AUC; NaN with fewer than two effective rows of either class."""
    positives, negatives = float(counts.positives.sum()), float(counts.negatives.sum())
    shrink = counts.effective / (positives + negatives) if positives + negatives else 0.0
    n_positive, n_negative = positives * shrink, negatives * shrink
    if min(n_positive, n_negative) < 2:
        return float("nan")
    below = np.cumsum(counts.negatives) - counts.negatives / 2
    above = positives - np.cumsum(counts.positives) + counts.positives / 2
    variance = _spread(below / negatives, counts.positives) / (n_positive - 1)
    variance += _spread(above / positives, counts.negatives) / (n_negative - 1)
    return float(np.sqrt(variance))


def _spread(values: FloatArray, weights: FloatArray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.average((values - mean) ** 2, weights=weights))


def boyd(value: float, positives: float, confidence: float = CONFIDENCE) -> Estimate:
    """Average precision with the logit interval of Boyd, Eng and Page (2013), from the number of positive rows."""
    if not 0 < value < 1 or positives < 1:
        return Estimate(value, np.nan, np.nan)
    reach = quantile_of_normal(confidence) / np.sqrt(positives * value * (1 - value))
    return Estimate(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))


def log_loss_interval(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """Log loss with the normal interval of a mean."""
    positive, negative = log_losses(counts.score)
    return mean_interval(np.concatenate([positive, negative]), _both(counts), counts.effective, confidence=confidence)


def brier_interval(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """Brier score with the normal interval of a mean."""
    losses = np.concatenate([(1 - counts.score) ** 2, counts.score**2])
    return mean_interval(losses, _both(counts), counts.effective, confidence=confidence)


def _both(counts: ScoreCounts) -> FloatArray:
    return np.concatenate([counts.positives, counts.negatives])


def mean_interval(
    losses: FloatArray, weights: FloatArray, effective: float, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Weighted mean with its normal interval; NaN below two effective rows."""
    if effective < 2:
        return Estimate(np.nan, np.nan, np.nan)
    mean = float(np.average(losses, weights=weights))
    return normal(mean, float(np.sqrt(_spread(losses, weights) / (effective - 1))), confidence)
