"""Isotonic calibration of scores on a baseline, kept only where it makes them truer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.performance.calibration import expected_calibration_error
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts, ratios

FOLDS: Final = 3
CELLS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A piecewise-linear map of scores to probabilities, by its knots; beyond them it is constant."""

    scores: FloatArray
    probabilities: FloatArray

    def __call__(self, score: FloatArray) -> FloatArray:
        """The probability that a row of this score is positive."""
        return np.interp(score, self.scores, self.probabilities)


IDENTITY: Final = Calibrator(np.array([0.0, 1.0]), np.array([0.0, 1.0]))


def fit_calibrator(counts: ScoreCounts) -> Calibrator:
    """Isotonic regression where it lowers the expected calibration error of every held-out third, else no change.

    The rule is NannyML's: calibration that does not help on unseen rows only adds noise.

    Scores that are twice as sure as they should be:

    >>> score, rows = np.linspace(0.0, 1.0, 101), 60.0
    >>> chance = 0.25 + score / 2
    >>> counts = ScoreCounts(score, rows * chance, rows * (1 - chance), 1000.0)
    >>> fit_calibrator(counts)(np.array([0.0, 0.5, 1.0])).round(2).tolist()
    [0.25, 0.5, 0.75]
    """
    if counts.effective < 100 or not 0 < counts.prevalence < 1:
        return IDENTITY
    coarse = _coarse(counts)
    return _isotonic(coarse) if _helps(coarse) else IDENTITY


def _coarse(counts: ScoreCounts) -> ScoreCounts:
    """At most `CELLS` different scores: neighbours share their mean, parts being of equal weight."""
    if counts.score.size <= CELLS:
        return counts
    reached = np.cumsum(counts.total)
    place = np.minimum((reached - counts.total / 2) / reached[-1] * CELLS, CELLS - 1).astype(int)
    _, place = np.unique(place, return_inverse=True)
    positives, negatives, moment = (
        np.bincount(place, part).astype(np.float64)
        for part in (counts.positives, counts.negatives, counts.total * counts.score)
    )
    return ScoreCounts(moment / (positives + negatives), positives, negatives, counts.effective)


def _isotonic(counts: ScoreCounts) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    here = counts.total > 0
    fitted = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(
        counts.score[here], ratios(counts.positives, counts.total)[here], sample_weight=counts.total[here]
    )
    return Calibrator(np.asarray(fitted.X_thresholds_, float), np.asarray(fitted.y_thresholds_, float))


def _helps(counts: ScoreCounts) -> bool:
    generator = np.random.default_rng(0)
    parts = [
        generator.multinomial(np.round(side).astype(int), [1 / FOLDS] * FOLDS).astype(float)
        for side in (counts.positives, counts.negatives)
    ]
    for fold in range(FOLDS):
        held = ScoreCounts(counts.score, parts[0][:, fold], parts[1][:, fold], counts.effective / FOLDS)
        rest = ScoreCounts(
            counts.score, counts.positives - held.positives, counts.negatives - held.negatives, counts.effective
        )
        rest = ScoreCounts(rest.score, np.maximum(rest.positives, 0), np.maximum(rest.negatives, 0), rest.effective)
        if _calibrated_error(held, _isotonic(rest)) >= expected_calibration_error(held):
            return False
    return True


def _calibrated_error(counts: ScoreCounts, calibrator: Calibrator) -> float:
    moved = ScoreCounts(calibrator(counts.score), counts.positives, counts.negatives, counts.effective)
    return expected_calibration_error(moved)
