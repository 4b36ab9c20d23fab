"""Drift within the configured slices: a change in one country that the whole does not show."""

from __future__ import annotations

from collections.abc import Iterator

from modelspan_analyzer.baselines import Baseline
from modelspan_analyzer.distributions.read import slice_profile, stored_slice
from modelspan_analyzer.distributions.relation import baseline_relation, window_relation
from modelspan_analyzer.distributions.segments import restricted, slice_values
from modelspan_analyzer.monitors.compare import Pair, exact_pairs, pairs
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift import chosen, judge_pairs
from modelspan_analyzer.results import Result


def slices(context: MonitorContext) -> list[Result]:
    """Data drift of each slice that has enough rows; the allowed error is shared among the slices."""
    settings, baseline = context.settings.data_drift, context.baseline
    if baseline is None or not context.settings.segments:
        return []
    current = window_relation(context.model, context.version, context.window)
    found = [
        (key, value, rows)
        for key in context.settings.segments
        for value, rows in slice_values(context.store, current, key, settings.min_rows).items()
    ]
    shared = settings.rule.model_copy(update={"alpha": settings.rule.alpha / max(1, len(found))})
    each = settings.model_copy(update={"rule": shared})
    results: list[Result] = []
    for key, value, rows in found:
        compared = _pairs(context, baseline, key, value, rows)
        results += judge_pairs(context, "data_drift", each, compared, segment=f"{key}={value}")
    return results


def _pairs(context: MonitorContext, baseline: Baseline, key: str, value: str, rows: int) -> Iterator[Pair]:
    """From sketches where the slice is large and they hold all of it, else from rows."""
    store, settings, window = context.store, context.settings.data_drift, context.window

    def wanted(name: str) -> bool:
        return chosen(settings, name) and f"feature.{name}" != key

    sketched = None
    if baseline.stored and not settings.exact:
        sketched = slice_profile(store, context.model, context.version, window, key, value, rows)
    if sketched is not None:
        return pairs(store, stored_slice(store, baseline, key, value), sketched, wanted)
    before, after = (
        restricted(side, key, value)
        for side in (
            baseline_relation(baseline, context.version),
            window_relation(context.model, context.version, window),
        )
    )
    return exact_pairs(store, before, after, wanted)
