"""Prediction drift: what the model answers, against the baseline."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.judge import drift
from modelspan_analyzer.monitors.signal import Cost, Need, Signal
from modelspan_analyzer.results import Result

SIGNAL: Final = "prediction_drift"


def prediction_drift(context: MonitorContext) -> list[Result]:
    """Every distribution measure of the value, the label and the scores."""
    return drift(context, SIGNAL, context.settings.prediction_drift, outputs=True)


PREDICTION_DRIFT: Final = Signal(
    SIGNAL,
    "shifted predictions",
    kinds.PREDICTION_DRIFT,
    run=prediction_drift,
    needs=(Need.BASELINE,),
    cost=Cost.SKETCHES,
    gravity=3,
    names_outputs=True,
)
