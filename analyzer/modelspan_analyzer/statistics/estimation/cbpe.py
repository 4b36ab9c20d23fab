"""Confidence-based performance estimation: what the scores themselves expect the confusion matrix to be.

A row of calibrated probability `p` is `p` of a positive and `1 − p` of a negative. So the expected counts are counts
like any others, and every measure with its interval is computed from them as realised performance is. Assumes that
P(y|x) has not changed since the baseline that scores are calibrated on. Reference: NannyML's documentation,
"Confidence-based Performance Estimation"; Garg et al., "Leveraging unlabeled data to predict out-of-distribution
performance", ICLR 2022, for the assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.estimation.calibrate import Calibration, Calibrator, coarse
from modelspan_analyzer.statistics.estimation.scarce import few_behind
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import (
    NOTHING,
    Confusion,
    Estimate,
    FloatArray,
    ScoreCounts,
    ratio,
    ratios,
)
from modelspan_analyzer.statistics.performance.intervals import SEED, quantiles
from modelspan_analyzer.statistics.performance.scores import log_losses, unscaled

SCORES: Final = tuple(one for one in measures.SCORES if one.name != "expected_calibration_error")
"""Measures of scores that calibrated ones can tell of: of their own calibration they know nothing."""
CELLS: Final = 150
"""Cells of neighbouring scores that labels are drawn for, of either predicted class."""
DRAWS: Final = 500


@dataclass(frozen=True, slots=True)
class PredictedScores:
    """Rows without labels: weight of each distinct (score, predicted class); all of shape `(k,)`, scores ascending."""

    score: FloatArray
    favourable: FloatArray
    """1 where the positive class was predicted, else 0."""
    weight: FloatArray
    effective: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What a window's scores expect of its labels."""

    confusion: Confusion
    scores: ScoreCounts


def expect(rows: PredictedScores, calibrator: Calibrator, classes: tuple[str, ...]) -> Expected:
    """The expected confusion matrix, and the expected positives and negatives at each score, of a binary model.

    Two rows of a score of 0.9 that were predicted positive, and two of 0.2 that were not:

    >>> from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY
    >>> rows = PredictedScores(np.array([0.2, 0.9]), np.array([0.0, 1.0]), np.array([2.0, 2.0]), 1.0)
    >>> expect(rows, IDENTITY, ("no", "yes")).confusion.matrix.round(2).tolist()
    [[1.6, 0.2], [0.4, 1.8]]
    """
    p = calibrator(rows.score)
    chosen = rows.favourable > 0
    cells = [
        [((1 - p) * rows.weight)[~chosen].sum(), ((1 - p) * rows.weight)[chosen].sum()],
        [(p * rows.weight)[~chosen].sum(), (p * rows.weight)[chosen].sum()],
    ]
    return Expected(
        Confusion(classes, np.array(cells, float), rows.effective),
        ScoreCounts(rows.score, p * rows.weight, (1 - p) * rows.weight, rows.effective),
    )


def _drawn_labels(rows: PredictedScores, calibration: Calibration) -> tuple[ScoreCounts, FloatArray]:
    """Labels that these rows could turn out to have: two errors in one, the calibrator's and that of the labels.

    Each draw takes the chances of one refit of the calibrator, and of every row's label one throw by its chance.

    Returns:
        The rows in at most `CELLS` cells of neighbouring scores, with draws of shape `(draws, cells)`; and which
        cells were predicted positive.
    """
    sides = [_few_cells(rows, chosen) for chosen in (0.0, 1.0)]
    score, weight, favourable = (np.concatenate(column) for column in zip(*sides, strict=True))
    order = np.argsort(score, kind="stable")
    score, weight, favourable = score[order], weight[order], favourable[order]
    return draw(score, weight, calibration.chances(score), rows.effective), favourable


def draw(score: FloatArray, weight: FloatArray, chances: FloatArray, effective: float) -> ScoreCounts:
    """Labels that cells of rows could turn out to have, by their chances `(refits, cells)`: counts `(draws, cells)`.

    >>> draw(np.array([0.5]), np.array([100.0]), np.array([[0.0], [1.0]]), 100.0).positives[:2, 0].tolist()
    [0.0, 100.0]
    """
    trials = weight * ratio(effective, weight.sum())
    whole, generator = np.maximum(np.round(trials), 1).astype(int), np.random.default_rng(SEED)
    positives = generator.binomial(whole, np.resize(chances, (DRAWS, score.size))) * (trials / whole)
    return ScoreCounts(score, positives, trials - positives, effective)


