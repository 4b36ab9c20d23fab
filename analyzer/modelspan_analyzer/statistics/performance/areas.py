"""Confidence intervals of the areas under the ROC and the precision-recall curve.

Each area is nearly a mean over the positive rows plus one over the negative ones, of what a single row adds to it:
its variance is the sum of theirs, and is known from as many rows as carry it (`Moments.carried`), which at rare
classes are few.
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ScoreCounts, ratios
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, wilson
from modelspan_analyzer.statistics.performance.means import Moments, moments
from modelspan_analyzer.statistics.performance.scores import average_precision, roc_auc
from modelspan_analyzer.statistics.special import expit, logit


def delong(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """ROC AUC with the variance of DeLong, DeLong and Clarke-Pearson (1988), on the logit scale to stay in 0 to 1.

    What a row adds is the share of the other class that it is on the right side of. Where the rarer class has less than
    one row's worth on the wrong side, its variance is not known from it: there the interval reaches as far as Wilson's
    of a share of that class, too.
    """
    value, (positives, negatives) = roc_auc(counts), _rows(counts)
    if not np.isfinite(value) or min(positives, negatives) < 2:
        return Estimate(value, np.nan, np.nan)
    below = np.cumsum(counts.negatives) - counts.negatives / 2
    above = counts.positives.sum() - np.cumsum(counts.positives) + counts.positives / 2
    of_positives = moments(below / counts.negatives.sum(), counts.positives, positives)
    of_negatives = moments(above / counts.positives.sum(), counts.negatives, negatives)
    found = _on_logits(value, of_positives.plus(of_negatives), confidence)
    rarer = min(positives, negatives)
    if rarer * min(value, 1 - value) >= 1:
        return found
    _, lower, upper = wilson(value * rarer, rarer, confidence)
    return Estimate(value, float(np.fmin(found.lower, lower)), float(np.fmax(found.upper, upper)))


def average_precision_interval(counts: ScoreCounts, confidence: float = CONFIDENCE) -> Estimate:
    """Average precision with the variance of its influence function (Hampel 1974), on the logit scale.

    With `B(s)` the share of rows at or above a score, `P(s)` the precision there and `a(s)` the share of rows that are
    positive at it, a row of truth `y` and score `x` moves the area by
    `(y·(P(x) − AP) + Σ_{s ≤ x} a(s)·(y − P(s)) / B(s)) / Σa`, of which the second part is what it does to the precision
    at all scores below its own.
    """
    value, (positives, negatives) = average_precision(counts), _rows(counts)
    if not 0 < value < 1 or min(positives, negatives) < 2:
        return Estimate(value, np.nan, np.nan)
    total = counts.total.sum()
    reached = np.cumsum(counts.total[::-1])[::-1] / total
    precision = ratios(np.cumsum(counts.positives[::-1])[::-1] / total, reached)
    share = counts.positives / total
    pulled, pushed = np.cumsum(share / reached), np.cumsum(share * precision / reached)
    # Each class's mean counts by its share of rows; that is its number over the positives' here, as Σa is divided by.
    odds = counts.negatives.sum() / counts.positives.sum()
    of_positives = moments(precision - value + pulled - pushed, counts.positives, positives)
    of_negatives = moments(-odds * pushed, counts.negatives, negatives)
    return _on_logits(value, of_positives.plus(of_negatives), confidence)


def _rows(counts: ScoreCounts) -> FloatArray:
    """Effective rows of the positive and of the negative class."""
    sums = np.array([counts.positives.sum(), counts.negatives.sum()])
    return np.asarray(sums * ratios(counts.effective, sums.sum()))


def _on_logits(value: float, known: Moments, confidence: float) -> Estimate:
    if not 0 < value < 1:
        return Estimate(value, np.nan, np.nan)
    reach = known.quantile(confidence) * np.sqrt(known.variance) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))
