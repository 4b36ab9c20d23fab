"""CBPE of several classes: each is calibrated against the rest, and the calibrated scores of a row add up to 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.estimation import cbpe
from modelspan_analyzer.statistics.estimation.calibrate import (
    LEAST,
    REFIT_CELLS,
    REFITS,
    Calibration,
    Calibrator,
    coarse,
    places,
    taught,
)
from modelspan_analyzer.statistics.estimation.scarce import few_behind
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import (
    NOTHING,
    Confusion,
    Estimate,
    FloatArray,
    ScoreCounts,
    ratios,
)
from modelspan_analyzer.statistics.performance.intervals import SEED, normal, quantiles

CELLS: Final = 400
"""Cells of neighbouring rows that labels are drawn for, of all predicted classes together."""
DRAWS: Final = 300


@dataclass(frozen=True, slots=True)
class PredictedClasses:
    """Rows of a multiclass model without labels."""

    probability: FloatArray
    """`(n, classes)`: the model's scores."""
    predicted: FloatArray
    """`(n,)`: place of the predicted class."""
    weight: FloatArray
    effective: float

    def only(self, chosen: npt.NDArray[np.bool_]) -> PredictedClasses:
        """Some of the rows, which count for as much as before."""
        share = float(self.weight[chosen].sum() / self.weight.sum())
        return PredictedClasses(
            self.probability[chosen], self.predicted[chosen], self.weight[chosen], self.effective * share
        )


def learn_classes(
    rows: PredictedClasses, truth: npt.NDArray[np.int64], classes: tuple[str, ...]
) -> dict[str, Calibration]:
    """Calibrations of each class against the rest, whose refits are to the same bootstraps of the rows.

    So what one class's calibrator is off by fits to what the others are. Classes that no row, or every row, is of are
    left out, and so are all below `LEAST` effective rows.

    Args:
        rows: of a baseline.
        truth: place of the true class, `(n,)`.
        classes: by their places.

    >>> score = np.linspace(0.005, 0.995, 1000)
    >>> truth = (np.arange(1000) * 0.618 % 1 > score).astype(int)
    >>> both = np.column_stack([score, 1 - score])
    >>> found = learn_classes(PredictedClasses(both, truth, np.ones(1000), 1000.0), truth, ("a", "b"))
    >>> bool(np.abs(found["a"].apart(score) + found["b"].apart(1 - score)).max() < 1e-9)
    True
    """
    if rows.effective < LEAST:
        return {}
    share = rows.weight / rows.weight.sum()
    draws = np.random.default_rng(0).multinomial(round(rows.effective), share, REFITS).astype(float)
    found = {}
    for at, name in enumerate(classes):
        order = np.argsort(rows.probability[:, at], kind="stable")
        yes, weight = (truth[order] == at).astype(float), rows.weight[order]
        if not 0 < yes.mean() < 1:
            continue
        counts = ScoreCounts(rows.probability[order, at], yes * weight, (1 - yes) * weight, rows.effective)
        starts = np.unique(places(weight, REFIT_CELLS), return_index=True)[1]
        positives, negatives = (np.add.reduceat(draws[:, order] * side, starts, axis=1) for side in (yes, 1 - yes))
        found[name] = taught(counts, coarse(counts, REFIT_CELLS), positives, negatives)
    return found


class Expected(NamedTuple):
    """What a window's scores expect of its labels."""

    confusion: Confusion
    scores: dict[str, ScoreCounts]
    """Of each class against the rest."""


