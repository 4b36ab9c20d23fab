"""A local linear surrogate of any model around one row, in the manner of LIME.

Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016: the model is asked about rows near the one to explain,
near ones weigh more, and a ridge regression on them is read as the explanation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray


class Surrogate(NamedTuple):
    """What the local model says."""

    effects: FloatArray
    """`(p,)`: for a number, the change of the prediction by one standard deviation of the background; for a category,
    how much the row's own category adds over another one."""
    fit: float
    """Weighted R² of the local model: near 1 the explanation can be trusted."""
    prediction: float


def explain_locally(
    predict: Callable[[FloatArray], FloatArray],
    row: FloatArray,
    background: FloatArray,
    is_categorical: npt.NDArray[np.bool_],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Surrogate:
    """Fit the surrogate.

    Args:
        predict: `(n, p)` rows to `(n,)` predictions.
        row: `(p,)`, the one to explain.
        background: `(m, p)` rows that give each feature its spread and its categories.
        is_categorical: `(p,)`.
        draws: rows asked about.
        seed: of the draws; the same seed gives the same explanation.
    """
    generator = np.random.default_rng(seed)
    nearby = np.repeat(row[None], draws, axis=0)
    spread = np.nanstd(background, axis=0)
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    noise = generator.normal(size=nearby.shape) * spread
    noise[0] = 0.0
    nearby[:, ~is_categorical] += noise[:, ~is_categorical]
    swapped = generator.random(nearby.shape) < 0.5
    swapped[0] = False
    chosen = background[generator.integers(0, len(background), draws)]
    nearby = np.where(swapped & is_categorical, chosen, nearby)
    same = np.where(np.isnan(nearby), np.isnan(row), nearby == row)
    design = np.nan_to_num(np.where(is_categorical, same.astype(float), (nearby - row) / spread))
    distance = np.where(is_categorical, 1 - design, design)
    weight = np.exp(-(distance**2).sum(axis=1) / (0.75**2 * row.size))
    predictions = predict(nearby)
    effects, fit = _weighted_ridge(design, predictions, weight)
    return Surrogate(effects, fit, float(predictions[0]))


def _weighted_ridge(design: FloatArray, target: FloatArray, weight: FloatArray) -> tuple[FloatArray, float]:
    """Coefficients and weighted R² of a ridge regression with penalty 1 and a free intercept."""
    total = weight.sum()
    centre, mean = (weight @ design) / total, float(weight @ target / total)
    x, y = design - centre, target - mean
    gram = (x * weight[:, None]).T @ x + np.eye(x.shape[1])
    effects = np.linalg.solve(gram, (x * weight[:, None]).T @ y)
    spread = float(weight @ y**2)
    residual = float(weight @ (y - x @ effects) ** 2)
    return effects, 1 - residual / spread if spread > 0 else 1.0
