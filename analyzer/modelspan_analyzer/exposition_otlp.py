"""The newest results as OpenTelemetry gauges, for who collects metrics over OTLP."""

from __future__ import annotations

import os
from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from modelspan_analyzer.exposition import ResultsCollector
from modelspan_collector.store.connect import Store

_GAUGES = {
    "modelspan_result_value": ("modelspan.result.value", "1"),
    "modelspan_result_threshold": ("modelspan.result.threshold", "1"),
    "modelspan_result_verdict": ("modelspan.result.verdict", "1"),
    "modelspan_result_age_seconds": ("modelspan.result.age", "s"),
}
"""Prometheus name to OpenTelemetry name and unit."""

_LABELS = {"model": "modelspan.model.name", "version": "modelspan.model.version"}


def start_otlp(store: Store) -> MeterProvider | None:
    """Export the gauges on the schedule of `OTEL_METRIC_EXPORT_INTERVAL`; None where no OTLP endpoint is set."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        return None
    return provide(store, PeriodicExportingMetricReader(OTLPMetricExporter()))


def provide(store: Store, reader: MetricReader) -> MeterProvider:
    """A meter provider whose gauges are the newest results, read when the reader collects."""
    provider = MeterProvider([reader], Resource.create({"service.name": "modelspan-analyzer"}), shutdown_on_exit=False)
    meter = provider.get_meter("modelspan.analyzer")
    results = ResultsCollector(store)
    for prometheus_name, (name, unit) in _GAUGES.items():

        def observe(_: CallbackOptions, wanted: str = prometheus_name) -> Iterable[Observation]:
            family = next(family for family in results.collect() if family.name == wanted)
            for sample in family.samples:
                attributes = {
                    _LABELS.get(key, f"modelspan.{key}"): value for key, value in sample.labels.items() if value
                }
                yield Observation(sample.value, attributes)

        meter.create_observable_gauge(name, [observe], unit)
    return provider
