"""Calibration of a binary model on the baseline, weighted to look like the window.

Under covariate shift the score's calibration on the baseline need not hold in the window, as the window has other rows
at the same score. Weighting the baseline's rows by how much likelier they are in the window restores it. After Białek,
Kuberski and Perrakis, "Estimating model performance under covariate shift without labels", 2024 (PAPE). The weights
are those that balance what moved; for a third opinion, a classifier's odds that a row is of the window (Bickel et al.
2009), which trains on a sample of both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.estimation.balance import balance
from modelspan_analyzer.statistics.estimation.calibrate import Calibration, learn
from modelspan_analyzer.statistics.estimation.scarce import few_behind
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts
from modelspan_analyzer.statistics.threads import one_thread


@one_thread()
def density_ratio(
    baseline: FloatArray, window: FloatArray, is_categorical: npt.NDArray[np.bool_], *, largest: float = 20.0
) -> FloatArray:
    """For each baseline row, how much likelier it is in the window; mean 1, at most about `largest`.

    Args:
        baseline: `(n, p)` features of the baseline.
        window: `(m, p)` features of the window.
        is_categorical: `(p,)`.
        largest: bound that keeps single rows from deciding everything.

    A window that is like the upper half of its baseline:

    >>> baseline, window = np.linspace(0.0, 1.0, 400)[:, None], np.linspace(0.5, 1.0, 400)[:, None]
    >>> ratio = density_ratio(baseline, window, np.array([False]))
    >>> bool(ratio[:200].mean() < 0.1), bool(ratio[200:].mean() > 1.9), round(float(ratio.mean()), 6)
    (True, True, 1.0)
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    source = np.append(np.zeros(len(baseline)), np.ones(len(window)))
    model = HistGradientBoostingClassifier(
        categorical_features=is_categorical, max_iter=50, early_stopping=False, l2_regularization=1.0, random_state=0
    ).fit(np.vstack([baseline, window]), source)
    p = np.clip(model.predict_proba(baseline)[:, 1], 1e-6, 1 - 1e-6)
    ratio = np.minimum(p / (1 - p) * len(baseline) / len(window), largest)
    return np.asarray(ratio / ratio.mean(), float)


class Among(NamedTuple):
    """What a baseline teaches of scores among inputs like a window's."""

    calibration: Calibration | None
    """None where inputs did not move, or where it cannot be told."""
    lacks: str = ""
    """Why it cannot be told; '' where it can, or has not to be."""


def calibrate_among(
    score: FloatArray,
    positive: FloatArray,
    baseline: FloatArray,
    window: FloatArray,
    is_categorical: npt.NDArray[np.bool_],
    names: tuple[str, ...] = (),
) -> Among:
    """Calibration on the baseline's rows, weighted to look like the window's where inputs moved (`balance`).

    Args:
        score: of the baseline's rows, `(m,)`.
        positive: whether they are, `(m,)`.
        baseline: their features, `(m, p)`.
        window: `(n, p)`.
        is_categorical: `(p,)`.
        names: of the features, for what is said.

    Scores that are half as likely true of one kind of rows, of which a tenth were, and none are now:

    >>> at = np.arange(2000)
    >>> kind, score = at % 10 == 0, (at % 200) / 200
    >>> positive = (at // 200 / 10 < np.where(kind, score / 2, score)).astype(float)
    >>> found = calibrate_among(score, positive, 1.0 * kind[:, None], np.zeros((600, 1)), np.array([False]))
    >>> found.calibration is None, found.lacks
    (False, '')
    """
    found = balance(baseline, window, is_categorical, names)
    if not found.moved[0].shape[1]:
        return Among(None)
    lacks = found.beyond or few_behind(found.ratio, np.ones(len(window)), len(baseline), "inputs")
    calibration = None if lacks else learn(weighted_counts(score, positive, found.weight))
    if calibration is None:
        return Among(None, lacks or "too few of the baseline's rows count")
    return Among(calibration)


def weighted_counts(score: FloatArray, positive: FloatArray, weight: FloatArray) -> ScoreCounts:
    """Baseline rows that carry weights, to be calibrated on; they count for Kish's effective number of rows.

    Args:
        score: `(n,)`.
        positive: `(n,)`, 1 or 0.
        weight: `(n,)`.

    >>> score, positive, weight = (np.array(column) for column in ([0.2, 0.2, 0.8], [0, 1, 1], [3.0, 1.0, 1.0]))
    >>> counts = weighted_counts(score, positive, weight)
    >>> counts.positives.tolist(), counts.negatives.tolist(), round(counts.effective, 2)
    ([1.0, 1.0], [3.0, 0.0], 2.27)
    """
    distinct, place = np.unique(score, return_inverse=True)
    positives, total = (
        np.bincount(place, part, distinct.size).astype(np.float64) for part in (weight * positive, weight)
    )
    return ScoreCounts(distinct, positives, total - positives, float(weight.sum() ** 2 / (weight**2).sum()))
