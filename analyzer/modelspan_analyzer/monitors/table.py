"""All signals, one record each, in the order in which their monitors run and are read."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.monitors.attribution.monitor import ATTRIBUTION
from modelspan_analyzer.monitors.attribution.robustness import ROBUSTNESS
from modelspan_analyzer.monitors.concept.monitor import CONCEPT
from modelspan_analyzer.monitors.drift.data_drift import DATA_DRIFT
from modelspan_analyzer.monitors.drift.output_slices import prediction_slices
from modelspan_analyzer.monitors.drift.prediction_drift import PREDICTION_DRIFT
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.embedding.monitor import EMBEDDING
from modelspan_analyzer.monitors.estimation.monitor import ESTIMATION
from modelspan_analyzer.monitors.estimation.slices import estimation_slices
from modelspan_analyzer.monitors.experiments.monitor import EXPERIMENTS
from modelspan_analyzer.monitors.fairness.monitor import FAIRNESS
from modelspan_analyzer.monitors.fairness.slices import fairness_slices
from modelspan_analyzer.monitors.latency.monitor import LATENCY
from modelspan_analyzer.monitors.lifecycle.monitor import LIFECYCLE
from modelspan_analyzer.monitors.metrics.monitor import METRICS
from modelspan_analyzer.monitors.multivariate.monitor import MULTIVARIATE
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.monitors.poisoning.monitor import POISONING
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.quality.slices import quality_slices
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.worst_slices.monitor import worst_slices, worst_slices_by_outcome
from modelspan_analyzer.reading.names import UnknownNameError, named

SIGNALS: Final = Signals.of(
    DATA_DRIFT.with_monitor("slices", slices),
    PREDICTION_DRIFT.with_monitor("prediction_slices", prediction_slices).with_monitor("worst_slices", worst_slices),
    DATA_QUALITY.with_monitor("quality_slices", quality_slices),
    LATENCY,
    METRICS,
    EXPERIMENTS,
    LIFECYCLE,
    MULTIVARIATE,
    EMBEDDING,
    POISONING,
    PERFORMANCE.with_monitor("worst_slices_by_outcome", worst_slices_by_outcome),
    ESTIMATION.with_monitor("estimation_slices", estimation_slices),
    CONCEPT,
    FAIRNESS.with_monitor("fairness_slices", fairness_slices),
    ATTRIBUTION,
    ROBUSTNESS,
)
MONITORS: Final = tuple(SIGNALS.monitors())


def need_signal(signal: str) -> None:
    """Refuse a signal that no monitor gives.

    Raises:
        UnknownNameError: none does.
    """
    there = list(SIGNALS)
    if signal not in there:
        raise UnknownNameError(f"there is no signal {signal!r}; there are {named(signal, there, 'signal', len(there))}")