def expect(rows: PredictedClasses, calibrators: Mapping[str, Calibrator], classes: tuple[str, ...]) -> Expected:
    """The expected confusion matrix, and the expected counts at each score of each class against the rest.

    >>> from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY
    >>> rows = PredictedClasses(np.array([[0.6, 0.3, 0.1]]), np.array([0]), np.array([10.0]), 1.0)
    >>> expect(rows, dict.fromkeys("abc", IDENTITY), ("a", "b", "c")).confusion.matrix.round(2).tolist()
    [[6.0, 0.0, 0.0], [3.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    p = _chances(rows, calibrators, classes)
    cells = np.zeros((len(classes), len(classes)))
    np.add.at(cells.T, rows.predicted.astype(int), p * rows.weight[:, None])
    counts = {}
    for at, name in enumerate(classes):
        order = np.argsort(rows.probability[:, at], kind="stable")
        weight, chance = rows.weight[order], p[order, at]
        counts[name] = ScoreCounts(rows.probability[order, at], chance * weight, (1 - chance) * weight, rows.effective)
    return Expected(Confusion(classes, cells, rows.effective), counts)


def estimate(
    rows: PredictedClasses, calibrations: Mapping[str, Calibration], expected: Expected
) -> dict[str, Estimate]:
    """Every measure of what the scores expect, with the interval of what the labels may show, as `cbpe.estimate` has.

    All are NaN where too few of the baseline's rows say what scores of some class are worth (`too_small`).

    Two classes whose scores were true on a thousand rows, and a hundred rows that are answered by them:

    >>> from modelspan_analyzer.statistics.estimation.calibrate import learn
    >>> score = np.linspace(0.005, 0.995, 100)
    >>> learnt = learn(ScoreCounts(score, 10 * score, 10 * (1 - score), 1000.0))
    >>> both = np.column_stack([score, 1 - score])
    >>> rows = PredictedClasses(both, both.argmax(axis=1).astype(float), np.ones(100), 100.0)
    >>> known = {"a": learnt, "b": learnt}
    >>> found = estimate(rows, known, expect(rows, {name: one.calibrator for name, one in known.items()}, ("a", "b")))
    >>> bool(0.6 < found["accuracy"].lower < 0.7 < found["accuracy"].value < 0.8 < found["accuracy"].upper < 0.9)
    True
    """
    classes = expected.confusion.classes
    values = {one.name: one.value(expected.confusion) for one in measures.MULTICLASS}
    if too_small(rows, calibrations):
        return dict.fromkeys([*values, "roc_auc_macro"], NOTHING)
    drawn = _drawn_matrices(rows, calibrations, classes)
    found = {one.name: Estimate(values[one.name], *_ends(one.of(drawn))) for one in measures.MULTICLASS}
    return {**found, "roc_auc_macro": _mean_area(expected.scores, calibrations)}


def too_small(rows: PredictedClasses, calibrations: Mapping[str, Calibration]) -> str:
    """Why the baseline does not tell what the scores of some class are worth; '' where it does of all.

    >>> from modelspan_analyzer.statistics.estimation.calibrate import learn
    >>> score = np.linspace(0.01, 0.5, 50)
    >>> learnt = learn(ScoreCounts(score, 20 * score, 20 * (1 - score), 1000.0))
    >>> rows = PredictedClasses(np.column_stack([score + 0.49, score]), np.zeros(50), np.ones(50), 50.0)
    >>> too_small(rows, {"a": learnt, "b": learnt})[:86]
    "cannot tell: 50 of the window's 50 rows have scores of a of which the baseline has few"
    """
    said = {
        name: few_behind(
            one.ratio(rows.probability[:, at], rows.weight), rows.weight, one.known.effective, f"scores of {name}"
        )
        for at, (name, one) in enumerate(calibrations.items())
    }
    return max(said.values(), key=bool, default="")


def _chances(rows: PredictedClasses, calibrators: Mapping[str, Calibrator], classes: tuple[str, ...]) -> FloatArray:
    """The chance of each class, of shape `(n, classes)`."""
    p = np.stack([calibrators[name](rows.probability[:, at]) for at, name in enumerate(classes)], axis=1)
    return _adding_up(p)


def _adding_up(p: FloatArray) -> FloatArray:
    """Chances along the last axis that add up to 1; even ones where there are none."""
    sums = p.sum(axis=-1, keepdims=True)
    return np.where(sums > 0, p / np.where(sums > 0, sums, 1), 1 / p.shape[-1])


def _drawn_matrices(
    rows: PredictedClasses, calibrations: Mapping[str, Calibration], classes: tuple[str, ...]
) -> FloatArray:
    """Confusion matrices that the labels of these rows could give, `(draws, classes, classes)`.

    Each draw takes the chances of one refit of all calibrators, and of every cell's labels one throw by them.
    """
    predicted = rows.predicted.astype(int)
    cell, of = _cells(rows, predicted)
    weight = np.bincount(cell, rows.weight)
    calibrators = {name: one.calibrator for name, one in calibrations.items()}
    chance, score = (
        np.stack([np.bincount(cell, rows.weight * column) / weight for column in side.T], axis=1)
        for side in (_chances(rows, calibrators, classes), rows.probability)
    )
    apart = np.stack([calibrations[name].apart(score[:, at]) for at, name in enumerate(classes)], axis=2)
    trials = weight * (rows.effective / weight.sum())
    whole, generator = np.maximum(np.round(trials), 1).astype(int), np.random.default_rng(SEED)
    drawn = np.zeros((DRAWS, len(classes), len(classes)))
    for at in range(DRAWS):
        chances = _adding_up(np.maximum(chance + apart[at % len(apart)], 0.0))
        labels = generator.multinomial(whole, chances) * (trials / whole)[:, None]
        np.add.at(drawn[at].T, of, labels)
    return drawn


def _cells(rows: PredictedClasses, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each row, whose rows were answered alike and about as surely, and the answer of each cell."""
    sure = rows.probability[np.arange(predicted.size), predicted]
    order = np.lexsort((sure, predicted))
    reached = np.cumsum(rows.weight[order])
    part = np.empty(predicted.size, int)
    part[order] = np.minimum(reached / reached[-1] * CELLS, CELLS - 1).astype(int)
    together, cell = np.unique(predicted * CELLS + part, return_inverse=True)
    return cell, together // CELLS


def _mean_area(scores: Mapping[str, ScoreCounts], calibrations: Mapping[str, Calibration]) -> Estimate:
    """The mean ROC AUC of the classes against the rest, with the interval of what the labels may show.

    What calibrators are off by adds up as their common refits have it. A row's label moves the areas of two classes
    alike, the likely and the true one, so that of `k` classes' own variances `k / 2` are independent.
    """
    value = measures.roc_auc_macro(measures.roc_auc_by_class(scores)).value
    learnt, own = [], []
    for name, counts in scores.items():
        few = coarse(counts, cbpe.CELLS)
        chance = ratios(few.positives, few.total)
        chances = np.clip(chance + calibrations[name].apart(few.score), 0.0, 1.0)
        refits = ScoreCounts(few.score, chances * few.total, (1 - chances) * few.total, few.effective)
        learnt.append(cbpe.areas_under_roc(refits))
        own.append(cbpe.areas_under_roc(cbpe.draw(few.score, few.total, chance[None], few.effective)))
    error = float(np.hypot(np.mean(learnt, axis=0).std(), np.sqrt(2 / len(own) * np.mean([one.var() for one in own]))))
    found = normal(value, error)
    return Estimate(value, max(found.lower, 0.0), min(found.upper, 1.0))


def _ends(drawn: FloatArray) -> tuple[float, float]:
    low, high = quantiles(drawn)
    return float(low), float(high)
