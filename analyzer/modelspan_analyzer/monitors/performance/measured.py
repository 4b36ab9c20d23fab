"""The measures of some rows by what their answers are: one number or class, or several."""

from __future__ import annotations

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance import several
from modelspan_analyzer.monitors.performance.evaluate import Measured, absent, evaluate
from modelspan_analyzer.reading.outcomes.read import ALL_ROWS, Segment
from modelspan_analyzer.reading.rows import Rows


def measured_in(context: MonitorContext, rows: Rows, segment: Segment = ALL_ROWS) -> dict[str, list[Measured]]:
    """Every measure of the task in each part of a segment; parts without labels are absent."""
    settings, target = context.settings.performance, context.target
    if not target.shape:
        return evaluate(context.store, rows, target, settings, segment)
    known = context.sources[-1]  # the baseline where there is one: what is known of items
    return several.evaluate(context.store, rows, target, settings, segment, known)


def absent_in(context: MonitorContext, found: list[Measured]) -> list[Measured]:
    """Every measure of the task that rows with labels could not be measured by, with what they lack."""
    if context.target.shape:
        return several.absent(context.target, found)
    return absent(context.target, context.settings.performance, found)
