"""Outcomes of labelled rows by the task: of probabilities, of numbers, or of being right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target
from modelspan_analyzer.reading.samples.matrix import Sample
from modelspan_analyzer.statistics.concept.along import Side
from modelspan_analyzer.statistics.concept.matched import Parts
from modelspan_analyzer.statistics.concept.outcomes import Chances, Numbers
from modelspan_analyzer.statistics.estimation.calibrate import Calibrator
from modelspan_analyzer.statistics.performance.calibration import prior_shift
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts


def outcomes_of(
    rows: Sample, parts: Sequence[Parts], target: Target, calibrator: Calibrator
) -> tuple[Side, FloatArray]:
    """Rows whose outcome can be set beside what was expected, and by how much each is off, in the outcome's unit.

    Args:
        rows: labelled rows.
        parts: of each feature, the part of each row.
        target: the task.
        calibrator: of a binary model's scores, fitted on the baseline.
    """
    chance = calibrator(rows.value)
    right = (rows.truth == rows.label).astype(np.float64)
    positive = (rows.truth == target.positive).astype(np.float64)
    scored = target.task == BINARY and bool(np.isfinite(rows.value).any())
    off = positive - chance if scored else rows.true_value - rows.value if target.task == REGRESSION else right
    known = np.isfinite(off)
    weight = rows.weight[known]
    outcomes = Chances(chance[known], positive[known], weight) if scored else Numbers(off[known], weight)
    return Side(outcomes, [part[known] for part in parts]), off[known]


def log_odds_shift(counts: ScoreCounts, calibrator: Calibrator) -> float:
    """The constant that the window's labels add to the log odds of the calibrated scores; 0 where it is not defined."""
    moved = ScoreCounts(calibrator(counts.score), counts.positives, counts.negatives, counts.effective)
    shift = prior_shift(moved)
    return shift if np.isfinite(shift) else 0.0
