"""Where two distributions part: the probability that a value belongs to what is new."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BINS = 40
CONFIDENCE = 1.64
"""Standard errors of the log ratio that a bin must exceed 1 by before it counts."""


def excess_weights(current: Floats, baseline: Floats, *, upward: bool = False) -> tuple[Floats, Floats]:
    """Bins of a numeric column and, a bin, a lower bound of the share of its current rows that are new.

    A row of a bin that holds the share c of the current values and b of the baseline's is new with probability
    1 - (1 - new) b / c >= 1 - b / c. The ratio is taken at the upper end of its confidence interval, so that bins which
    differ by chance weigh nothing.

    Args:
        current: values, shape (n,).
        baseline: values, shape (m,).
        upward: count only bins above the baseline's median (slowness, not swiftness).

    Returns:
        Lower edges of the bins, shape (k,), the first minus infinity; weights in [0, 1], shape (k,).
    """
    current, baseline = current[np.isfinite(current)], baseline[np.isfinite(baseline)]
    if not len(current) or not len(baseline):
        return np.array([-np.inf]), np.array([1.0 if len(current) else 0.0])
    levels = np.linspace(0, 1, BINS + 1)[1:-1]
    cuts = np.unique(np.concatenate((np.quantile(current, levels), np.quantile(baseline, levels))))
    edges = np.concatenate(([-np.inf], cuts))
    held = [
        np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(edges)) for values in (current, baseline)
    ]
    weights = _excess(held[0], held[1])
    if upward:
        weights[edges < np.median(baseline)] = 0.0
    return edges, weights


def absent_weight(current: Floats, baseline: Floats) -> float:
    """The same for rows without a value (nan): 0 where no more are missing than in the baseline."""
    held = [np.array([np.isnan(values).sum(), np.isfinite(values).sum()]) for values in (current, baseline)]
    return float(_excess(*held)[0]) if len(current) and len(baseline) else 0.0


def category_weights(
    current: npt.NDArray[np.str_], baseline: npt.NDArray[np.str_]
) -> tuple[npt.NDArray[np.str_], Floats]:
    """The same for the values of a categorical column: the values, shape (k,), and their weights."""
    if not len(current) or not len(baseline):
        return np.array([""]), np.array([0.0])
    values, codes = np.unique(np.concatenate((current, baseline)), return_inverse=True)
    held = [np.bincount(part, minlength=len(values)) for part in (codes[: len(current)], codes[len(current) :])]
    return values, _excess(held[0], held[1])


def _excess(current: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64]) -> Floats:
    c, b = current + 0.5, baseline + 0.5
    ratio = (b / b.sum()) / (c / c.sum())
    error = np.sqrt(1 / c + 1 / b)
    return np.asarray(np.clip(1 - ratio * np.exp(CONFIDENCE * error), 0, 1))
