"""Direct loss estimation: a second model learns the loss of the first from its inputs and its output.

Reference: NannyML's documentation, "Direct Loss Estimation". NannyML trains LightGBM with its defaults; this trains
scikit-learn's histogram gradient boosting with the same number of trees, leaves, learning rate and rows a leaf, which
bins and treats categories a little differently: estimates agree within the sampling error, not digit by digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal
from modelspan_analyzer.statistics.threads import on_one_thread

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

LOSSES: Final[Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "mean_absolute_error": lambda prediction, actual: np.abs(prediction - actual),
    "mean_squared_error": lambda prediction, actual: (prediction - actual) ** 2,
    "mean_absolute_percentage_error": lambda prediction, actual: (
        np.abs(prediction - actual) / np.where(actual == 0, np.nan, np.abs(actual))
    ),
    "mean_squared_log_error": lambda prediction, actual: (np.log1p(prediction) - np.log1p(actual)) ** 2,
}
"""Loss of each row, NaN where it has none; the logarithmic one needs both above −1."""

ROOTS: Final[Mapping[str, str]] = {
    "root_mean_squared_error": "mean_squared_error",
    "root_mean_squared_log_error": "mean_squared_log_error",
}
"""Measures that are the root of a mean loss."""


BINS: Final = 10
"""Parts of equal weight that a baseline's rows are in by their expected loss, for how far losses lie from it there."""


class Leftover(NamedTuple):
    """How far losses lie from those expected of them, by the expected loss: arrays of shape `(bins,)`."""

    edges: FloatArray
    """Between the bins, `(bins − 1,)`."""
    variance: FloatArray
    """Of a row's loss about the one expected of it, by a model that had not seen the row."""
    rows: FloatArray

    def error(self, expected: FloatArray, weight: FloatArray) -> float:
        """The standard error of the mean of so many expected losses as a forecast of the mean of the losses.

        Of a share `u` of the rows in a bin of variance `s²`, `u·s²/n` is what these rows' own losses vary by, and
        `u²·s²/m` what the model may be off by there, as it was learnt from `m` such rows: more where the rows crowd
        where the baseline had few.
        """
        place = np.searchsorted(self.edges, expected)
        share = np.bincount(place, weight, self.rows.size) / weight.sum()
        own = (share * self.variance).sum() / weight.sum()
        return float(np.sqrt(own + (share**2 * self.variance / np.maximum(self.rows, 1)).sum()))


@dataclass(frozen=True, slots=True)
class LossModel:
    """A model of each loss, how far losses lie from it, and whether a row has the loss at all."""

    models: Mapping[str, HistGradientBoostingRegressor]
    leftovers: Mapping[str, Leftover]
    defined: Mapping[str, HistGradientBoostingClassifier]
    """Of the losses that some rows do not have, as there is no percentage of 0."""


@on_one_thread
def fit_losses(
    features: FloatArray, prediction: FloatArray, actual: FloatArray, is_categorical: npt.NDArray[np.bool_]
) -> LossModel:
    """Learn the losses of a baseline.

    Args:
        features: `(n, p)`, NaN where missing; categories as codes below 255.
        prediction: `(n,)`.
        actual: `(n,)`.
        is_categorical: `(p,)`.

    >>> rows = np.linspace(0.0, 1.0, 200)
    >>> model = fit_losses(rows[:, None], rows, rows + 0.5, np.array([False]))
    >>> model.models.keys() <= LOSSES.keys(), round(float(model.leftovers["mean_absolute_error"].variance.max()), 6)
    (True, 0.0)
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options = {"categorical_features": np.append(is_categorical, False), "early_stopping": False, "random_state": 0}
    inputs, models, leftovers, defined = np.column_stack([features, prediction]), {}, {}, {}
    for name, loss in LOSSES.items():
        if name == "mean_squared_log_error" and min(prediction.min(), actual.min()) <= -1:
            continue
        losses = loss(prediction, actual)
        known = np.isfinite(losses)
        if known.sum() < 2:
            continue
        rows, wanted = inputs[known], losses[known]
        models[name] = HistGradientBoostingRegressor(**options).fit(rows, wanted)
        leftovers[name] = _leftover(lambda: HistGradientBoostingRegressor(**options), rows, wanted)
        if not known.all():
            defined[name] = HistGradientBoostingClassifier(**options).fit(inputs, known)
    return LossModel(models, leftovers, defined)


def _leftover(new: Callable[[], HistGradientBoostingRegressor], rows: FloatArray, losses: FloatArray) -> Leftover:
    """From two models, each of which learns one half at random and expects the losses of the other."""
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    expected = np.empty_like(losses)
    for learnt in (half, ~half):
        expected[~learnt] = new().fit(rows[learnt], losses[learnt]).predict(rows[~learnt])
    edges = np.unique(np.quantile(expected, np.arange(1, BINS) / BINS))
    place = np.searchsorted(edges, expected)
    count = np.bincount(place, minlength=edges.size + 1).astype(float)
    squares = np.bincount(place, (losses - expected) ** 2, edges.size + 1)
    return Leftover(edges, np.asarray(squares / np.maximum(count, 1)), count)


@on_one_thread
def estimate_losses(model: LossModel, features: FloatArray, prediction: FloatArray) -> dict[str, Estimate]:
    """The expected measures of rows without labels, with the interval of what their labels may show.

    As means of losses lean to the right, the interval is one of their logarithms. Rows count by how likely they have
    the loss at all.

    Predictions that were always half a unit too low:

    >>> rows = np.linspace(0.0, 1.0, 200)
    >>> model = fit_losses(rows[:, None], rows, rows + 0.5, np.array([False]))
    >>> round(estimate_losses(model, rows[:, None], rows)["mean_absolute_error"].value, 6)
    0.5
    """
    rows = np.column_stack([features, prediction])
    found = {}
    for name, one in model.models.items():
        expected, weight = one.predict(rows), np.ones(len(rows))
        if name in model.defined:
            weight = np.maximum(model.defined[name].predict_proba(rows)[:, 1], 1e-6)
        value, error = float(np.average(expected, weights=weight)), model.leftovers[name].error(expected, weight)
        if value <= 0:
            found[name] = Estimate(0.0, 0.0, quantile_of_normal(CONFIDENCE) * error)
            continue
        reach = np.exp(quantile_of_normal(CONFIDENCE) * error / value)
        found[name] = Estimate(value, float(value / reach), float(value * reach))
    for name, squared in ROOTS.items():
        if squared in found:
            found[name] = Estimate(*(float(np.sqrt(end)) for end in found[squared]))
    return found
