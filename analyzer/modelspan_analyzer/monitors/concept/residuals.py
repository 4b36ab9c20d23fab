"""Residuals of labelled rows by the task: of probabilities, of numbers, or of being right."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target
from modelspan_analyzer.reading.samples.matrix import Sample
from modelspan_analyzer.statistics.concept.gaps import Residuals
from modelspan_analyzer.statistics.estimation.calibrate import Calibrator
from modelspan_analyzer.statistics.performance.calibration import prior_shift, shifted
from modelspan_analyzer.statistics.performance.counts import ScoreCounts


def residuals(rows: Sample, target: Target, calibrator: Calibrator, shift: float) -> Residuals:
    """Residuals of rows, NaN where one cannot be told.

    Args:
        rows: labelled rows.
        target: the task.
        calibrator: of a binary model's scores, fitted on the baseline.
        shift: of the log odds: the part that a changed label frequency alone explains, which is label shift.
    """
    if target.task == BINARY and np.isfinite(rows.value).any():
        p = shifted(calibrator(rows.value), shift)
        return Residuals((rows.truth == target.positive) - p, p * (1 - p), rows.weight)
    right = (rows.truth == rows.label).astype(np.float64)
    value = rows.true_value - rows.value if target.task == REGRESSION else right
    return Residuals(value - np.nanmean(value), None, rows.weight)


def log_odds_shift(counts: ScoreCounts, calibrator: Calibrator) -> float:
    """The constant that the window's labels add to the log odds of the calibrated scores; 0 where it is not defined."""
    moved = ScoreCounts(calibrator(counts.score), counts.positives, counts.negatives, counts.effective)
    shift = prior_shift(moved)
    return shift if np.isfinite(shift) else 0.0


def shift_of(rows: Sample, target: Target, calibrator: Calibrator, otherwise: float) -> float:
    """The same of some labelled rows of a binary model's; what was found of all where they have no scores."""
    scored = np.isfinite(rows.value)
    if target.task != BINARY or not scored.any():
        return otherwise
    positive = (rows.truth == target.positive)[scored]
    weight = rows.weight[scored]
    counts = ScoreCounts(rows.value[scored], weight * positive, weight * ~positive, float(scored.sum()))
    return log_odds_shift(counts, calibrator)
