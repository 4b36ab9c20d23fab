"""Direct loss estimation: a second model learns the loss of the first from its inputs and its output.

Reference: NannyML's documentation, "Direct Loss Estimation". NannyML trains LightGBM with its defaults; this trains
scikit-learn's histogram gradient boosting with the same number of trees, leaves, learning rate and rows a leaf, which
bins and treats categories a little differently: estimates agree within the sampling error, not digit by digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.intervals import normal

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

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


@dataclass(frozen=True, slots=True)
class LossModel:
    """A model of each loss, and the spread of the losses on the baseline."""

    models: Mapping[str, HistGradientBoostingRegressor]
    spread: Mapping[str, float]


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
    >>> model.models.keys() <= LOSSES.keys(), round(model.spread["mean_absolute_error"], 6)
    (True, 0.0)
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    models, spread = {}, {}
    for name, loss in LOSSES.items():
        if name == "mean_squared_log_error" and min(prediction.min(), actual.min()) <= -1:
            continue
        losses = loss(prediction, actual)
        known = np.isfinite(losses)
        if not known.any():
            continue
        mask = np.append(is_categorical, False)
        model = HistGradientBoostingRegressor(categorical_features=mask, early_stopping=False, random_state=0)
        models[name] = model.fit(np.column_stack([features, prediction])[known], losses[known])
        spread[name] = float(losses[known].std())
    return LossModel(models, spread)


def estimate_losses(model: LossModel, features: FloatArray, prediction: FloatArray) -> dict[str, Estimate]:
    """The expected measures of rows without labels, with the sampling error of a mean of so many losses.

    Predictions that were always half a unit too low:

    >>> rows = np.linspace(0.0, 1.0, 200)
    >>> model = fit_losses(rows[:, None], rows, rows + 0.5, np.array([False]))
    >>> round(estimate_losses(model, rows[:, None], rows)["mean_absolute_error"].value, 6)
    0.5
    """
    rows = np.column_stack([features, prediction])
    found = {}
    for name, one in model.models.items():
        value = max(0.0, float(one.predict(rows).mean()))
        found[name] = normal(value, model.spread[name] / np.sqrt(len(rows)))
    for name, squared in ROOTS.items():
        if squared in found:
            value, lower, upper = np.sqrt(np.maximum(found[squared], 0))
            found[name] = Estimate(float(value), float(lower), float(upper))
    return found
