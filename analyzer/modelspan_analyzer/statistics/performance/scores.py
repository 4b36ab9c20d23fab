"""Measures of a score against a binary truth, exact, from the counts at each distinct score.

The examples are those of scikit-learn's documentation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts, ratio, ratios

_CLIP = float(np.finfo(np.float64).eps)


def unscaled(score: FloatArray) -> str:
    """Why scores are no probabilities, and what to do; '' where they may be.

    >>> unscaled(np.array([0.0, 1.0]))
    ''
    """
    if not score.size or (score.min() >= 0 and score.max() <= 1):
        return ""
    return (
        f"scores lie from {score.min():.4g} to {score.max():.4g}, so they are no probabilities: divide them by their "
        "largest possible value, or read files with `--score-scale`"
    )


def roc_auc(counts: ScoreCounts) -> float:
    """Area under the ROC curve: chance that a positive row outscores a negative one, ties half; NaN for one class.

    >>> counts = ScoreCounts(np.array([0.1, 0.35, 0.4, 0.8]), np.array([0, 1, 0, 1.0]), np.array([1, 0, 1, 0.0]), 4.0)
    >>> roc_auc(counts)
    0.75
    """
    below = np.cumsum(counts.negatives) - counts.negatives
    wins = (counts.positives * (below + counts.negatives / 2)).sum()
    return ratio(wins, counts.positives.sum() * counts.negatives.sum())


def average_precision(counts: ScoreCounts) -> float:
    """Precision over the steps of recall, `Σ (Rᵢ − Rᵢ₋₁)·Pᵢ`, without interpolation; NaN without positives.

    >>> counts = ScoreCounts(np.array([0.1, 0.35, 0.4, 0.8]), np.array([0, 1, 0, 1.0]), np.array([1, 0, 1, 0.0]), 4.0)
    >>> round(average_precision(counts), 4)
    0.8333
    """
    positives = np.cumsum(counts.positives[::-1])
    precision = ratios(positives, np.cumsum(counts.total[::-1]))
    return ratio((np.nan_to_num(precision) * counts.positives[::-1]).sum(), counts.positives.sum())


def log_losses(score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log loss of a positive and of a negative row at each score, which is kept off 0 and 1 by one float epsilon."""
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    return -np.log(clipped), -np.log(1 - clipped)


def log_loss(counts: ScoreCounts) -> float:
    """Mean negative log likelihood of the truth, in nats; NaN without rows.

    >>> counts = ScoreCounts(np.array([0.1, 0.2, 0.65, 0.9]), np.array([0, 0, 1, 1.0]), np.array([1, 1, 0, 0.0]), 4.0)
    >>> round(log_loss(counts), 5)
    0.21616
    """
    positive, negative = log_losses(counts.score)
    return ratio((counts.positives * positive + counts.negatives * negative).sum(), counts.total.sum())


def brier(counts: ScoreCounts) -> float:
    """Mean squared distance of the score from the truth (Brier 1950), 0 to 1; NaN without rows.

    >>> counts = ScoreCounts(np.array([0.1, 0.3, 0.8, 0.9]), np.array([0, 0, 1, 1.0]), np.array([1, 1, 0, 0.0]), 4.0)
    >>> round(brier(counts), 4)
    0.0375
    """
    squares = counts.positives * (1 - counts.score) ** 2 + counts.negatives * counts.score**2
    return ratio(squares.sum(), counts.total.sum())


class GainCurve(NamedTuple):
    """What the best-scored part of the rows holds: arrays of one shape, a point a share of rows."""

    share: FloatArray
    gain: FloatArray
    """Share of all positive rows found."""
    lift: FloatArray
    """`gain / share`: how many times better than choosing at random."""


def gain_curve(counts: ScoreCounts, points: int = 10) -> GainCurve:
    """Cumulative gain and lift at `points` equal steps of the rows in descending score; ties are spread evenly."""
    share = np.arange(1, points + 1) / points
    reached = np.append(0.0, np.cumsum(counts.total[::-1]))
    found = np.append(0.0, np.cumsum(counts.positives[::-1]))
    gain = ratios(np.interp(share * reached[-1], reached, found), found[-1])
    return GainCurve(share, gain, gain / share)


def precision_at(counts: ScoreCounts, k: float) -> float:
    """Share of positives among the `k` best-scored rows; a tie across the border counts its expected part.

    Raises:
        ValueError: `k` is not positive.

    >>> counts = ScoreCounts(np.array([0.1, 0.35, 0.4, 0.8]), np.array([0, 1, 0, 1.0]), np.array([1, 0, 1, 0.0]), 4.0)
    >>> precision_at(counts, 2)
    0.5
    """
    if k <= 0:
        raise ValueError(f"precision at k needs k above 0, not {k}")
    reached = np.append(0.0, np.cumsum(counts.total[::-1]))
    found = np.append(0.0, np.cumsum(counts.positives[::-1]))
    top = min(k, float(reached[-1]))
    return ratio(np.interp(top, reached, found), top)
