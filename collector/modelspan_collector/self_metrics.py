"""The collector's own metrics, sent over OTLP: what its registry holds, as the data model of OpenTelemetry has it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from modelspan_collector.background import Background
from modelspan_collector.forward.destination import Destination
from modelspan_collector.forward.send import Outcome, open_sender
from modelspan_collector.otlp.signals import METRICS

_LOGGER = logging.getLogger(__name__)


class SelfMetrics:
    """Sends a registry to one OTLP endpoint, every so often and at the end."""

    def __init__(self, registry: CollectorRegistry, destination: Destination, seconds: float = 60.0) -> None:
        self._registry = registry
        self._destination = destination
        self._seconds = seconds
        self._began = time.time_ns()
        self._instance = str(uuid.uuid4())
        self._background = Background("modelspan-self-metrics", self._run)

    def start(self) -> None:
        """Begin to send."""
        self._background.start()

    def stop(self) -> None:
        """Send once more, and end."""
        self._background.stop()

    def _run(self, stopping: threading.Event) -> None:
        sender = open_sender(self._destination)
        last = False
        while not last:
            last = stopping.wait(self._seconds)
            request = to_otlp(self._registry, self._began, time.time_ns(), self._instance)
            if sender.send(METRICS, request.SerializeToString()).outcome is not Outcome.SENT:
                _LOGGER.warning("%s did not take the collector's own metrics", self._destination.name)
        sender.close()


def to_otlp(registry: CollectorRegistry, began: int, now: int, instance: str) -> ExportMetricsServiceRequest:
    """A registry as one request: counters as monotonic cumulative sums, gauges, histograms with explicit bounds.

    Args:
        registry: where the metrics are.
        began: nanoseconds since 1970 at which its counters were zero.
        now: nanoseconds since 1970 of the points.
        instance: `service.instance.id` of the resource.
    """
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    for key, value in (("service.name", "modelspan-collector"), ("service.instance.id", instance)):
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_metrics.add()
    scope.scope.name = "modelspan.collector"
    for family in registry.collect():
        metric = scope.metrics.add(name=family.name, description=family.documentation)
        times = {"start_time_unix_nano": began, "time_unix_nano": now}
        if family.type == "histogram":
            _histogram(family, metric, times)
        elif family.type == "counter":
            metric.sum.is_monotonic = True
            metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
            _numbers(family, metric.sum, times)
        else:
            _numbers(family, metric.gauge, times)
    return request


def _numbers(family: Metric, target: Any, times: dict[str, int]) -> None:
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            point = target.data_points.add(as_double=sample.value, **times)
            _label(point, sample.labels)


def _histogram(family: Metric, metric: Any, times: dict[str, int]) -> None:
    metric.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    points: dict[tuple[tuple[str, str], ...], Any] = {}
    below: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != "le"}
        key = tuple(sorted(labels.items()))
        if key not in points:
            points[key] = metric.histogram.data_points.add(**times)
            _label(points[key], labels)
        if sample.name.endswith("_bucket"):  # Prometheus counts up to a bound, OpenTelemetry between two
            points[key].bucket_counts.append(int(sample.value - below.get(key, 0.0)))
            below[key] = sample.value
            if sample.labels["le"] != "+Inf":
                points[key].explicit_bounds.append(float(sample.labels["le"]))
        elif sample.name.endswith("_count"):
            points[key].count = int(sample.value)
        elif sample.name.endswith("_sum"):
            points[key].sum = sample.value


def _label(point: Any, labels: dict[str, str]) -> None:
    for key, value in labels.items():
        point.attributes.add(key=key).value.string_value = value
