"""Do scores mean what they say: reliability curve, expected and maximum calibration error, recalibration."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ScoreCounts, ratio, ratios
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, wilson_ends
from modelspan_analyzer.statistics.special import expit, gammaincc, logit, ndtr

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
    rows = ratio(counts.effective, weight.sum())
    ends = wilson_ends(positives * rows, weight * rows, confidence)
    return Reliability(weight, ratios(score, weight), ratios(positives, weight), *ends)


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
    """Expected calibration error with the errors that its rows could come from.

    The observed error is that of the gaps plus that of chance, so that a bootstrap of the rows has chance twice and
    never reaches 0. Instead: if the true gaps were the observed ones times one factor, the sum of `|N(gap, σ²)|` has
    a known mean and variance (folded normal, Leone, Nelson and Nottingham 1961), and the tails of about the gamma
    distribution with these; the interval holds the errors of all factors under which what was observed is in neither
    tail of 2.5 %. Its upper end is at least the observed error.
    """
    weight, score, positives = _binned(counts, bins)
    observed, total, rows = (
        expected_calibration_error(counts, bins),
        weight.sum(),
        ratio(counts.effective, weight.sum()),
    )
    if not total or not observed:
        return Estimate(observed, np.nan, np.nan)
    factors, gaps = np.linspace(0.0, 3.0, 301), (positives - score)[:, None]
    share = np.clip(np.nan_to_num(ratios(score[:, None] + gaps * factors, weight[:, None])), 0, 1)
    noise = np.sqrt(weight[:, None] * share * (1 - share) / rows)
    mean, variance = _folded(gaps * factors, noise)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = gammaincc(mean**2 / variance, observed * total * mean / variance)
    allowed = (1 - CONFIDENCE) / 2
    known = factors[(tail >= allowed) & (tail <= 1 - allowed) & (variance > 0)]
    if not known.size:
        return Estimate(observed, np.nan, np.nan)
    return Estimate(observed, float(known[0] * observed), float(max(known[-1], 1.0) * observed))


def _folded(gaps: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the sum of `|N(gap, noise²)|` along the first axis."""
    apart = np.divide(gaps, noise, out=np.zeros_like(gaps), where=noise > 0)
    mean = noise * np.sqrt(2 / np.pi) * np.exp(-(apart**2) / 2) + gaps * (1 - 2 * ndtr(-apart))
    mean = np.where(noise > 0, mean, np.abs(gaps))
    return mean.sum(axis=0), np.maximum(gaps**2 + noise**2 - mean**2, 0).sum(axis=0)


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
