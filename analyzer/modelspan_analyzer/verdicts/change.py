"""When is a measure worse than it was: both sure (a test of two estimates) and large enough to matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal


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


def is_worse(moved: Change, baseline: float, *, min_change: float, confidence: float) -> bool:
    """True where the worsening is at least `min_change` of the baseline's size and is sure."""
    large = bool(moved.worsening >= min_change * abs(baseline))
    return large and bool(moved.p_value < 1 - confidence)


def breaches(estimate: Estimate, bound: float, *, higher_is_better: bool, confidence: float) -> bool:
    """True where the whole interval, at this confidence, lies on the bad side of a fixed bound."""
    reach = float(ndtri(confidence)) * standard_error(estimate)
    return bool(estimate.value + reach < bound if higher_is_better else estimate.value - reach > bound)
