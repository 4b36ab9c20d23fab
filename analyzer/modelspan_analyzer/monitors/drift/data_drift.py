"""Data drift: the features against the baseline."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.judge import drift
from modelspan_analyzer.monitors.signal import Cost, Need, Signal
from modelspan_analyzer.results import Result

SIGNAL: Final = "data_drift"


def data_drift(context: MonitorContext) -> list[Result]:
    """Every distribution measure of every feature."""
    return drift(context, SIGNAL, context.settings.data_drift, outputs=False)


DATA_DRIFT: Final = Signal(
    SIGNAL, "drift", kinds.DRIFT, run=data_drift, needs=(Need.BASELINE,), cost=Cost.SKETCHES, gravity=4
)
