"""Direct loss estimation: a second model learns the loss of the first from its inputs and its output.

Reference: NannyML's documentation, "Direct Loss Estimation". NannyML trains LightGBM with its defaults, whose 100 trees
of 31 leaves learn the chance of a thousand rows by heart; this trains scikit-learn's histogram gradient boosting with
smaller trees, and as many as foretell held-out losses best: estimates agree within the sampling error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.estimation.balance import Balanced, balance
from modelspan_analyzer.statistics.estimation.log_linear import mean_losses
from modelspan_analyzer.statistics.estimation.scarce import few_behind
from modelspan_analyzer.statistics.performance.counts import NOTHING, Estimate, FloatArray, ratio
from modelspan_analyzer.statistics.performance.means import Moments, mean_interval, moments, of_weighted, skewed
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
MOST_TREES: Final = 100
LEAVES: Final = 8
MOST_WEIGHTED: Final = 20_000
"""Rows of a baseline that are weighted to look like a window."""
LEAST_BEHIND: Final = 300
"""Rows of the baseline below which intervals held too seldom where inputs had moved."""
_LEAST_SHARE: Final = 1e-6
_LEAST_LOSS: Final = 0.01
"""Share of the mean loss below which no row is expected to be."""
_LEAST_CARRIED: Final = 4.0
_MOST_LEAN: Final = 1.0
"""Tails and lean of an error are themselves hardly known where few rows carry it: no more of them is believed."""


@dataclass(frozen=True, slots=True)
class LearntLoss:
    """What a baseline's rows teach of one loss."""

    models: tuple[HistGradientBoostingRegressor, ...]
    """One for each fold, that has not seen its rows."""
    losses: FloatArray
    """`(m,)`, NaN where a row does not have the loss."""
    expected: FloatArray
    """`(m,)`: by the model that has not seen the row."""
    spread: tuple[float, float, float]
    """Second, third and fourth central moment of the losses about what is expected, in powers of that."""
    base: Estimate
    """Of all the baseline's rows."""
    defined: HistGradientBoostingClassifier | None
    """Of a loss that some rows do not have, as there is no percentage of 0: which have it."""


@dataclass(frozen=True, slots=True)
class LossModel:
    """What a baseline's labelled rows teach of losses."""

    losses: Mapping[str, LearntLoss]
    base: Mapping[str, Estimate]
    """Every measure of the baseline's own rows."""
    inputs: FloatArray
    """`(m, p + 1)`: features and prediction of the rows that losses are of."""
    is_categorical: npt.NDArray[np.bool_]


class LossEstimates(NamedTuple):
    """What is expected of rows without labels."""

    measures: dict[str, Estimate]
    """With the interval of what their labels may show; NaN where one of the following is said."""
    lacks: str
    """That the baseline is too small to tell; '' where it is not."""
    beyond: str
    """Which inputs left those of the baseline; '' where none did."""
    spread: Mapping[str, Estimate] = MappingProxyType({})
    """With the interval of what other windows of the same population would show, whose rows are others; empty where
    one of the two is said."""


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
    >>> learnt = model.losses["mean_absolute_error"]
    >>> round(float(np.abs(learnt.losses - learnt.expected).max()), 6)
    0.0
    """
    kinds = np.append(is_categorical, False)
    inputs = np.column_stack([features, prediction])
    fold = np.random.default_rng(0).permutation(len(inputs)) % FOLDS
    found = {}
    for name, loss in LOSSES.items():
        if name == "mean_squared_log_error" and min(prediction.min(), actual.min()) <= -1:
            continue
        losses = loss(prediction, actual)
        known = np.isfinite(losses)
        if min(np.count_nonzero(known & (fold != one)) for one in range(FOLDS)) >= 2:
            found[name] = _learn(inputs, losses, fold, kinds)
    base = _with_roots({name: one.base for name, one in found.items()})
    return LossModel(found, base, inputs[:MOST_WEIGHTED], kinds)


def _learn(
    inputs: FloatArray, losses: FloatArray, fold: npt.NDArray[np.int64], kinds: npt.NDArray[np.bool_]
) -> LearntLoss:
    """Boosting with as many trees as foretell the losses of the folds that were held out best: often fewer than 20."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    known = np.isfinite(losses)
    options = {"categorical_features": kinds, "early_stopping": False, "random_state": 0, "max_leaf_nodes": LEAVES}

    def fit(one: int, trees: int) -> HistGradientBoostingRegressor:
        learnt = known & (fold != one)
        return HistGradientBoostingRegressor(**options, max_iter=trees).fit(inputs[learnt], losses[learnt])

    off = np.zeros(MOST_TREES)
    for one in range(FOLDS):
        held = known & (fold == one)
        stages = fit(one, MOST_TREES).staged_predict(inputs[held])
        off += [((losses[held] - expected) ** 2).sum() for expected in stages]
    models = tuple(fit(one, int(off.argmin()) + 1) for one in range(FOLDS))
    expected = np.empty_like(losses)
    for one, model in enumerate(models):
        expected[fold == one] = model.predict(inputs[fold == one])
    usable = known[:MOST_WEIGHTED]
    return LearntLoss(
        models,
        losses[:MOST_WEIGHTED],
        expected[:MOST_WEIGHTED],
        _spread(losses[:MOST_WEIGHTED][usable], expected[:MOST_WEIGHTED][usable]),
        mean_interval(losses[known], np.ones(known.sum()), float(known.sum())),
        None if known.all() else HistGradientBoostingClassifier(**options).fit(inputs, known),
    )


