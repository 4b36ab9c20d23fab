"""Data drift: the features against the baseline."""

from __future__ import annotations

from modelspan_analyzer import signals
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.judge import drift
from modelspan_analyzer.results import Result


def data_drift(context: MonitorContext) -> list[Result]:
    """Every distribution measure of every feature."""
    return drift(context, signals.DATA_DRIFT.name, context.settings.data_drift, outputs=False)
