"""All monitors, in the order in which they run and are read."""

from __future__ import annotations

from modelspan_analyzer import signals
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
    Monitor("data_drift", signals.DATA_DRIFT, data_drift),
    Monitor("slices", signals.DATA_DRIFT, slices),
    Monitor("prediction_drift", signals.PREDICTION_DRIFT, prediction_drift),
    Monitor("worst_slices", signals.PREDICTION_DRIFT, worst_slices),
    Monitor("data_quality", signals.DATA_QUALITY, data_quality),
    Monitor("multivariate", signals.MULTIVARIATE, multivariate),
    Monitor("embedding", signals.EMBEDDING, embedding),
    Monitor("poisoning", signals.POISONING, poisoning),
    Monitor("performance", signals.PERFORMANCE, performance),
    Monitor("worst_slices_by_outcome", signals.PERFORMANCE, worst_slices_by_outcome),
    Monitor("estimation", signals.ESTIMATION, estimation),
    Monitor("concept", signals.CONCEPT, concept),
    Monitor("fairness", signals.FAIRNESS, fairness),
    Monitor("attribution", signals.ATTRIBUTION, attribution),
    Monitor("robustness", signals.ROBUSTNESS, robustness),
)
