"""Drift within the configured slices: a change in one country that the whole does not show.

A slice is compared with its own rows of the baseline. Where the baseline has too few of it, it is compared with the
whole baseline and every reason says so; being unlike the whole is no change, so that gives a warning at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.compare import Pair, exact_pairs, pairs, part_pairs
from modelspan_analyzer.monitors.drift.data_drift import DATA_DRIFT
from modelspan_analyzer.monitors.drift.judge import chosen, judge_pairs
from modelspan_analyzer.monitors.drift.slices_in_season import alarming, in_season
from modelspan_analyzer.monitors.sliced import left_out
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.from_rows import profile_rows
from modelspan_analyzer.reading.profiles.parts import Parts
from modelspan_analyzer.reading.profiles.read import slice_profile, stored_slice
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.segments import restricted
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Judged, Result, Seen, Verdict

SIGNAL = DATA_DRIFT.name


def slices(context: MonitorContext) -> list[Result]:
    """Data drift of each slice that has enough rows; the allowed error is shared among the slices."""
    settings, baseline = context.settings.data_drift, context.baseline
    read, found = context.slices.read, context.slices.each
    results = list(left_out(context, SIGNAL, SIGNAL))
    shared = settings.rule.model_copy(update={"alpha": settings.rule.alpha / max(1, len(found))})
    each = settings.model_copy(update={"rule": shared})
    for one in found:
        if baseline is None:
            results.append(_alone(context, one))
        elif one.rows_baseline >= settings.min_rows:
            judged = judge_pairs(context, SIGNAL, each, _pairs(context, baseline, one, read), segment=one.name)
            if names := alarming(context.usual, judged):
                those = (pair for pair in _pairs(context, baseline, one, read) if pair.name in names)
                judged = in_season(context, each, judged, those)
            results += judged
        else:
            compared = _against_whole(context, baseline, one, read)
            judged = judge_pairs(context, SIGNAL, each, compared, segment=one.name)
            results += [_of_whole(one, result) for result in judged]
    return results


def _alone(context: MonitorContext, one: Slice) -> Result:
    reason = context.nothing_to_compare(one.name)
    seen = Seen(segment=one.name, n=one.rows)
    return context.judged(SIGNAL, "drift", None, seen, Judged(Verdict.NOT_COMPARED, reason), SIGNAL)


def _of_whole(one: Slice, result: Result) -> Result:
    """A result of a slice that the baseline has too few rows of."""
    said = f"; of the whole baseline, which has {one.rows_baseline} rows of {one.name}: `baseline set ... --tag`"
    verdict = Verdict.WARNING if result.verdict is Verdict.ALARM else result.verdict
    details = {**result.details, "compared_with": "whole"}
    return replace(result, verdict=verdict, reason=(result.reason + said).lstrip("; "), details=details)


def _pairs(context: MonitorContext, baseline: Baseline, one: Slice, read: tuple[Parts, Parts] | None) -> Iterator[Pair]:
    """From sketches where the slice is large and they hold all of it, else from rows."""
    store, settings, window = context.store, context.settings.data_drift, context.window

    def wanted(name: str) -> bool:
        return chosen(settings, name) and f"feature.{name}" != one.key

    sketched = None
    if baseline.stored and not settings.exact:
        sketched = slice_profile(store, context.model, context.version, window, one.key, one.value, one.rows)
    if sketched is not None:
        return pairs(store, stored_slice(store, baseline, one.key, one.value), sketched, wanted)
    if read is not None:
        return part_pairs(read[0].part(one.key, one.value), read[1].part(one.key, one.value), wanted)
    before, after = (
        restricted(side, one.key, one.value)
        for side in (
            baseline_relation(baseline),
            window_relation(context.model, context.version, window),
        )
    )
    return exact_pairs(store, before, after, wanted)


def _against_whole(
    context: MonitorContext, baseline: Baseline, one: Slice, read: tuple[Parts, Parts] | None
) -> Iterator[Pair]:
    def wanted(name: str) -> bool:
        return chosen(context.settings.data_drift, name) and f"feature.{name}" != one.key

    if read is not None:
        return part_pairs(read[0].part(), read[1].part(one.key, one.value), wanted)
    current = restricted(window_relation(context.model, context.version, context.window), one.key, one.value)
    if context.no_rows and context.reference is not None:
        return pairs(context.store, context.reference, profile_rows(context.store, current), wanted)
    return exact_pairs(context.store, baseline_relation(baseline), current, wanted)
