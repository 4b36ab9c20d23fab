"""Prediction drift: what the model answers, against the baseline."""

from __future__ import annotations

from modelspan_analyzer import signals
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.judge import drift
from modelspan_analyzer.results import Result


def prediction_drift(context: MonitorContext) -> list[Result]:
    """Every distribution measure of the value, the label and the scores."""
    return drift(context, signals.PREDICTION_DRIFT.name, context.settings.prediction_drift, outputs=True)