def _spread(losses: FloatArray, expected: FloatArray) -> tuple[float, float, float]:
    above = losses - expected
    above, least = above - above.mean(), np.maximum(expected, _LEAST_LOSS * losses.mean())
    second, third, fourth = (
        float(np.nan_to_num(ratio((above**power).sum(), (least**power).sum()))) for power in (2, 3, 4)
    )
    return second, third, fourth


@one_thread()
def estimate_losses(
    model: LossModel, features: FloatArray, prediction: FloatArray, names: tuple[str, ...] = ()
) -> LossEstimates:
    """The expected measures of rows without labels, with the interval of what their labels may show.

    The mean of what the models expect, and of by how much losses lay above that on the baseline's rows, weighted to
    look like these (`balance`): right if either the models or the weights are (augmented inverse propensity: Robins,
    Rotnitzky and Zhao 1994; cross-fitted, Chernozhukov et al. 2018). Rows count by how likely they have the loss.

    The interval has three errors: that of the weighted mean, and of these rows' own losses (`_error`), and how far the
    estimate would move were losses to go on, where the baseline has few rows, as they went within it (`_going_on`).
    It is NaN, as the value is, where too few of the baseline's rows count, or these are beyond all of them.

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
    lacks = few_behind(alike.ratio, np.ones(len(rows)), len(model.inputs), "inputs", LEAST_BEHIND)
    if lacks or alike.beyond:
        return LossEstimates(dict.fromkeys(model.base, NOTHING), lacks, alike.beyond)
    found = {name: _estimate(learnt, rows, alike) for name, learnt in model.losses.items()}
    shown, spread = ({name: each[at] for name, each in found.items()} for at in (0, 1))
    return LossEstimates(_with_roots(shown), "", "", _with_roots(spread))


def _estimate(learnt: LearntLoss, rows: FloatArray, alike: Balanced) -> tuple[Estimate, Estimate]:
    """Of one mean loss, by weights of the baseline's rows that make it look like these; then with what others show.

    By the law of total variance the second adds how far what is expected differs from row to row.
    """
    weight = np.ones(len(rows))
    if learnt.defined is not None:
        weight = np.maximum(learnt.defined.predict_proba(rows)[:, 1], _LEAST_SHARE)
    expected = np.mean([one.predict(rows) for one in learnt.models], axis=0)
    known = np.isfinite(learnt.losses)
    like, above = alike.weight[known], (learnt.losses - learnt.expected)[known]
    value = float(np.average(expected, weights=weight) + np.average(above, weights=like))
    least = np.maximum(expected, _LEAST_LOSS * learnt.base.value)
    seen = moments(above, like, float(weight.sum())).plus(of_weighted(above - np.average(above, weights=like), like))
    own = _modelled(learnt.spread, least, np.ones(len(rows)), weight, float(weight.sum()))
    error = _error(seen, own.plus(_modelled(learnt.spread, least, alike.ratio, weight, float(known.sum()))))
    moved = alike.moved[0].shape[1] > 0
    further = _going_on(learnt.losses[known], alike, known, weight) - value if moved else 0.0
    shown = error.variance + further**2
    among = float(np.average((expected - np.average(expected, weights=weight)) ** 2, weights=weight) / weight.sum())
    now, others = (
        Estimate(*(max(float(end), 0.0) for end in skewed(value, error.of_variance(variance))))
        for variance in (shown, shown + among)
    )
    return now, others


def _modelled(
    spread: tuple[float, float, float], expected: FloatArray, ratio: FloatArray, weight: FloatArray, rows: float
) -> Moments:
    """Of the mean loss of so many rows that are weighted by a ratio, if losses vary in proportion to what is expected.

    It is taken over the window's rows, which are where the ratio is large, and not over the baseline's, of which the
    few that are there decide how large an error looks: where by chance none are, it looks small.
    """
    powers = zip((2, 3, 4), spread, strict=True)
    return Moments(
        *(
            share * float(np.average(ratio ** (power - 1) * expected**power, weights=weight)) / rows ** (power - 1)
            for power, share in powers
        )
    )


def _error(seen: Moments, modelled: Moments) -> Moments:
    """The larger of the two, which are alike without drift, with no more lean and tails than few rows can show."""
    variance, third, fourth = max(seen, modelled, key=lambda one: one.variance)
    most = _MOST_LEAN * variance**1.5
    return Moments(variance, float(np.clip(third, -most, most)), min(fourth, variance**2 / _LEAST_CARRIED))


def _going_on(losses: FloatArray, alike: Balanced, known: npt.NDArray[np.bool_], weight: FloatArray) -> float:
    """The mean loss by a model that is log-linear in what moved, instead of the trees.

    Trees stay flat where the baseline has few rows: what losses do there, no model knows, and where two that fit to
    the baseline alike differ, the estimate is not surer than that.
    """
    before, now = alike.moved
    model = mean_losses(before[known], losses, 1 / known.sum() + 1 / len(now))
    above = np.average(losses - model(before[known]), weights=alike.weight[known])
    return float(np.average(model(now), weights=weight) + above)


def _with_roots(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    roots = {
        name: Estimate(*(float(np.sqrt(end)) for end in found[squared]))
        for name, squared in ROOTS.items()
        if squared in found
    }
    return {**found, **roots}
