"""A third opinion for binary models: calibration on the baseline, weighted to look like the window.

Under covariate shift the score's calibration on the baseline need not hold in the window, as the window has other rows
at the same score. Weighting the baseline's rows by how much likelier they are in the window restores it. After Białek,
Kuberski and Perrakis, "Estimating model performance under covariate shift without labels", 2024 (PAPE); the density
ratio is a classifier's odds that a row is of the window (Bickel et al. 2009), which trains on a sample of both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
