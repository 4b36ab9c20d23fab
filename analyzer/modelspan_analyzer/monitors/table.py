"""All monitors, in the order in which they run and are read."""

from __future__ import annotations

from modelspan_analyzer.monitors.attribution.monitor import attribution
from modelspan_analyzer.monitors.attribution.robustness import robustness
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import Monitor
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.drift.prediction_drift import prediction_drift
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.embedding.monitor import embedding
from modelspan_analyzer.monitors.estimation.monitor import estimation
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.multivariate.monitor import multivariate
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors.poisoning.monitor import poisoning
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.monitors.worst_slices.monitor import worst_slices, worst_slices_by_outcome

MONITORS: tuple[Monitor, ...] = (
    Monitor("data_drift", "data_drift", data_drift),
    Monitor("slices", "data_drift", slices),
    Monitor("prediction_drift", "prediction_drift", prediction_drift),
    Monitor("worst_slices", "prediction_drift", worst_slices),
    Monitor("data_quality", "data_quality", data_quality),
    Monitor("multivariate", "multivariate", multivariate),
    Monitor("embedding", "embedding", embedding),
    Monitor("poisoning", "poisoning", poisoning),
    Monitor("performance", "performance", performance),
    Monitor("worst_slices_by_outcome", "performance", worst_slices_by_outcome),
    Monitor("estimation", "estimation", estimation),
    Monitor("concept", "concept", concept),
    Monitor("fairness", "fairness", fairness),
    Monitor("attribution", "attribution", attribution),
    Monitor("robustness", "robustness", robustness),
)
