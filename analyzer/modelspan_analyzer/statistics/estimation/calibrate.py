"""Isotonic calibration of scores on a baseline: where it makes them truer, and how far it could be off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.estimation.scarce import MOST_BEYOND
from modelspan_analyzer.statistics.performance.calibration import expected_calibration_error
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts, ratio, ratios

FOLDS: Final = 3
SPLITS: Final = 5
"""Times that the rows are split anew; one split tells as much where they are many."""
MANY: Final = 20_000
CELLS: Final = 20_000
LEAST: Final = 100
"""Effective rows below which nothing is learnt."""
REFITS: Final = 100
REFIT_CELLS: Final = 1000
WIDER: Final = 1.25
"""Refits to bootstraps vary less about their mean than isotonic regressions of other baselines do, as the bootstrap of
one is not consistent (Sen, Banerjee and Woodroofe, "Inconsistency of bootstrap: the Grenander estimator", 2010): by
this much, as measured."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A piecewise-linear map of scores to probabilities, by its knots; beyond them it is constant."""

    scores: FloatArray
    probabilities: FloatArray

    def __call__(self, score: FloatArray) -> FloatArray:
        """The probability that a row of this score is positive."""
        return np.interp(score, self.scores, self.probabilities)


IDENTITY: Final = Calibrator(np.array([0.0, 1.0]), np.array([0.0, 1.0]))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a baseline teaches of its scores, and what other baselines of its size would have taught."""

    calibrator: Calibrator
    refits: tuple[Calibrator, ...]
    """Fitted to bootstraps of the baseline's rows."""
    known: ScoreCounts
    """The baseline, in at most `REFIT_CELLS` cells."""

    def chances(self, score: FloatArray) -> FloatArray:
        """The chances by each refit, `(refits, scores)`, around the calibrator's as they are around their mean."""
        return np.asarray(np.clip(self.calibrator(score) + self.apart(score), 0.0, 1.0))

    def apart(self, score: FloatArray) -> FloatArray:
        """How far the calibrators of other baselines would lie from this one, `(refits, scores)`."""
        each = np.stack([refit(score) for refit in self.refits])
        return np.asarray(WIDER * (each - each.mean(axis=0)))

    def ratio(self, score: FloatArray, weight: FloatArray, bins: int = 20) -> FloatArray:
        """How much likelier scores such as these are among them than in the baseline, over its own quantiles.

        Infinite where the baseline has no such scores, and where more than a twentieth are beyond all of its own.
        """
        if not weight.sum():
            return np.ones(len(score))
        reached = np.cumsum(self.known.total) / self.known.total.sum()
        edges = self.known.score[np.searchsorted(reached, np.arange(1, bins) / bins)]
        parts = [np.searchsorted(edges, side) for side in (self.known.score, score)]
        mine, theirs = (
            np.bincount(place, part, bins) / part.sum()
            for place, part in zip(parts, (self.known.total, weight), strict=True)
        )
        found = np.where(mine > 0, ratios(theirs, mine), np.inf)[parts[1]]
        beyond = (score < self.known.score[0]) | (score > self.known.score[-1])
        return np.where(beyond & (weight[beyond].sum() > MOST_BEYOND * weight.sum()), np.inf, found)


def learn(counts: ScoreCounts) -> Calibration | None:
    """Isotonic regression of a baseline's rows, with refits that show its error; None below `LEAST` effective rows.

    For estimates it is not asked whether calibration helps: where the answer is a close one, either choice is off by
    about as much as the calibrator is, which is what the refits show. As isotonic regression takes some of chance for
    order, it is too steep; by how much, regressions of labels that are drawn by their mean show, and that is taken off
    (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 10).

    >>> score = np.linspace(0.0, 1.0, 101)
    >>> learnt = learn(ScoreCounts(score, 9.9 * score, 9.9 * (1 - score), 1000.0))
    >>> bool(learnt.chances(score).std(axis=0).mean() < 0.1), round(float(learnt.ratio(score, np.ones(101)).mean()), 1)
    (True, 1.0)
    """
    if counts.effective < LEAST or not 0 < counts.prevalence < 1:
        return None
    known, generator = coarse(counts, REFIT_CELLS), np.random.default_rng(0)
    cells = np.concatenate([known.positives, known.negatives])
    draws = generator.multinomial(round(known.effective), cells / cells.sum(), REFITS).astype(float)
    return taught(counts, known, *np.split(draws, 2, axis=1))


def taught(counts: ScoreCounts, known: ScoreCounts, positives: FloatArray, negatives: FloatArray) -> Calibration:
    """What counts teach, and what bootstraps of their rows would have.

    Args:
        counts: of the baseline.
        known: the same in few cells.
        positives: of each bootstrap in these cells, `(refits, cells)`.
        negatives: the same of the other rows.
    """
    sides = zip(positives, negatives, strict=True)
    refits = tuple(isotonic(ScoreCounts(known.score, yes, no, known.effective)) for yes, no in sides)
    smooth = np.mean([refit(known.score) for refit in refits], axis=0)
    fitted = isotonic(coarse(counts))(known.score) - _steepness(known, smooth)
    return Calibration(Calibrator(known.score, np.clip(fitted, 0.0, 1.0)), refits, known)


def _steepness(known: ScoreCounts, chance: FloatArray) -> FloatArray:
    """By how much isotonic regressions are above the chances that labels of these cells are drawn by, on average.

    Bootstraps of a regression's own rows have its steps to start from, so that they show only a part of it.
    """
    rows = np.maximum(np.round(known.total * ratio(known.effective, known.total.sum())), 1).astype(int)
    drawn = np.random.default_rng(1).binomial(rows, chance, (REFITS, rows.size)).astype(float)
    fits = [isotonic(ScoreCounts(known.score, yes, rows - yes, known.effective))(known.score) for yes in drawn]
    return np.asarray(np.mean(fits, axis=0) - chance)


