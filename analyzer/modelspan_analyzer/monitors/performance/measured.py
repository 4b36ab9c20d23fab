"""The measures of some rows by what their answers are: one number or class, or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance import several
from modelspan_analyzer.monitors.performance.common_classes import UNKNOWN
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
        return several.absent(context.target, found, context.coverages[0].labelled)
    return absent(context.target, context.settings.performance, found)


def upside_down(found: list[Measured], before: Sequence[Measured]) -> list[Measured]:
    """Measures of anomaly scores, of which none is told where scores surely fall as rows get less usual.

    Nobody runs a detector that is worse than chance, and some libraries' scores are the lower, the less usual a row is:
    an order that is surely the wrong way round, in the baseline too where it is known, is no performance.
    """
    area = next((one for one in found if one.metric == "roc_auc"), None)
    known = next((one for one in before if one.metric == "roc_auc"), area)
    if area is None or known is None or not max(area.estimate.upper, known.estimate.upper) < 0.5:
        return found
    fault = (
        f"ROC AUC is {area.estimate.value:.4g}, surely below 0.5: anomaly scores are the higher, the less usual a "
        "row is; record others, such as those of scikit-learn, with the other sign (`prediction=lambda score: -score`)"
    )
    return [replace(one, estimate=UNKNOWN, details={}, fault=fault) if one.rows else one for one in found]
