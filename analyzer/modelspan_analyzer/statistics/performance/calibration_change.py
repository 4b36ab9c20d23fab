"""Do scores mean what they meant: the change of calibration from one sample to another, with its test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.performance.calibration import BINS, shifted
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts, ratio, ratios
from modelspan_analyzer.statistics.special import gammaincc


class CalibrationChange(NamedTuple):
    """How far the observed shares moved from what the scores and the other sample lead one to expect."""

    error: float
    """Mean distance over the bins, by the rows of the window; 0 to 1."""
    chance: float
    """What chance alone gives it where nothing changed."""
    p_value: float
    """The chance of at least this distance where nothing changed; 1 where there is nothing to tell by."""


def calibration_change(
    now: ScoreCounts, before: ScoreCounts, shift: float = 0.0, bins: int = BINS
) -> CalibrationChange:
    """The change of each bin's miscalibration: observed share less mean score, now less before.

    What both samples share, a model that was never calibrated, is no change. In a bin the difference of two such gaps
    is normal with the variance `pᵢ(1 − pᵢ)·(1/nᵢ + 1/mᵢ)`, p being the share of both samples together. A sum of
    `|N(0, σᵢ²)|` has the mean `√(2/π)·Σσᵢ` and the variance `(1 − 2/π)·Σσᵢ²`; its tail is taken as that of the gamma
    distribution with these, which is a little heavier. Bins that the other sample has no row of say nothing.

    Args:
        now: scores and outcomes of the window.
        before: those that it is compared with.
        shift: a constant on the log odds of the window's scores, which a changed frequency of the label explains.
        bins: of equal width.
    """
    gap, rows, share = _gaps(now, shift, bins)
    gap_before, rows_before, share_before = _gaps(before, 0.0, bins)
    both = (rows > 0) & (rows_before > 0)
    weight = np.where(both, rows, 0.0)
    inverse = np.where(both, ratios(1.0, rows) + ratios(1.0, rows_before), 0.0)
    pooled = np.nan_to_num(ratios(rows * share + rows_before * share_before, rows + rows_before))
    noise = weight * np.sqrt(pooled * (1 - pooled) * inverse)
    moved = float(np.sum(weight * np.abs(np.where(both, gap - gap_before, 0.0))))
    mean, variance = float(np.sqrt(2 / np.pi) * noise.sum()), float((1 - 2 / np.pi) * (noise**2).sum())
    p_value = float(gammaincc(mean**2 / variance, moved * mean / variance)) if variance > 0 else 1.0
    total = float(weight.sum())
    return CalibrationChange(ratio(moved, total), ratio(mean, total), p_value)


def _gaps(counts: ScoreCounts, shift: float, bins: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of each bin of the scores as they are: observed less expected share, effective rows, and observed share."""
    place = np.clip((counts.score * bins).astype(int), 0, bins - 1)
    expected = shifted(counts.score, shift) if shift else counts.score
    weight, score, positives = (
        np.bincount(place, part, bins).astype(np.float64)
        for part in (counts.total, counts.total * expected, counts.positives)
    )
    share = np.nan_to_num(ratios(positives, weight))
    gap = share - np.nan_to_num(ratios(score, weight))
    return gap, weight * ratio(counts.effective, weight.sum()), share
