"""Do scores mean what they say: reliability curve, expected and maximum calibration error, recalibration."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtr

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ScoreCounts, ratio, ratios
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, bootstrap, quantile_of_normal

BINS: Final = 10
_EDGE: Final = 1e-12


class Reliability(NamedTuple):
    """The reliability curve: arrays of shape `(bins,)`, one entry an equal-width bin of the score, NaN where empty."""

    weight: FloatArray
    mean_score: FloatArray
    observed: FloatArray
    """Share of positive rows."""
    lower: FloatArray
    upper: FloatArray


def reliability(counts: ScoreCounts, bins: int = BINS, confidence: float = CONFIDENCE) -> Reliability:
    """Observed share of positives against the mean score in equal-width bins of the score, with Wilson intervals."""
    weight, score, positives = _binned(counts, bins)
    observed = ratios(positives, weight)
    shrink = ratio(counts.effective, weight.sum())
    z, trials = quantile_of_normal(confidence), weight * shrink
    middle = ratios(observed + ratios(z**2, 2 * trials), 1 + ratios(z**2, trials))
    spread = ratios(observed * (1 - observed), trials) + ratios(z**2, 4 * trials**2)
    reach = ratios(z, 1 + ratios(z**2, trials)) * np.sqrt(spread)
    return Reliability(weight, ratios(score, weight), observed, middle - reach, middle + reach)


def expected_calibration_error(counts: ScoreCounts, bins: int = BINS) -> float:
    """Mean distance of score and observed share over the bins, by their rows (Naeini et al. 2015); 0 to 1.

    >>> counts = ScoreCounts(np.array([0.75]), np.array([1.0]), np.array([1.0]), 2.0)
    >>> expected_calibration_error(counts)
    0.25
    """
    weight, score, positives = _binned(counts, bins)
    return ratio(np.abs(positives - score).sum(), weight.sum())


def maximum_calibration_error(counts: ScoreCounts, bins: int = BINS) -> float:
    """The largest distance of score and observed share in any bin; 0 to 1.

    >>> counts = ScoreCounts(np.array([0.75]), np.array([1.0]), np.array([1.0]), 2.0)
    >>> maximum_calibration_error(counts)
    0.25
    """
    weight, score, positives = _binned(counts, bins)
    gaps = np.abs(ratios(positives - score, weight))
    return float(np.nanmax(gaps)) if np.isfinite(gaps).any() else float("nan")


def calibration_interval(counts: ScoreCounts, bins: int = BINS) -> Estimate:
    """Expected calibration error with its bootstrap interval."""
    weight, score, positives = _binned(counts, bins)
    mean = np.nan_to_num(ratios(score, weight))
    cells = np.stack([weight - positives, positives])

    def error(drawn: FloatArray) -> FloatArray:
        rows = drawn.sum(axis=-2)
        return ratios(np.abs(drawn[..., 1, :] - rows * mean).sum(axis=-1), rows.sum(axis=-1))

    lower, upper = bootstrap(cells, counts.effective, error)
    return Estimate(expected_calibration_error(counts, bins), float(lower), float(upper))


def noise_floor(counts: ScoreCounts, bins: int = BINS) -> float:
    """The calibration error that chance alone gives perfectly calibrated scores with this many rows.

    The mean of `|N(0, σ²)|` is `σ·√(2/π)`, so it is `Σ wᵢ·√(2·pᵢ(1 − pᵢ) / (π·nᵢ))` over the bins.
    """
    weight, score, _ = _binned(counts, bins)
    mean, shrink = np.nan_to_num(ratios(score, weight)), ratio(counts.effective, weight.sum())
    noise = weight * np.sqrt(mean * (1 - mean) * np.nan_to_num(ratios(1.0, weight * shrink)))
    return ratio(np.sqrt(2 / np.pi) * noise.sum(), weight.sum())


def _binned(counts: ScoreCounts, bins: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight, sum of scores and positives of each equal-width bin; the last bin includes 1."""
    place = np.clip((counts.score * bins).astype(int), 0, bins - 1)
    weight, score, positives = (
        np.bincount(place, part, bins).astype(np.float64)
        for part in (counts.total, counts.total * counts.score, counts.positives)
    )
    return weight, score, positives


def spiegelhalter(counts: ScoreCounts) -> tuple[float, float]:
    """Spiegelhalter's z (1986) that the scores are the true probabilities, and its two-sided p-value."""
    p, shrink = counts.score, ratio(counts.effective, counts.total.sum())
    excess = (counts.positives * (1 - p) * (1 - 2 * p) - counts.negatives * p * (1 - 2 * p)).sum()
    variance = (counts.total * (1 - 2 * p) ** 2 * p * (1 - p)).sum()
    z = ratio(excess * np.sqrt(shrink), np.sqrt(variance))
    return z, float(2 * ndtr(-abs(z)))


def prior_shift(counts: ScoreCounts, *, iterations: int = 50) -> float:
    """The constant that, added to the log odds of every score, makes their mean the observed share of positives.

    It is the part of miscalibration that a change of the label's frequency alone explains (calibration in the large,
    Cox 1958; under label shift the log odds move by one constant, Saerens et al. 2002). NaN for one class.
    """
    if not 0 < counts.prevalence < 1:
        return float("nan")
    odds, shift = logit(np.clip(counts.score, _EDGE, 1 - _EDGE)), 0.0
    for _ in range(iterations):
        p = expit(odds + shift)
        step = ratio(counts.positives.sum() - (counts.total * p).sum(), (counts.total * p * (1 - p)).sum())
        if not np.isfinite(step):
            return float("nan")
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-12:
            break
    return shift


def shifted(score: FloatArray, shift: float) -> FloatArray:
    """Scores with a constant added to their log odds."""
    return np.asarray(expit(logit(np.clip(score, _EDGE, 1 - _EDGE)) + shift), float)
