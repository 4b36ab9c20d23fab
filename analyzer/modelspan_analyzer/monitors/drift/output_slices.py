"""Drift of the answers within the configured slices: what the model says in one country, that the whole does not show.

A slice is compared with its own rows of the baseline, and with nothing where these are too few.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.compare import Pair, exact_pairs, part_pairs
from modelspan_analyzer.monitors.drift.judge import chosen, judge_pairs, primary_measure
from modelspan_analyzer.monitors.drift.prediction_drift import SIGNAL
from modelspan_analyzer.monitors.drift.slices_in_season import alarming, in_season
from modelspan_analyzer.monitors.sliced import left_out
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.answers import SHAPE
from modelspan_analyzer.reading.profiles.parts import Parts, answer_parts, baseline_answers, few
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.segments import restricted
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Judged, Result, Seen, Verdict

_NOTHING = Judged(
    Verdict.SKIPPED, "it has neither a value nor a label on both sides (scores by class are not compared)"
)


def prediction_slices(context: MonitorContext) -> list[Result]:
    """Prediction drift of each slice that has enough rows; the allowed error is shared among the slices."""
    settings, baseline, found = context.settings.prediction_drift, context.with_rows, context.slices.each
    read = _read(context, baseline) if baseline and found else None
    results = list(left_out(context, SIGNAL, SIGNAL))
    shared = settings.rule.model_copy(update={"alpha": settings.rule.alpha / max(1, len(found))})
    each = settings.model_copy(update={"rule": shared})
    for one in found:
        if baseline is None or one.rows_baseline < settings.min_rows:
            lacks = f"; it has {one.rows_baseline} rows of it" if one.rows_baseline else ""
            said = Judged(Verdict.NOT_COMPARED, context.nothing_to_compare(one.name) + lacks)
            results.append(context.judged(SIGNAL, primary_measure(settings), None, _seen(one), said, SIGNAL))
            continue
        judged = judge_pairs(
            context, SIGNAL, each, _pairs(context, baseline, one, read), outputs=True, segment=one.name
        )
        if names := alarming(context.usual_outputs, judged):
            those = (pair for pair in _pairs(context, baseline, one, read) if pair.name in names)
            judged = in_season(context, each, judged, those, outputs=True)
        results += judged or [context.judged(SIGNAL, primary_measure(settings), None, _seen(one), _NOTHING, SIGNAL)]
    return results


def _seen(one: Slice) -> Seen:
    return Seen(segment=one.name, n=one.rows, n_baseline=one.rows_baseline)


def _read(context: MonitorContext, baseline: Baseline) -> tuple[Parts, Parts] | None:
    """The answers of both sides, of all slices from one reading, where they are few enough to be held."""
    if not few(context.current, baseline, outputs=True):
        return None
    store, keys = context.store, context.slicing
    now = answer_parts(store, window_relation(context.model, context.version, context.window), keys)
    if baseline.stored:
        return baseline_answers(store, baseline, keys), now
    return answer_parts(store, baseline_relation(baseline), keys), now


def _pairs(context: MonitorContext, baseline: Baseline, one: Slice, read: tuple[Parts, Parts] | None) -> Iterator[Pair]:
    """From rows: of slices features are sketched, and no answers."""
    settings, shape = context.settings.prediction_drift, context.target.shape

    def wanted(name: str) -> bool:
        return chosen(settings, name) and (name != SHAPE or bool(shape))

    if read is not None:
        held, held_now = (side.part(one.key, one.value) for side in read)
        return part_pairs(held, held_now, wanted, outputs=True)
    sides = baseline_relation(baseline), window_relation(context.model, context.version, context.window)
    before, after = (restricted(side, one.key, one.value) for side in sides)
    return exact_pairs(context.store, before, after, wanted, outputs=True)
