"""Effect floors learnt from the parts of a baseline, so that a swing which it has itself is not taken for drift."""

from __future__ import annotations

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.baselines import KIND_ROWS, Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.binning import Bins, count
from modelspan_analyzer.reading.profiles.profile import Column, Profile
from modelspan_analyzer.reading.profiles.read import window_profile
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.learnt_floor import learn_effect_floor
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts
from modelspan_collector.store.connect import Store

PARTS = 12
"""Stretches of equal length that a baseline's time is cut into."""
LEAST_PARTS = 6


def learnt_floor(
    context: MonitorContext, rule: DriftRule, bins: Bins, counts: FeatureCounts, *, outputs: bool
) -> float | None:
    """The column's own floor; None where the baseline has no time, or fewer than six parts of enough rows."""
    if context.baseline is None:
        return None
    chunks = []
    for part in _parts(context.store, context.baseline):
        column = (part.outputs if outputs else part.features).get(counts.feature)
        if column is not None and column.n + column.null_n >= rule.minimum_rows and _readable(column):
            chunks.append(count(bins, column, column.numbers.support if column.numbers else None))
    return learn_effect_floor(counts.baseline, chunks, rule) if len(chunks) >= LEAST_PARTS else None


def _readable(column: Column) -> bool:
    """Whether the column's values came with the profile, as they do from sketches and from few rows."""
    return column.numbers is None or column.numbers.support is not None


@kept(16)
def _parts(store: Store, baseline: Baseline) -> tuple[Profile, ...]:
    """The profiles of a baseline's parts, from the predictions that it was made of."""
    if baseline.window is None or baseline.kind == KIND_ROWS:
        return ()
    start, step = baseline.window.start, (baseline.window.end - baseline.window.start) / PARTS
    windows = [Window(start + number * step, start + (number + 1) * step) for number in range(PARTS)]
    return tuple(window_profile(store, baseline.model, baseline.read_version, one) for one in windows)
