"""Shapley attributions of encoded rows, within a budget of rows and seconds; needs the extra `explain`."""

from __future__ import annotations

import importlib
import time
from typing import Any, Final, NamedTuple

import numpy as np

from modelspan_analyzer.explain.supplied import SuppliedModel
from modelspan_analyzer.statistics.performance.counts import FloatArray

BACKGROUND: Final = 50
"""Rows that stand for "this feature is not known"."""
_BATCH: Final = 10
PARTS: Final = 5
"""Parts of the background that an explanation of one row is estimated from."""


class Attributed(NamedTuple):
    """What each feature added to each of the rows that the budget allowed."""

    values: FloatArray
    """`(rows done, p)`."""
    base_value: float
    method: str


def attribute(
    model: SuppliedModel, rows: FloatArray, background: FloatArray, *, seconds: float, method: str = "auto"
) -> Attributed:
    """Attributions of as many rows as fit into the time, in order.

    Args:
        model: the model.
        rows: `(n, p)` encoded rows.
        background: `(m, p)` encoded rows of the baseline.
        seconds: time after which no further batch is begun.
        method: `tree`, `linear`, `permutation`, `kernel`, or `auto`: exact by the model's type, else permutation.

    Raises:
        ModuleNotFoundError: shap is not installed; the message names the extra.
        ValueError: there is no such method.
    """
    chosen = _method(model) if method == "auto" else method
    explain = _explainer(model, background[:BACKGROUND], chosen)
    deadline, done, base = time.monotonic() + seconds, [], 0.0
    for start in range(0, len(rows), _BATCH):
        values, base = explain(rows[start : start + _BATCH])
        done.append(values)
        if time.monotonic() > deadline:
            break
    width = rows.shape[1]
    return Attributed(np.vstack(done) if done else np.empty((0, width)), base, chosen)


class Estimated(NamedTuple):
    """What each feature added to one row, and how far that rests on which rows it was compared with."""

    values: FloatArray
    """`(p,)`."""
    errors: FloatArray
    """`(p,)`: one standard error of each; NaN where there is one background row only."""
    base_value: float
    base_error: float
    """One standard error of the base value."""
    background: int
    """The rows that it was compared with."""
    method: str


def attribute_one(
    model: SuppliedModel, row: FloatArray, background: FloatArray, *, seconds: float, method: str = "auto"
) -> Estimated:
    """Attributions of one row, with the error that comes from drawing the background.

    An attribution is a mean over background rows, so the parts of the background give estimates of their own: their
    mean is that of the whole, and their standard deviation over the root of their number is its standard error.

    Args:
        model: the model.
        row: `(p,)`, encoded.
        background: `(m, p)` encoded rows, drawn at random.
        seconds: time after which no further part of the background is begun, once there are two.
        method: as of `attribute`.

    Raises:
        ModuleNotFoundError: shap is not installed; the message names the extra.
        ValueError: there is no such method.
    """
    chosen = _method(model) if method == "auto" else method
    deadline, found = time.monotonic() + seconds, []
    for part in np.array_split(background, min(PARTS, len(background))):
        values, base = _explainer(model, part, chosen)(row[None, :])
        found.append((np.append(values[0], base), len(part)))
        if len(found) > 1 and time.monotonic() > deadline:
            break
    each, sizes = np.vstack([values for values, _ in found]), np.array([size for _, size in found], float)
    mean = np.average(each, axis=0, weights=sizes)
    spread = np.average((each - mean) ** 2, axis=0, weights=sizes)
    errors = np.sqrt(spread / (len(found) - 1)) if len(found) > 1 else np.full(mean.shape, np.nan)
    return Estimated(mean[:-1], errors[:-1], float(mean[-1]), float(errors[-1]), int(sizes.sum()), chosen)


def _method(model: SuppliedModel) -> str:
    """Exact ways exist for trees and linear models whose inputs are the numbers themselves."""
    if model.encoding.categorical:
        return "permutation"
    if hasattr(model.raw, "coef_"):
        return "linear"
    kind = type(model.raw).__name__
    return (
        "tree" if any(part in kind for part in ("Forest", "Tree", "GradientBoosting", "LGBM", "XGB")) else "permutation"
    )


def _explainer(model: SuppliedModel, background: FloatArray, method: str) -> Any:
    try:
        shap = importlib.import_module("shap")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("attributions need shap; pip install 'modelspan[explain]'", name="shap") from error
    if method == "permutation":
        made = shap.explainers.Permutation(model, background, seed=0)
        budget = 2 * background.shape[1] + 1
        return lambda rows: _read(made(rows, max_evals=max(500, budget * 3), silent=True))
    if method == "kernel":
        kernel = shap.KernelExplainer(model, background, seed=0)
        return lambda rows: (np.asarray(kernel.shap_values(rows, silent=True)), float(kernel.expected_value))
    if method in ("tree", "linear"):
        kind = shap.TreeExplainer if method == "tree" else shap.LinearExplainer
        frame = model.frame
        exact = kind(model.raw, frame.make(background))

        def explain(rows: FloatArray) -> tuple[FloatArray, float]:
            values, base = _read(exact(frame.make(rows)))
            return frame.restore(values), base

        return explain
    raise ValueError(f"there is no attribution method {method!r}; choose auto, tree, linear, permutation or kernel")


def _read(explanation: Any) -> tuple[FloatArray, float]:
    """Values of the last output, which is the positive class where there are several."""
    values, base = np.asarray(explanation.values, float), np.asarray(explanation.base_values, float)
    if values.ndim == 3:
        values, base = values[:, :, -1], base[..., -1]
    return values, float(base.ravel()[0])
