"""The monitor of realised performance: every measure of a window, judged against the baseline and fixed bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer import kinds
from modelspan_analyzer.config.expression import understood, worth
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance import business
from modelspan_analyzer.monitors.performance.before import p_values_before
from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.monitors.performance.judge import Place, judge, nothing_beside
from modelspan_analyzer.monitors.performance.measured import absent_in, measured_in, upside_down
from modelspan_analyzer.monitors.performance.rhythm import beside_rhythm
from modelspan_analyzer.monitors.signal import Metric, Need, Signal
from modelspan_analyzer.monitors.sliced import Among, failed, in_none
from modelspan_analyzer.reading.outcomes.read import ALL_ROWS, Coverage, Segment
from modelspan_analyzer.reading.outcomes.several import labelled_otherwise
from modelspan_analyzer.reading.outcomes.spelling import shown
from modelspan_analyzer.reading.outcomes.target import REGRESSION, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.segments import slices_among
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite
from modelspan_analyzer.verdicts.change import breaches

SIGNAL: Final = "performance"
MANY_ODD: Final = 0.05
"""Share of labels that are no class of the model, from which it is a warning."""


def performance(context: MonitorContext) -> list[Result]:
    """Share of labels in, and every measure of the task, for all rows and for each part of the configured segments."""
    settings = context.settings.performance
    if not settings.enabled:
        return []
    current, *references = context.sources
    seen = context.coverages[0]
    results = [_share(context, seen), *failed(context, SIGNAL)]
    reference, target = (references[0] if references else None), context.target
    if target.apart:
        n = context.answers[0].labelled
        metric = "mean_absolute_error" if target.task == REGRESSION else "accuracy"
        return [*results, context.result(SIGNAL, metric, None, Verdict.ERROR, n=n, reason=target.apart)]
    if seen.labelled < settings.min_rows and not (target.shape and seen.rows >= settings.min_rows):
        return results + (list(_business(context, current, reference, target)) if _by_outcomes(settings) else [])
    whole: list[Measured] = []
    earlier = p_values_before(context, SIGNAL)
    for segment in (ALL_ROWS, *(Segment.parse(text) for text in context.slicing)):
        found = slices_among(segment.key, measured_in(context, current, segment))
        results += _left_out(context, segment, found)
        if segment == ALL_ROWS:
            found[""] = [*found.get("", []), *absent_in(context, found.get("", []))]
        expected = measured_in(context, reference, segment) if reference else {}
        whole = expected.get("", []) if segment == ALL_ROWS else whole
        if target.anomaly:
            found = {part: upside_down(measured, whole) for part, measured in found.items()}
        judged = [part for part, measured in found.items() if max(one.rows for one in measured) >= settings.min_rows]
        alarming = {
            one.key for measured in found.values() for one in measured if one.promise or one.metric in settings.alarm_on
        }
        share = 1 / max(1, len(judged) * len(alarming))
        for part, measured in found.items():
            own = _usable(expected.get(part, []), settings.min_rows) if segment != ALL_ROWS else whole
            before = {one.key: one for one in own or whole}
            place = Place(segment.label(part), of_whole=not own, share=share, earlier=earlier)
            for one in measured:
                beside = before.get(one.key)
                judged_one = judge(one, beside, place, settings, _alone(context, place.segment, beside))
                judged_one = beside_rhythm(context, SIGNAL, segment, part, one, judged_one, place)
                results.append(context.found(SIGNAL, judged_one))
    return results + list(_business(context, current, reference, target))


def _left_out(context: MonitorContext, segment: Segment, found: Mapping[str, list[Measured]]) -> Iterator[Result]:
    """That no labelled row is in any slice of a segment; a slice that has too few of them says so itself."""
    if segment != ALL_ROWS and not found:
        least = context.settings.performance.min_rows
        among = Among(context.coverages[0].labelled, least, "performance.min_rows", "labelled rows")
        yield from in_none(context, SIGNAL, segment.key, (), among)


def _usable(measured: list[Measured], least: int) -> list[Measured]:
    """What a baseline says of a slice that it has enough labelled rows of; else nothing."""
    return measured if max((one.rows for one in measured), default=0) >= least else []


def _share(context: MonitorContext, seen: Coverage) -> Result:
    least, target = context.settings.performance.min_rows, context.target
    enough = seen.labelled >= least
    known = f"labels are in for {seen.labelled} of {seen.rows} predictions"
    few = f"{least} labelled ones are needed, more than there are" if 0 < seen.rows < least else ""
    odd = 0 if target.shape else context.answers[0].labelled - seen.labelled
    otherwise = 0 if enough or target.shape else labelled_otherwise(context.store, context.sources[0])
    unlike = f"{otherwise} have a label of several numbers or texts, which no answer is" if otherwise else ""
    said = f"{odd} are labelled {shown(target.strange)}, no class of the model, and left out" if odd else ""
    return context.result(
        SIGNAL,
        "labels_share",
        None if math.isnan(seen.share) else seen.share,
        _known(enough, odd > MANY_ODD * seen.labelled or target.denied, otherwise >= least),
        threshold=least / seen.rows if seen.rows >= max(least, 1) else None,
        direction="below",
        n=seen.rows,
        reason="; ".join(filter(None, (known, unlike, said, few, target.taken, _compared(context)))),
        details={
            "labelled": seen.labelled,
            "left_out": odd,
            "labels_until": context.answers[0].labels_until,
            "task": target.shape or target.task,
            "guess": target.guess,
            "derived": target.derived,
        },
    )


def _known(enough: bool, odd: bool, unlike: bool) -> Verdict:
    """Of labels: enough, which may be odd beside the answers; or too few, as there are others that nothing can use."""
    if enough:
        return Verdict.WARNING if odd else Verdict.OK
    return Verdict.ERROR if unlike else Verdict.NOT_ENOUGH_DATA


def _compared(context: MonitorContext) -> str:
    """What measures are compared with, where it is not the baseline."""
    if context.answered is None:
        return ""
    return (
        "measures are compared with the version's first answers, until "
        f"{context.answered.end:%Y-%m-%d %H:%M} UTC, as the baseline is of a shadow's predictions"
    )


def _alone(context: MonitorContext, segment: str, before: Measured | None) -> str:
    """Why there is no baseline's value beside a window's."""
    if before is not None:
        return nothing_beside(before)
    if context.with_rows is None or segment:
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
    if _by_outcomes(settings) and estimate.rows < settings.min_rows:
        reason = f"of {estimate.rows} predictions all that `value_expression` names is known; {settings.min_rows} are"
        few = Judged(Verdict.NOT_ENOUGH_DATA, f"{reason} needed (`min_rows`)")
        yield context.judged(SIGNAL, "business_value", finite(mean.value), Seen(n=estimate.rows), few)
        return
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


def _by_outcomes(settings: PerformanceSettings) -> bool:
    """Whether the value of a prediction is told by other outcomes than its label."""
    return bool(settings.value_expression and worth(settings.value_expression).outcomes)


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
    metrics={
        "quantile_crossing": Metric("quantiles that cross"),
        **{
            f"interval_coverage_{percent}": Metric(f"{percent} % intervals that hold too few", kinds.WRONG)
            for percent in range(1, 100)
        },
    },
)
