"""Judges a measure of performance: against its fixed bound, then against what it was on the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.results import Found, Judged, Seen, Verdict, finite, unjudged
from modelspan_analyzer.verdicts.change import breaches, change, is_worse

PValues = Mapping[tuple[str, str, str], float]
"""By measure, output or label, and segment."""


class Place(NamedTuple):
    """Which rows a measure is of, and what they are compared with."""

    segment: str
    of_whole: bool
    """The baseline has too few labelled rows of the slice, so that it is compared with all of it."""
    share: float
    """Of the allowed error: the slices of a key, and the measures that may alarm, share it."""
    earlier: PValues = MappingProxyType({})
    """Of the window before."""


def judge(one: Measured, before: Measured | None, place: Place, settings: PerformanceSettings, alone: str) -> Found:
    """The measure, judged.

    Args:
        one: the measure.
        before: what it was on the baseline, if it was measured there.
        place: which rows it is of.
        settings: bounds, smallest change, confidence, and which measures may alarm.
        alone: why there is nothing to compare it with, where there is not.
    """
    seen = Seen(
        feature=one.feature,
        segment=place.segment,
        lower=finite(one.estimate.lower),
        upper=finite(one.estimate.upper),
        n=one.rows,
        n_baseline=before.rows if before else 0,
        direction="below" if one.higher_is_better else "above",
        details={**one.details, "best_constant": finite(one.constant)},
    )
    value = finite(one.estimate.value)
    if one.fault:
        return Found(one.metric, None, seen, Judged(Verdict.ERROR, one.fault))
    if value is None:
        reason = one.lacking or _undefined(one, "these")
        if one.details.get("zero_truths_left_out"):
            reason = "no percentage of a truth of 0 is defined, and all truths are 0"
        verdict = Verdict.NOT_ENOUGH_DATA if one.untold else Verdict.SKIPPED
        return Found(one.metric, None, seen, Judged(verdict, reason))
    if one.rows < settings.min_rows:
        reason = f"{one.rows} labelled rows; {settings.min_rows} are needed"
        return Found(one.metric, value, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))
    if few := one.few or _too_heavy(one, before):
        return Found(one.metric, value, replace(seen, lower=None, upper=None), Judged(Verdict.NOT_ENOUGH_DATA, few))
    if place.segment and before is not None:
        beside = "whole" if place.of_whole else place.segment
        seen = replace(seen, details={**seen.details, "compared_with": beside})
    judged = _verdict(one, before, place, settings, alone)
    if judged.verdict is Verdict.WARNING:  # a promise that is kept by too much
        seen = replace(seen, direction="above")
    reason = judged.reason
    if left_out := one.details.get("zero_truths_left_out"):
        reason = f"{reason}; {left_out:g} rows whose truth is 0 are left out".lstrip("; ")
    if place.segment and place.of_whole and before is not None:
        reason = f"{reason}; of the whole baseline, which has too few labelled rows of {place.segment}".lstrip("; ")
    return Found(one.metric, value, seen, replace(judged, reason=reason))


def _verdict(one: Measured, before: Measured | None, place: Place, settings: PerformanceSettings, alone: str) -> Judged:
    """By the fixed bound, without one by what answers promise, then by the change from the baseline."""
    confidence = 1 - (1 - settings.confidence) * place.share
    bound = settings.bounds.get(one.metric)
    if broken := _broken(one, bound, confidence):
        return broken
    if before is None or not math.isfinite(before.estimate.value):
        return _by_itself(one, bound, place, settings, alone)
    both = one.beside(before)
    if both.left_out and not math.isfinite(both.before.value):
        return Judged(Verdict.NOT_COMPARED, both.said, bound, details={"baseline": before.estimate.value})
    moved = change(both.now, both.before, higher_is_better=one.higher_is_better)
    base = both.before.value
    details = {"baseline": before.estimate.value, **both.details}
    judged = Judged(Verdict.OK, both.said, bound, finite(moved.p_value), details)
    also = f"; {both.said}" if both.said else ""
    if one.metric not in settings.alarm_on:
        reason = f"from {base:.4g}; it does not alarm on change (`alarm_on`){also}"
        return unjudged(reason, judged.p_value, details) if bound is None else replace(judged, reason=reason)
    if math.isnan(moved.p_value):
        why = f"the baseline has {before.few}" if before.few else "how sure that is cannot be told on these rows"
        return replace(judged, verdict=Verdict.NOT_COMPARED, reason=f"from {base:.4g}, and {why}{also}")
    if bound is None and not both.left_out:  # else no bound of the value that is shown is what is judged by
        allowed = settings.min_change * abs(base) * (-1 if one.higher_is_better else 1)
        judged = replace(judged, threshold=base + allowed)
    before_it = place.earlier.get((*one.key, place.segment))
    if is_worse(moved, base, min_change=settings.min_change, confidence=confidence, before=before_it):
        reason = f"{one.metric} went from {base:.4g} to {both.now.value:.4g}{also}"
        return replace(judged, verdict=Verdict.ALARM, reason=reason)
    return judged


def _broken(one: Measured, bound: float | None, confidence: float) -> Judged | None:
    """What is said of a value beyond its bound, or, where it has none, beyond what answers promise; else None."""
    if bound is None:
        return one.promise.broken(one.rows, confidence) if one.promise else None
    if not breaches(one.estimate, bound, higher_is_better=one.higher_is_better, confidence=confidence):
        return None
    return Judged(Verdict.ALARM, f"{one.metric} is {one.estimate.value:.4g}, beyond its bound of {bound:.4g}", bound)


def _by_itself(one: Measured, bound: float | None, place: Place, settings: PerformanceSettings, alone: str) -> Judged:
    """What is said of a value that breaks nothing, and has no baseline beside it."""
    if bound is not None:
        return Judged(Verdict.OK, f"{one.metric} keeps its bound; {alone}", bound)
    if one.promise:
        return Judged(Verdict.OK, f"{one.promise.said}; {alone}", one.promise.threshold)
    if place.segment or one.metric not in settings.alarm_on or _beats(one):
        return Judged(Verdict.NOT_COMPARED, alone)
    reason = f"it is not surely better than `best_constant`, {one.constant:.4g}; {alone}"
    return Judged(Verdict.NOT_COMPARED, reason)


def _too_heavy(one: Measured, before: Measured | None) -> str:
    """That errors as large as the baseline's seldom come in so few rows; '' where they do."""
    if before is None or not one.rows < before.takes:
        return ""
    return (
        f"too few rows for errors with such heavy tails: {one.rows}, and {before.takes:,.0f} are needed to show the "
        "largest of the baseline's"
    )


def _beats(one: Measured) -> bool:
    """Whether the whole interval is better than what always giving one answer reaches; where that is not known, too."""
    least = one.estimate.lower if one.higher_is_better else one.estimate.upper
    return not (least <= one.constant if one.higher_is_better else least >= one.constant)


def _undefined(one: Measured, which: str) -> str:
    """Why a measure is no number on rows that it applies to."""
    if math.isinf(one.estimate.value):
        return f"on {which} rows it is beyond what a number can hold"
    return f"undefined on {which} rows"


def nothing_beside(before: Measured) -> str:
    """Why a baseline that was measured says nothing of a measure."""
    why = before.fault or before.lacking or _undefined(before, "the baseline's")
    return f"nothing to compare with: {why}"