def _few_cells(rows: PredictedScores, chosen: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Score, weight and predicted class of the rows that were predicted so, in at most `CELLS` cells."""
    here = rows.favourable == chosen
    few = coarse(ScoreCounts(rows.score[here], rows.weight[here], np.zeros(int(here.sum())), rows.effective), CELLS)
    return few.score, few.positives, np.full(few.score.size, chosen)


def _intervals(rows: PredictedScores, calibration: Calibration) -> dict[str, tuple[float, float]]:
    """By measure, the ends that hold 95 % of what the labels of these rows could show (see `_drawn_labels`)."""
    labels, favourable = _drawn_labels(rows, calibration)
    yes, no = labels.positives, labels.negatives
    cells = [[part @ (1 - favourable), part @ favourable] for part in (no, yes)]
    matrices = np.moveaxis(np.array(cells), 2, 0)
    values = {one.name: one.of(matrices) for one in measures.BINARY}
    if not unscaled(labels.score):
        values |= {name: of(labels) for name, of in _OF_DRAWS.items()}
    return {name: (float(low), float(high)) for name, drawn in values.items() for low, high in [quantiles(drawn)]}


def areas_under_roc(labels: ScoreCounts) -> FloatArray:
    """ROC AUC of each draw of labels.

    >>> yes = np.array([[0.0, 3.0], [3.0, 0.0]])
    >>> areas_under_roc(ScoreCounts(np.array([0.1, 0.9]), yes, 3 - yes, 6.0)).tolist()
    [1.0, 0.0]
    """
    yes, no = labels.positives, labels.negatives
    wins = (yes * (np.cumsum(no, axis=1) - no / 2)).sum(axis=1)
    return ratios(wins, yes.sum(axis=1) * no.sum(axis=1))


def _average_precisions(labels: ScoreCounts) -> FloatArray:
    yes, total = labels.positives[:, ::-1], labels.total[:, ::-1]
    return ratios(
        (yes * np.nan_to_num(ratios(np.cumsum(yes, axis=1), np.cumsum(total, axis=1)))).sum(axis=1), yes.sum(axis=1)
    )


def _mean_losses(positive: FloatArray, negative: FloatArray, labels: ScoreCounts) -> FloatArray:
    return ratios(labels.positives @ positive + labels.negatives @ negative, labels.total.sum(axis=1))


_OF_DRAWS: Final[Mapping[str, Callable[[ScoreCounts], FloatArray]]] = {
    "roc_auc": areas_under_roc,
    "average_precision": _average_precisions,
    "log_loss": lambda labels: _mean_losses(*log_losses(labels.score), labels),
    "brier": lambda labels: _mean_losses((1 - labels.score) ** 2, labels.score**2, labels),
}
"""Measures of the scores, of many draws of the labels at once."""


def estimate(rows: PredictedScores, calibration: Calibration, expected: Expected) -> dict[str, Estimate]:
    """Every measure of what the scores expect (see `expect`), with the interval of what the labels may show.

    An interval is NaN where too few rows of a kind are expected (see `scarcity`), and the value is, too, where fewer
    than `LEAST_BEHIND` of the baseline's rows say what scores such as these are worth (`too_small`).

    Scores that were true on a baseline of a thousand rows, and a hundred rows that are answered by them:

    >>> from modelspan_analyzer.statistics.estimation.calibrate import learn
    >>> score = np.linspace(0.005, 0.995, 100)
    >>> learnt = learn(ScoreCounts(score, 10 * score, 10 * (1 - score), 1000.0))
    >>> rows = PredictedScores(score, (score > 0.5).astype(float), np.ones(100), 100.0)
    >>> found = estimate(rows, learnt, expect(rows, learnt.calibrator, ("no", "yes")))["accuracy"]
    >>> round(found.value, 2), bool(0.6 < found.lower < 0.7 < 0.8 < found.upper < 0.9)
    (0.75, True)
    """
    values = {one.name: one.value(expected.confusion) for one in measures.BINARY}
    values |= {one.name: one.value(expected.scores) for one in SCORES}
    if too_small(rows, calibration):
        return dict.fromkeys(values, NOTHING)
    known = _intervals(rows, calibration)
    ends = {name: known[name] for name, lacks in lacking(expected).items() if name in known and not lacks}
    return {name: Estimate(value, *ends.get(name, (np.nan, np.nan))) for name, value in values.items()}


def lacking(expected: Expected) -> dict[str, str]:
    """By measure, which rows are expected to be too few for its interval; '' where there are enough.

    >>> from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY
    >>> rows = PredictedScores(np.array([0.2, 0.9]), np.array([0.0, 1.0]), np.array([50.0, 5.0]), 55.0)
    >>> lacking(expect(rows, IDENTITY, ("no", "yes")))["precision"]
    'too few positive answers: 5, and 10 are needed, which takes about 110 rows'
    """
    found = {one.name: one.lacks(expected.confusion) for one in measures.BINARY}
    return found | {one.name: one.lacks(expected.scores) for one in SCORES}


def too_small(rows: PredictedScores, calibration: Calibration) -> str:
    """Why the baseline does not tell what the scores of these rows are worth; '' where it does.

    >>> from modelspan_analyzer.statistics.estimation.calibrate import learn
    >>> score = np.linspace(0.01, 0.5, 50)
    >>> learnt = learn(ScoreCounts(score, 20 * score, 20 * (1 - score), 1000.0))
    >>> too_small(PredictedScores(score + 0.49, np.ones(50), np.ones(50), 50.0), learnt)[:81]
    "cannot tell: 50 of the window's 50 rows have scores of which the baseline has few"
    """
    ratio = calibration.ratio(rows.score, rows.weight)
    return few_behind(ratio, rows.weight, calibration.known.effective, "scores")
