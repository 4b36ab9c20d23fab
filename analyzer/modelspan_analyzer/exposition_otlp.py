"""The newest results and the open incidents as OpenTelemetry gauges, for who collects metrics over OTLP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from modelspan_analyzer.alerts import IncidentCollector
from modelspan_analyzer.exposition import ResultsCollector
from modelspan_collector.store.connect import Store

_RESULTS = {
    "modelspan_result_value": ("modelspan.result.value", "1"),
    "modelspan_result_threshold": ("modelspan.result.threshold", "1"),
    "modelspan_result_verdict": ("modelspan.result.verdict", "1"),
    "modelspan_result_age_seconds": ("modelspan.result.age", "s"),
}
"""Prometheus name to OpenTelemetry name and unit."""
_INCIDENTS = {
    "modelspan_incident": ("modelspan.incident", "1"),
    "modelspan_incident_affected_predictions": ("modelspan.incident.affected", "{prediction}"),
    "modelspan_prediction_age_seconds": ("modelspan.prediction.age", "s"),
    "modelspan_run_success_timestamp_seconds": ("modelspan.run.success", "s"),
    "modelspan_runs_failed_last_hour": ("modelspan.run.failed", "{run}"),
    "modelspan_analysis_lag_seconds": ("modelspan.analysis.lag", "s"),
    "modelspan_analysis_windows_waiting": ("modelspan.analysis.windows_waiting", "{window}"),
    "modelspan_heartbeat_timestamp_seconds": ("modelspan.heartbeat", "s"),
}

_LABELS = {"model": "modelspan.model.name", "version": "modelspan.model.version"}


def start_otlp(store: Store) -> MeterProvider | None:
    """Export the gauges on the schedule of `OTEL_METRIC_EXPORT_INTERVAL`; None where no OTLP endpoint is set."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        return None
    return provide(store, PeriodicExportingMetricReader(OTLPMetricExporter()))


def provide(store: Store, reader: MetricReader) -> MeterProvider:
    """A meter provider whose gauges are the newest results and the open incidents, read when the reader collects."""
    provider = MeterProvider([reader], Resource.create({"service.name": "modelspan-analyzer"}), shutdown_on_exit=False)
    meter = provider.get_meter("modelspan.analyzer")
    for collector, gauges in ((ResultsCollector(store), _RESULTS), (IncidentCollector(store), _INCIDENTS)):
        read = _Reading(collector)
        for prometheus_name, (name, unit) in gauges.items():
            meter.create_observable_gauge(name, [_observer(read, prometheus_name)], unit)
    return provider


class _Reading:
    """One reading of a collector for all of its gauges: each takes its own from it once, then it is read again."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._left: dict[str, Metric] = {}

    def take(self, name: str) -> Metric:
        if name not in self._left:
            self._left = {family.name: family for family in self._collector.collect()}
        return self._left.pop(name)


def _observer(read: _Reading, wanted: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for sample in read.take(wanted).samples:
            attributes = {_LABELS.get(key, f"modelspan.{key}"): value for key, value in sample.labels.items() if value}
            yield Observation(sample.value, attributes)

    return observe