def fit_calibrator(counts: ScoreCounts) -> Calibrator:
    """Isotonic regression where it lowers the expected calibration error of held-out thirds, else no change.

    The rule is NannyML's, that calibration which does not help on unseen rows only adds noise; but one split of few
    rows decides by chance, so that here the mean over several stratified ones does, which must be above its standard
    error.

    Scores that are twice as sure as they should be:

    >>> score, rows = np.linspace(0.0, 1.0, 101), 60.0
    >>> chance = 0.25 + score / 2
    >>> counts = ScoreCounts(score, rows * chance, rows * (1 - chance), 1000.0)
    >>> fit_calibrator(counts)(np.array([0.0, 0.5, 1.0])).round(2).tolist()
    [0.25, 0.5, 0.75]
    """
    if counts.effective < LEAST or not 0 < counts.prevalence < 1:
        return IDENTITY
    few = coarse(counts)
    cells = [np.ascontiguousarray(side, np.float64).tobytes() for side in (few.score, few.positives, few.negatives)]
    return _fitted(cells[0], cells[1], cells[2], few.effective)


@lru_cache(16)
def _fitted(score: bytes, positives: bytes, negatives: bytes, effective: float) -> Calibrator:
    """Kept, as every window of a model and several of its monitors ask of the same baseline."""
    cells = [np.frombuffer(side, np.float64) for side in (score, positives, negatives)]
    counts = ScoreCounts(cells[0], cells[1], cells[2], effective)
    return isotonic(counts) if _helps(counts) else IDENTITY


def coarse(counts: ScoreCounts, cells: int = CELLS) -> ScoreCounts:
    """At most so many different scores: neighbours share their mean, parts being of equal weight.

    >>> counts = ScoreCounts(np.array([0.1, 0.2, 0.6, 0.8]), np.array([0.0, 1, 0, 1]), np.array([1.0, 0, 1, 0]), 4.0)
    >>> coarse(counts, 2).score.round(2).tolist(), coarse(counts, 2).positives.tolist()
    ([0.15, 0.7], [1.0, 1.0])
    """
    if counts.score.size <= cells:
        return counts
    place = places(counts.total, cells)
    positives, negatives, moment = (
        np.bincount(place, part).astype(np.float64)
        for part in (counts.positives, counts.negatives, counts.total * counts.score)
    )
    return ScoreCounts(moment / (positives + negatives), positives, negatives, counts.effective)


def places(weight: FloatArray, cells: int) -> npt.NDArray[np.int64]:
    """The cell of each of some rows in order, of at most so many cells of equal weight, none of them empty.

    >>> places(np.ones(4), 2).tolist()
    [0, 0, 1, 1]
    """
    if weight.size <= cells:
        return np.arange(weight.size)
    reached = np.cumsum(weight)
    place = np.minimum((reached - weight / 2) / reached[-1] * cells, cells - 1).astype(int)
    return np.asarray(np.unique(place, return_inverse=True)[1], np.int64)


def isotonic(counts: ScoreCounts) -> Calibrator:
    """The non-decreasing map of scores to shares of positives that is nearest to those seen (Barlow et al. 1972).

    >>> counts = ScoreCounts(np.array([0.2, 0.4, 0.8]), np.array([1.0, 0, 2]), np.array([1.0, 2, 0]), 6.0)
    >>> isotonic(counts)(np.array([0.2, 0.4, 0.8])).tolist()
    [0.25, 0.25, 1.0]
    """
    from scipy.optimize import isotonic_regression

    here = (total := counts.total) > 0
    fitted = isotonic_regression(counts.positives[here] / total[here], weights=total[here])
    return Calibrator(counts.score[here], np.asarray(fitted.x, float))


def _helps(counts: ScoreCounts) -> bool:
    """Whether the mean gain over all held-out thirds is above the standard error that a split's thirds show of it."""
    splits = 1 if counts.total.sum() >= MANY else SPLITS
    gains = np.array([_gains(counts, np.random.default_rng(seed)) for seed in range(splits)])
    return bool(gains.mean() > gains.std(axis=1, ddof=1).mean() / np.sqrt(FOLDS))


def _gains(counts: ScoreCounts, generator: np.random.Generator) -> list[float]:
    """By how much calibration on the rest lowers the calibration error of each third."""
    positives, negatives = (_dealt(side, generator) for side in (counts.positives, counts.negatives))
    gains = []
    for fold in range(FOLDS):
        held = ScoreCounts(counts.score, positives[:, fold], negatives[:, fold], counts.effective / FOLDS)
        others = [side.sum(axis=1) - side[:, fold] for side in (positives, negatives)]
        calibrator = isotonic(ScoreCounts(counts.score, others[0], others[1], counts.effective))
        moved = replace(held, score=calibrator(counts.score))
        gains.append(expected_calibration_error(held) - expected_calibration_error(moved))
    return gains


def _dealt(rows: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Rows of one class dealt to the folds at random, as many to each: `(k, FOLDS)`."""
    count = np.round(rows).astype(int)
    turns = generator.permutation(np.arange(count.sum()) % FOLDS)
    cells = np.repeat(np.arange(rows.size), count) * FOLDS + turns
    return np.bincount(cells, minlength=rows.size * FOLDS).astype(float).reshape(-1, FOLDS)
