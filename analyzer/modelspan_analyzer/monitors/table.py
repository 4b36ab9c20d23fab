"""All monitors, in the order in which they run and are read."""

from __future__ import annotations

from modelspan_analyzer.monitors.context import Monitor
from modelspan_analyzer.monitors.data_drift import data_drift
from modelspan_analyzer.monitors.data_quality import data_quality
from modelspan_analyzer.monitors.prediction_drift import prediction_drift

MONITORS: tuple[Monitor, ...] = (
    Monitor("data_drift", "data_drift", data_drift),
    Monitor("prediction_drift", "prediction_drift", prediction_drift),
    Monitor("data_quality", "data_quality", data_quality),
)
