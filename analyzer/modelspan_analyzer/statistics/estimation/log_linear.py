"""Fits whose logarithm is linear in some terms: weights that give them wanted means, and means of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray

STEPS: Final = 50
_STEEPEST: Final = 30.0
"""Exponents beyond which a mean is not followed."""


def tilt(matrix: FloatArray, wanted: FloatArray, ridge: float) -> tuple[FloatArray, float]:
    """β and c of weights `exp(matrix·β − c)`, of mean 1, under which the columns have the means that are wanted.

    Of all weights that do, those nearest to equal ones (entropy balancing: Hainmueller 2012). The ridge, as large as
    the variance that chance gives a mean, keeps β finite where no weights have these means.

    Args:
        matrix: `(m, k)`.
        wanted: `(k,)`.
        ridge: of β.

    >>> beta, offset = tilt(np.array([[-1.0], [1.0]]), np.array([0.5]), 1e-9)
    >>> np.exp(np.array([-1.0, 1.0]) * beta - offset).round(3).tolist()
    [0.5, 1.5]
    """
    rows = len(matrix)

    def dual(beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        power = matrix @ beta
        top = float(power.max())
        weight = np.exp(power - top)
        total = float(weight.sum())
        value = float(np.log(total / rows)) + top
        weight = weight / total
        mean = weight @ matrix
        curve = (matrix * weight[:, None]).T @ matrix - np.outer(mean, mean) + (ridge + 1e-9) * np.eye(len(beta))
        return value - float(wanted @ beta) + ridge / 2 * float(beta @ beta), mean - wanted + ridge * beta, curve

    beta = _lowest(dual, np.zeros(matrix.shape[1])) if matrix.shape[1] else np.zeros(0)
    return beta, dual(beta)[0] + float(wanted @ beta) - ridge / 2 * float(beta @ beta)


def mean_losses(matrix: FloatArray, losses: FloatArray, ridge: float) -> Callable[[FloatArray], FloatArray]:
    """The mean loss by some terms, log-linear in them (Poisson's quasi-likelihood, for any losses not below 0).

    Unlike trees, which stay flat beyond the rows that they were grown on, it goes on there as it went before.

    Args:
        matrix: `(m, k)`.
        losses: `(m,)`.
        ridge: of the slopes, in units of the losses' mean.

    >>> x = np.linspace(-1.0, 1.0, 201)[:, None]
    >>> mean_losses(x, np.exp(1 + x[:, 0]), 1e-9)(np.array([[2.0]])).round(3).tolist()
    [20.086]
    """
    scale = float(losses.mean())
    if scale <= 0:
        return lambda terms: np.zeros(len(terms))
    design, ridges = np.column_stack([np.ones(len(matrix)), matrix]), np.append(0.0, np.full(matrix.shape[1], ridge))
    wanted = design.T @ (losses / scale) / len(losses)

    def unlikely(beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        mean = np.exp(np.clip(design @ beta, -_STEEPEST, _STEEPEST))
        curve = (design * mean[:, None]).T @ design / len(mean) + np.diag(ridges + 1e-9)
        slope = design.T @ mean / len(mean) - wanted + ridges * beta
        return float(mean.mean() - wanted @ beta + (ridges * beta) @ beta / 2), slope, curve

    beta = _lowest(unlikely, np.zeros(design.shape[1]))
    return lambda terms: scale * np.exp(np.clip(beta[0] + terms @ beta[1:], -_STEEPEST, _STEEPEST))


def _lowest(convex: Callable[[FloatArray], tuple[float, FloatArray, FloatArray]], start: FloatArray) -> FloatArray:
    """Where a convex function, given with its slope and its curvature, is lowest: damped steps of Newton's."""
    at, (value, slope, curve) = start, convex(start)
    for _ in range(STEPS):
        if np.abs(slope).max() < 1e-6:
            break
        step, length = -np.linalg.solve(curve, slope), 1.0
        while (trial := convex(at + length * step))[0] > value + 1e-4 * length * float(slope @ step) and length > 1e-4:
            length /= 2
        at, (value, slope, curve) = at + length * step, trial
    return at
