"""When is a measure worse than it was: both sure (a test of two estimates) and large enough to matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal
from modelspan_analyzer.statistics.special import ndtr, ndtri


class Change(NamedTuple):
    """How a value moved against its baseline."""

    worsening: float
    """Difference in the bad direction: above 0 it got worse."""
    p_value: float
    """One-sided: chance of a worsening this large where nothing changed; NaN where an interval is unknown."""


def standard_error(estimate: Estimate) -> float:
    """The standard error that an estimate's interval stands for."""
    return (estimate.upper - estimate.lower) / (2 * quantile_of_normal(CONFIDENCE))


def change(current: Estimate, baseline: Estimate, *, higher_is_better: bool) -> Change:
    """Compare two independent estimates by their difference and its normal test."""
    worsening = baseline.value - current.value if higher_is_better else current.value - baseline.value
    error = float(np.hypot(standard_error(current), standard_error(baseline)))
    if not np.isfinite(error):
        return Change(worsening, float("nan"))
    if error == 0:  # both are certain, as the areas of scores that part the classes are
        return Change(worsening, 0.0 if worsening > 0 else 1.0)
    return Change(worsening, float(ndtr(-worsening / error)))


def is_worse(
    moved: Change, baseline: float, *, min_change: float, confidence: float, before: float | None = None
) -> bool:
    """True where the worsening is at least `min_change` of the baseline's size and is sure.

    With α = 1 − `confidence`, one window is sure by a p-value below α; two in a row by √α in each, which is as
    improbable where nothing changed. So a small window's chance is not heard, and a lasting fault is.

    Args:
        moved: how a window differs from the baseline.
        baseline: the baseline's value.
        min_change: the smallest worsening that matters, as a share.
        confidence: how sure it must be.
        before: the p-value of the window before; None where there is none.
    """
    large, alpha = bool(moved.worsening >= min_change * abs(baseline)), 1 - confidence
    lasts = before is not None and max(before, moved.p_value) < alpha**0.5
    return large and (bool(moved.p_value < alpha) or lasts)


def breaches(estimate: Estimate, bound: float, *, higher_is_better: bool, confidence: float) -> bool:
    """True where the whole interval, at this confidence, lies on the bad side of a fixed bound."""
    reach = float(ndtri(confidence)) * standard_error(estimate)
    return bool(estimate.value + reach < bound if higher_is_better else estimate.value - reach > bound)
