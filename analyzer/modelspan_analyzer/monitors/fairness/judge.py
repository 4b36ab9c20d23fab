"""Judges a measure of fairness: against fixed bounds, and against what it was on the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.results import Found, Judged, Seen, Verdict, finite, unjudged
from modelspan_analyzer.statistics.fairness.assess import Assessed, assess
from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.fairness.numbers import NumberGroups, NumberMeasure, quantile_moved
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.intervals import quantile_of_normal
from modelspan_analyzer.statistics.special import ndtr
from modelspan_analyzer.verdicts.change import standard_error

Groups = GroupCounts | NumberGroups


def judge_groups(
    counts: Groups,
    baselines: Sequence[Groups],
    settings: FairnessSettings,
    kept: Callable[[Assessed], bool] = lambda _: True,
) -> Iterator[tuple[Assessed, Judged, Assessed | None]]:
    """Every measure of every group, with its verdict and the same measure on the baseline.

    Args:
        counts: of the groups.
        baselines: the baseline's, where there is one.
        settings: bounds, smallest change and group, and which measures may alarm.
        kept: which of the measures count; those that may alarm share the allowed error.
    """
    found = [one for one in assess(counts, settings.min_group) if kept(one)]
    before = {
        (group_name(b, one.group), one.measure.name): one for b in baselines for one in assess(b, settings.min_group)
    }
    looked_at = sum(one.measure.name in settings.alarm_on and not one.lacking for one in found)
    for one in found:
        known = before.get((group_name(counts, one.group), one.measure.name))
        yield one, judge_change(one, known, settings, looked_at), known


def group_found(counts: Groups, one: Assessed, judged: Judged, n_baseline: int, prefix: str = "") -> Found:
    """What was found of one group, or of all groups of a facet."""
    facet, segment = counts.facet, group_name(counts, one.group)
    metric = prefix + one.measure.name
    seen = Seen(
        facet,
        segment,
        n=one.rows,
        n_baseline=n_baseline,
        lower=finite(one.estimate.lower),
        upper=finite(one.estimate.upper),
        direction="below" if judged.threshold is not None and one.measure.ideal > judged.threshold else "above",
        details={"clarify": one.measure.short} if one.measure.short else {},
    )
    said = replace(judged, reason=f"{metric} of {segment or facet}: {judged.reason}" if judged.reason else "")
    return Found(metric, finite(one.estimate.value), seen, said)


def group_name(counts: Groups, group: int) -> str:
    """The group of a measure, as results spell it; '' of one over all groups."""
    return counts.names[group] if group >= 0 else ""


def judge_change(one: Assessed, before: Assessed | None, settings: FairnessSettings, looked_at: int) -> Judged:
    """Judge one measure against fixed bounds, then against the same measure on the baseline.

    Args:
        one: the measure in the window.
        before: the measure on the baseline, if there is one.
        settings: bounds, smallest change, confidence, and which measures may alarm.
        looked_at: how many measures may alarm in this window, to correct for.
    """
    value = one.estimate.value
    if one.lacking:
        return Judged(Verdict.NOT_ENOUGH_DATA, one.lacking)
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
    p_value, own = _p_value(one, before, one.estimate, before.estimate), _own_p_value(one, before)
    if one.members and p_value is not None:
        p_value = max(p_value, own or 0.0)
    if one.measure.name not in settings.alarm_on:
        reason = f"from {base:.3g}; it does not alarm on change (`alarm_on`)"
        return Judged(Verdict.OK, reason, nearest(value, bounds), p_value) if bounds else unjudged(reason, p_value)
    least = settings.min_change * before.scale
    threshold = base + math.copysign(least, value - base)
    away = abs(value - one.measure.ideal) > abs(base - one.measure.ideal)
    sure = (1 - settings.confidence) / max(1, looked_at)
    if not (away and abs(value - base) >= least and p_value is not None and p_value < sure):
        return Judged(Verdict.OK, _standing(one, base, settings), threshold, p_value)
    if own is not None and own >= sure:
        return Judged(Verdict.OK, "moved because another group did", threshold, p_value)
    return Judged(Verdict.ALARM, f"went from {base:.3g} to {value:.3g}", threshold, p_value)


FOUR_FIFTHS: Final = (0.8, math.inf)
"""The Uniform Guidelines on Employee Selection Procedures (1978), section 4D, of disparate impact."""


def breaks_four_fifths(one: Assessed, settings: FairnessSettings) -> bool:
    """Whether a group is surely below four fifths of the others, however it was before."""
    return one.measure.name == "disparate_impact" and outside(one.estimate, FOUR_FIFTHS, settings.confidence)


def _standing(one: Assessed, base: float, settings: FairnessSettings) -> str:
    """What stands against a group though it did not move."""
    if not breaks_four_fifths(one, settings):
        return ""
    return f"{one.estimate.value:.3g} breaks the four-fifths rule; it was {base:.3g} in the baseline"


def nearest(value: float, bounds: tuple[float, float]) -> float:
    """The bound that a value is closest to."""
    return min(bounds, key=lambda bound: abs(bound - value))


def outside(estimate: Estimate, bounds: tuple[float, float], confidence: float) -> bool:
    """The whole interval lies outside the bounds (the rule of SageMaker's bias drift monitor)."""
    reach = standard_error(estimate) * quantile_of_normal(confidence)
    return estimate.value + reach < bounds[0] or estimate.value - reach > bounds[1]


def _own_p_value(one: Assessed, before: Assessed) -> float | None:
    """Of the group's own rate, or of its rows about a quantile; 0 of a measure that has none."""
    if isinstance(one.measure, NumberMeasure) and one.measure.quantile and one.members and before.members:
        return quantile_moved(one.members, before.members, one.measure.quantile)
    return _p_value(one, before, one.rate, before.rate) if one.rate and before.rate else 0.0


def _p_value(one: Assessed, before: Assessed, now: Estimate, then: Estimate) -> float | None:
    """Two-sided normal test of the difference of two estimates.

    Few rows that chance left with hardly a favourable answer have a small error of their own: where nothing changed it
    is that of the baseline for so few rows, which counts where it is the larger one (as in a score test; Rao 1948).
    Of counts, estimates without an error say nothing. Numbers that are all the same are certain, of as many rows as a
    group needs.
    """
    least = standard_error(then) * math.sqrt(before.rows / max(1, one.rows))
    error = math.hypot(max(standard_error(now), least), standard_error(then))
    if error == 0 and isinstance(one.measure, NumberMeasure):
        return 1.0 if now.value == then.value else 0.0
    if not math.isfinite(error) or error == 0:
        return None
    return float(2 * ndtr(-abs(now.value - then.value) / error))
