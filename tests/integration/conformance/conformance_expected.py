"""What the numbers have to be: computed from the rows with NumPy, SciPy and scikit-learn, never with modelspan."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from conformance_data import Rows
from scipy import stats
from sklearn import metrics

Floats = npt.NDArray[np.float64]


def stored(rows: Rows, row: int) -> dict[str, Any]:
    """One row of `predictions`."""
    plain = rows.plain(row)
    missing = sorted(name for name, value in plain.items() if value is None and name not in rows.unsaid)
    return {
        "numeric_features": {n: plain[n] for n in sorted(rows.numeric) if plain[n] is not None},
        "categorical_features": {n: plain[n] for n in sorted(rows.categorical) if plain[n] is not None},
        "null_features": missing,
        "value": float(rows.score[row]),
        "label": rows.predicted[row],
        "tags": {name: rows.tags[name][row] for name in sorted(rows.tags)},
    }


def present(rows: Rows, name: str) -> Floats:
    """A numeric feature's values, without the missing ones."""
    column = rows.numeric[name]
    return column[~np.isnan(column)]


def missing(rows: Rows, name: str) -> int:
    """In how many rows a feature has no value."""
    column = rows.numeric.get(name)
    return int(np.isnan(column).sum()) if column is not None else rows.categorical[name].count(None)


def drift(before: Rows, after: Rows) -> dict[tuple[str, str], float]:
    """Distances of each feature, by measure and feature."""
    found = {}
    for name in after.numeric:
        old, new = present(before, name), present(after, name)
        found["kolmogorov_smirnov", name] = stats.ks_2samp(old, new).statistic
        found["wasserstein_distance", name] = stats.wasserstein_distance(old, new)
    return found


def category_drift(before: Rows, after: Rows) -> dict[str, float]:
    """Pearson's chi-squared statistic of each categorical feature, over the categories that both sides have."""
    found = {}
    for name in after.categorical:
        counts = [Counter(side.categorical[name]) for side in (before, after)]
        every = sorted(set(counts[0]) | set(counts[1]), key=str)
        table = np.array([[side[one] for one in every] for side in counts])
        found[name] = stats.chi2_contingency(table, correction=False).statistic
    return found


def performance(rows: Rows) -> dict[str, float]:
    """Measures of the rows whose label came."""
    known = [row for row, truth in enumerate(rows.truth) if truth is not None]
    truth = np.array([rows.truth[row] == "yes" for row in known])
    predicted = np.array([rows.predicted[row] == "yes" for row in known])
    score = rows.score[known]
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "f1": metrics.f1_score(truth, predicted),
        "roc_auc": metrics.roc_auc_score(truth, score),
        "average_precision": metrics.average_precision_score(truth, score),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }


def disparate_impact(rows: Rows, groups: tuple[str | None, ...]) -> dict[str, float]:
    """Each group's share of favourable answers over that of all others, as Clarify's DI."""
    chosen = np.array([one == "yes" for one in rows.predicted])
    found = {}
    for group in {one for one in groups if one is not None}:
        inside = np.array([one == group for one in groups])
        found[group] = float(chosen[inside].mean() / chosen[~inside].mean())
    return found


def ks(before: Floats, after: Floats) -> float:
    """The Kolmogorov-Smirnov distance of two samples."""
    return float(stats.ks_2samp(before, after).statistic)
