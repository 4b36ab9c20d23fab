"""Judges a measure of fairness: against fixed bounds, and against what it was on the baseline."""

from __future__ import annotations

import math

from scipy.special import ndtr

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.results import Judged, Verdict
from modelspan_analyzer.statistics.fairness.assess import Assessed
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.intervals import quantile_of_normal
from modelspan_analyzer.verdicts.change import standard_error


def judge_change(one: Assessed, before: Assessed | None, settings: FairnessSettings, looked_at: int) -> Judged:
    """Judge one measure against fixed bounds, then against the same measure on the baseline.

    Args:
        one: the measure in the window.
        before: the measure on the baseline, if there is one.
        settings: bounds, smallest change, confidence, and which measures may alarm.
        looked_at: how many measures may alarm in this window, to correct for.
    """
    value = one.estimate.value
    if not math.isfinite(value):
        return Judged(Verdict.SKIPPED, "undefined on these rows")
    bounds = settings.bounds.get(one.measure.name)
    if bounds and outside(one.estimate, bounds, settings.confidence):
        return Judged(Verdict.ALARM, f"{value:.3g} is outside {bounds[0]:g} to {bounds[1]:g}", nearest(value, bounds))
    if before is None or not math.isfinite(before.estimate.value):
        if bounds:
            return Judged(Verdict.OK, f"keeps its bounds, {bounds[0]:g} to {bounds[1]:g}", nearest(value, bounds))
        return Judged(Verdict.NOT_COMPARED, "the baseline says nothing of it, and it has no bounds")
    base = before.estimate.value
    p_value = _p_value(one.estimate, before.estimate)
    if one.measure.name not in settings.alarm_on:
        return Judged(Verdict.OK, p_value=p_value)
    threshold = base + math.copysign(settings.min_change, value - base)
    away = abs(value - one.measure.ideal) > abs(base - one.measure.ideal)
    sure = (1 - settings.confidence) / max(1, looked_at)
    if not (away and abs(value - base) >= settings.min_change and p_value is not None and p_value < sure):
        return Judged(Verdict.OK, "", threshold, p_value)
    own = _p_value(one.rate, before.rate) if one.rate and before.rate else 0.0
    if own is not None and own >= sure:
        return Judged(Verdict.OK, "moved because another group did", threshold, p_value)
    return Judged(Verdict.ALARM, f"went from {base:.3g} to {value:.3g}", threshold, p_value)


def nearest(value: float, bounds: tuple[float, float]) -> float:
    """The bound that a value is closest to."""
    return min(bounds, key=lambda bound: abs(bound - value))


def outside(estimate: Estimate, bounds: tuple[float, float], confidence: float) -> bool:
    """The whole interval lies outside the bounds (the rule of SageMaker's bias drift monitor)."""
    reach = standard_error(estimate) * quantile_of_normal(confidence)
    return estimate.value + reach < bounds[0] or estimate.value - reach > bounds[1]


def _p_value(now: Estimate, before: Estimate) -> float | None:
    """Two-sided normal test of the difference of two estimates."""
    error = math.hypot(standard_error(now), standard_error(before))
    if not math.isfinite(error) or error == 0:
        return None
    return float(2 * ndtr(-abs(now.value - before.value) / error))
