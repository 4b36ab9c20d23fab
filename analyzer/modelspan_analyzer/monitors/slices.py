"""Drift within the configured slices: a change in one country that the whole does not show."""

from __future__ import annotations

from modelspan_analyzer.distributions.relation import baseline_relation, window_relation
from modelspan_analyzer.distributions.segments import restricted, slice_values
from modelspan_analyzer.monitors.compare import exact_pairs
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift import chosen, judge_pairs
from modelspan_analyzer.results import Result


def slices(context: MonitorContext) -> list[Result]:
    """Data drift of each slice that has enough rows, read from rows; the allowed error is shared among the slices."""
    settings, baseline = context.settings.data_drift, context.baseline
    if baseline is None or not context.settings.segments:
        return []
    current = window_relation(context.model, context.version, context.window)
    reference = baseline_relation(baseline, context.version)
    found = [
        (key, value)
        for key in context.settings.segments
        for value in slice_values(context.store, current, key, settings.min_rows)
    ]
    shared = settings.rule.model_copy(update={"alpha": settings.rule.alpha / max(1, len(found))})
    each = settings.model_copy(update={"rule": shared})
    results: list[Result] = []
    for key, value in found:
        pairs = exact_pairs(
            context.store,
            restricted(reference, key, value),
            restricted(current, key, value),
            lambda name, key=key: chosen(settings, name) and f"feature.{name}" != key,  # type: ignore[misc]
        )
        results += judge_pairs(context, "data_drift", each, pairs, segment=f"{key}={value}")
    return results
