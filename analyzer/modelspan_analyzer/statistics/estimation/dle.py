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

from modelspan_analyzer.statistics.estimation.balance import balance
from modelspan_analyzer.statistics.estimation.scarce import few_behind
from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.means import mean_interval, moments, of_weighted, skewed
from modelspan_analyzer.statistics.threads import one_thread

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


FOLDS: Final = 3
MOST_WEIGHTED: Final = 20_000
"""Rows of a baseline that are weighted to look like a window."""
_LEAST_SHARE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class LossModel:
    """What a baseline's labelled rows teach of losses."""

    models: Mapping[str, tuple[HistGradientBoostingRegressor, ...]]
    """Of each loss, one for each fold, that has not seen its rows."""
    residuals: Mapping[str, FloatArray]
    """Of each loss: by how much it is above what the model that had not seen the row expects, `(m,)`; NaN where a row
    does not have the loss."""
    defined: Mapping[str, HistGradientBoostingClassifier]
    """Of the losses that some rows do not have, as there is no percentage of 0."""
    base: Mapping[str, Estimate]
    """Every measure of the baseline's own rows."""
    inputs: FloatArray
    """`(m, p + 1)`: features and prediction of the rows that residuals are of."""
    is_categorical: npt.NDArray[np.bool_]


class LossEstimates(NamedTuple):
    """What is expected of rows without labels."""

    measures: dict[str, Estimate]
    """With the interval of what their labels may show; NaN ends where one of the following is said."""
    lacks: str
    """That the baseline is too small to tell; '' where it is not."""
    beyond: str
    """Which inputs left those of the baseline; '' where none did."""


@one_thread()
def fit_losses(
    features: FloatArray, prediction: FloatArray, actual: FloatArray, is_categorical: npt.NDArray[np.bool_]
) -> LossModel:
    """Learn the losses of a baseline, by models of which each has not seen a third of the rows (cross-fitting).

    Args:
        features: `(m, p)`, NaN where missing; categories as codes below 255.
        prediction: `(m,)`.
        actual: `(m,)`.
        is_categorical: `(p,)`.

    >>> rows = np.linspace(0.0, 1.0, 200)
    >>> model = fit_losses(rows[:, None], rows, rows + 0.5, np.array([False]))
    >>> model.models.keys() <= LOSSES.keys(), round(float(np.abs(model.residuals["mean_absolute_error"]).max()), 6)
    (True, 0.0)
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kinds = np.append(is_categorical, False)
    options = {"categorical_features": kinds, "early_stopping": False, "random_state": 0}
    inputs, models, residuals, defined, base = np.column_stack([features, prediction]), {}, {}, {}, {}
    fold = np.random.default_rng(0).permutation(len(inputs)) % FOLDS
    for name, loss in LOSSES.items():
        if name == "mean_squared_log_error" and min(prediction.min(), actual.min()) <= -1:
            continue
        losses = loss(prediction, actual)
        known = np.isfinite(losses)
        if min(np.count_nonzero(known & (fold != one)) for one in range(FOLDS)) < 2:
            continue
        expected, of_folds = np.empty_like(losses), []
        for one in range(FOLDS):
            learnt = known & (fold != one)
            of_folds.append(HistGradientBoostingRegressor(**options).fit(inputs[learnt], losses[learnt]))
            expected[fold == one] = of_folds[-1].predict(inputs[fold == one])
        if not known.all():
            defined[name] = HistGradientBoostingClassifier(**options).fit(inputs, known)
        models[name], residuals[name] = tuple(of_folds), (losses - expected)[:MOST_WEIGHTED]
        base[name] = mean_interval(losses[known], np.ones(known.sum()), float(known.sum()))
    return LossModel(models, residuals, defined, _with_roots(base), inputs[:MOST_WEIGHTED], kinds)


@one_thread()
def estimate_losses(
    model: LossModel, features: FloatArray, prediction: FloatArray, names: tuple[str, ...] = ()
) -> LossEstimates:
    """The expected measures of rows without labels, with the interval of what their labels may show.

    The mean of what the models expect, and of by how much losses lay above that on the baseline's rows, weighted to
    look like these (`balance`): right if either the models or the weights are (augmented inverse propensity: Robins,
    Rotnitzky and Zhao 1994; cross-fitted, Chernozhukov et al. 2018). Its error is that of the weighted mean, and of
    these rows' own losses. Rows count by how likely they have the loss at all.

    Args:
        model: of the baseline.
        features: `(n, p)`.
        prediction: `(n,)`.
        names: of the features, for what is said.

    Predictions that were always half a unit too low:

    >>> rows = np.linspace(0.0, 1.0, 600)
    >>> model = fit_losses(rows[:, None], rows, rows + 0.5, np.array([False]))
    >>> round(estimate_losses(model, rows[:, None], rows).measures["mean_absolute_error"].value, 6)
    0.5
    """
    rows = np.column_stack([features, prediction])
    alike = balance(model.inputs, rows, model.is_categorical, (*names, "the prediction"))
    lacks = few_behind(alike.effective, len(model.inputs), "inputs")
    found = {name: _estimate(model, name, rows, alike.weight) for name in model.models}
    if lacks or alike.beyond:
        found = {name: one._replace(lower=np.nan, upper=np.nan) for name, one in found.items()}
    return LossEstimates(_with_roots(found), lacks, alike.beyond)


def _estimate(model: LossModel, name: str, rows: FloatArray, like: FloatArray) -> Estimate:
    """Of one mean loss, by weights of the baseline's rows that make it look like these."""
    weight = np.ones(len(rows))
    expected = np.mean([one.predict(rows) for one in model.models[name]], axis=0)
    if name in model.defined:
        weight = np.maximum(model.defined[name].predict_proba(rows)[:, 1], _LEAST_SHARE)
    known = np.isfinite(model.residuals[name])
    residual, like = model.residuals[name][known], like[known]
    above = float(np.average(residual, weights=like))
    own, learnt = moments(residual, like, float(weight.sum())), of_weighted(residual - above, like)
    found = skewed(float(np.average(expected, weights=weight)) + above, own.plus(learnt))
    return Estimate(*(max(float(end), 0.0) for end in found))


def _with_roots(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    roots = {
        name: Estimate(*(float(np.sqrt(end)) for end in found[squared]))
        for name, squared in ROOTS.items()
        if squared in found
    }
    return {**found, **roots}
