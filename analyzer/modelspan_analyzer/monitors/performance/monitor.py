"""The monitor of realised performance: every measure of a window, judged against the baseline and fixed bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer import kinds
from modelspan_analyzer.config.expression import understood
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance import business
from modelspan_analyzer.monitors.performance.evaluate import Measured, absent, evaluate
from modelspan_analyzer.monitors.signal import Need, Signal
from modelspan_analyzer.reading.outcomes.read import ALL_ROWS, Coverage, Segment
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite
from modelspan_analyzer.verdicts.change import breaches, change, is_worse
from modelspan_collector.store.segments import NO_GROUP

SIGNAL: Final = "performance"


def performance(context: MonitorContext) -> list[Result]:
    """Share of labels in, and every measure of the task, for all rows and for each part of the configured segments."""
    settings = context.settings.performance
    if not settings.enabled:
        return []
    current, *references = context.sources
    seen = context.coverages[0]
    results = [_share(context, seen)]
    if seen.labelled < settings.min_rows:
        return results
    reference, target = (references[0] if references else None), context.target
    whole: list[Measured] = []
    for segment in (ALL_ROWS, *(Segment.parse(text) for text in context.settings.segments)):
        found = evaluate(context.store, current, target, settings, segment)
        found = {} if set(found) == {NO_GROUP} else found
        if segment == ALL_ROWS:
            found[""] = [*found.get("", []), *absent(target, settings, found.get("", []))]
        expected = evaluate(context.store, reference, target, settings, segment) if reference else {}
        whole = expected.get("", []) if segment == ALL_ROWS else whole
        judged = [part for part, measured in found.items() if max(one.rows for one in measured) >= settings.min_rows]
        share = 1 / max(1, len(judged))
        for part, measured in found.items():
            own = _usable(expected.get(part, []), settings.min_rows) if segment != ALL_ROWS else whole
            before = {one.metric: one for one in own or whole}
            place = Place(segment.label(part), of_whole=not own, share=share)
            results += [_judge(context, one, before.get(one.metric), place) for one in measured]
    return results + list(_business(context, current, reference, target))


class Place(NamedTuple):
    """Which rows a measure is of, and what they are compared with."""

    segment: str
    of_whole: bool
    """The baseline has too few labelled rows of the slice, so that it is compared with all of it."""
    share: float
    """Of the allowed error: the slices of a key share it."""


def _usable(measured: list[Measured], least: int) -> list[Measured]:
    """What a baseline says of a slice that it has enough labelled rows of; else nothing."""
    return measured if max((one.rows for one in measured), default=0) >= least else []


def _share(context: MonitorContext, seen: Coverage) -> Result:
    enough, target = seen.labelled >= context.settings.performance.min_rows, context.target
    known = f"labels are in for {seen.labelled} of {seen.rows} predictions"
    return context.result(
        SIGNAL,
        "labels_share",
        None if math.isnan(seen.share) else seen.share,
        Verdict.OK if enough else Verdict.NOT_ENOUGH_DATA,
        threshold=context.settings.performance.min_rows / seen.rows if seen.rows else None,
        direction="below",
        n=seen.rows,
        reason="; ".join(part for part in (known, target.derived) if part),
        details={"labelled": seen.labelled, "task": target.task, "guess": target.guess, "derived": target.derived},
    )


def _judge(context: MonitorContext, one: Measured, before: Measured | None, place: Place) -> Result:
    settings = context.settings.performance
    seen = Seen(
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
        return context.judged(SIGNAL, one.metric, None, seen, Judged(Verdict.ERROR, one.fault))
    if value is None:
        reason = one.lacking or _undefined(one, "these")
        if one.details.get("zero_truths_left_out"):
            reason = "no percentage of a truth of 0 is defined, and all truths are 0"
        return context.judged(SIGNAL, one.metric, None, seen, Judged(Verdict.SKIPPED, reason))
    if one.rows < settings.min_rows:
        reason = f"{one.rows} labelled rows; {settings.min_rows} are needed"
        return context.judged(SIGNAL, one.metric, value, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))
    if place.segment and before is not None:
        beside = "whole" if place.of_whole else place.segment
        seen = replace(seen, details={**seen.details, "compared_with": beside})
    judged = _verdict(context, one, before, place)
    reason = judged.reason
    if left_out := one.details.get("zero_truths_left_out"):
        reason = f"{reason}; {left_out:g} rows whose truth is 0 are left out".lstrip("; ")
    if place.segment and place.of_whole and before is not None:
        reason = f"{reason}; of the whole baseline, which has too few labelled rows of {place.segment}".lstrip("; ")
    return context.judged(SIGNAL, one.metric, value, seen, replace(judged, reason=reason))


def _verdict(context: MonitorContext, one: Measured, before: Measured | None, place: Place) -> Judged:
    """By the fixed bound, then by the change from the baseline."""
    settings = context.settings.performance
    confidence = 1 - (1 - settings.confidence) * place.share
    bound = settings.bounds.get(one.metric)
    if bound is not None and breaches(
        one.estimate, bound, higher_is_better=one.higher_is_better, confidence=confidence
    ):
        reason = f"{one.metric} is {one.estimate.value:.4g}, beyond its bound of {bound:.4g}"
        return Judged(Verdict.ALARM, reason, bound)
    if before is None or not math.isfinite(before.estimate.value):
        within = f"{one.metric} keeps its bound; " if bound is not None else ""
        verdict = Verdict.OK if bound is not None else Verdict.NOT_COMPARED
        return Judged(verdict, within + _alone(context, place.segment, before), bound)
    moved = change(one.estimate, before.estimate, higher_is_better=one.higher_is_better)
    base = before.estimate.value
    judged = Judged(Verdict.OK, "", bound, finite(moved.p_value), {"baseline": base})
    if one.metric not in settings.alarm_on:
        return replace(judged, reason=f"from {base:.4g}; it does not alarm on change (`alarm_on`)")
    if math.isnan(moved.p_value):
        reason = f"from {base:.4g}, and how sure that is cannot be told on these rows"
        return replace(judged, verdict=Verdict.NOT_COMPARED, reason=reason)
    allowed = settings.min_change * abs(base) * (-1 if one.higher_is_better else 1)
    judged = judged if bound is not None else replace(judged, threshold=base + allowed)
    if is_worse(moved, base, min_change=settings.min_change, confidence=confidence):
        reason = f"{one.metric} went from {base:.4g} to {one.estimate.value:.4g}"
        return replace(judged, verdict=Verdict.ALARM, reason=reason)
    return judged


def _undefined(one: Measured, which: str) -> str:
    """Why a measure is no number on rows that it applies to."""
    if math.isinf(one.estimate.value):
        return f"on {which} rows it is beyond what a number can hold"
    return f"undefined on {which} rows"


def _alone(context: MonitorContext, segment: str, before: Measured | None) -> str:
    """Why there is no baseline's value beside a window's."""
    if before is not None:
        why = before.fault or before.lacking or _undefined(before, "the baseline's")
        return f"nothing to compare with: {why}"
    if context.baseline is None or segment:
        return context.nothing_to_compare(segment)
    return "the baseline has no labels to compare with: `modelspan baseline set ... --label COLUMN`"


def _business(context: MonitorContext, current: Rows, reference: Rows | None, target: Target) -> Iterator[Result]:
    """What the rows were worth; a cost or an expression that cannot be used is an error of this measure alone."""
    settings = context.settings.performance
    if not (settings.cost or settings.value_expression):
        return
    try:
        estimate = business.realised(context.store, current, target, settings)
        before = business.realised(context.store, reference, target, settings) if reference else None
    except (ValueError, DriverError) as error:
        yield context.result(SIGNAL, "business_value", None, Verdict.ERROR, reason=_why(context, error))
        return
    mean = estimate.mean
    details = {"total": estimate.total, **({"baseline": finite(before.mean.value)} if before else {})}
    seen = Seen(n=estimate.rows, lower=finite(mean.lower), upper=finite(mean.upper), details=details)
    said = f"{mean.value:.4g} a prediction, {estimate.total:.6g} in the window"
    bound = settings.bounds.get("business_value")
    if bound is None:
        reason = f"{said}; it is judged by its bound alone: give `bounds: {{business_value: ...}}`"
        alone = Judged(Verdict.NOT_COMPARED, reason)
        yield context.judged(SIGNAL, "business_value", finite(mean.value), seen, alone)
        return
    low = breaches(mean, bound, higher_is_better=True, confidence=settings.confidence)
    judged = Judged(Verdict.ALARM if low else Verdict.OK, said, bound)
    yield context.judged(SIGNAL, "business_value", finite(mean.value), replace(seen, direction="below"), judged)


def _why(context: MonitorContext, error: Exception) -> str:
    """What is wrong, in the words of who wrote the settings."""
    expression = context.settings.performance.value_expression
    if isinstance(error, DriverError) and expression:
        return understood(context.store, expression) or str(error)
    return str(error)


PERFORMANCE: Final = Signal(
    SIGNAL,
    "worse {metric}",
    kinds.WRONG,
    run=performance,
    needs=(Need.LABELS, Need.LABELLED_BASELINE),
    gravity=0,
    harm=True,
)
