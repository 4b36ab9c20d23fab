"""The metric exporter of a provider that we make: OpenTelemetry's, over HTTP or gRPC, with our histograms added."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.metrics import Histogram as HistogramInstrument
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
)
from opentelemetry.sdk.metrics.export import MetricExporter as Base

from modelspan._failsafe import swallowed
from modelspan._settings import Endpoint
from modelspan.telemetry.histograms import Attributes, Buckets, Series
from modelspan.telemetry.instance import Instance
from modelspan.telemetry.metrics import HISTOGRAMS


def _otlp(endpoint: Endpoint) -> Base:
    headers = dict(endpoint.headers) or None
    if endpoint.grpc:
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as OverGrpc

        return OverGrpc(endpoint=endpoint.url, headers=headers, timeout=endpoint.timeout)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(endpoint=endpoint.url, headers=headers, timeout=endpoint.timeout)


class _Quiet(logging.Filter):
    """Lets nothing through that OpenTelemetry's exporter logs for ours, of which `swallowed` says one line.

    It writes four an export while nobody answers, once a minute; the application's own exporters keep their lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exporting: set[int] = set()

    def __enter__(self) -> None:
        self._exporting.add(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        self._exporting.discard(threading.get_ident())

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is somebody else's."""
        return record.thread not in self._exporting


_quiet = _Quiet()


class MetricExporter(Base):
    """Adds the histograms of this process to what the SDK exports."""

    def __init__(self, buckets: Callable[[], Buckets | None], endpoint: Endpoint) -> None:
        self._exporter = _otlp(endpoint)
        for name in {base.__module__ for base in type(self._exporter).__mro__}:
            logging.getLogger(name).addFilter(_quiet)
        super().__init__(self._exporter._preferred_temporality, self._exporter._preferred_aggregation)
        self._buckets = buckets
        self._instance = Instance()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export what the SDK collected, and our histograms in our scope."""
        added = [self._own(each) for each in metrics_data.resource_metrics]
        with _quiet:
            result = self._exporter.export(MetricsData(added), timeout_millis, **kwargs)
        if result is not MetricExportResult.SUCCESS:
            swallowed("metrics could not be exported; sums over the whole time come with the next export")
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is buffered here."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the connection."""
        self._exporter.shutdown(timeout_millis, **kwargs)

    def _own(self, collected: ResourceMetrics) -> ResourceMetrics:
        scopes = [
            dataclasses.replace(scope, metrics=[*scope.metrics, *self._histograms()])
            if scope.scope.name == "modelspan"
            else scope
            for scope in collected.scope_metrics
        ]
        return dataclasses.replace(collected, resource=self._instance.of(collected.resource), scope_metrics=scopes)

    def _histograms(self) -> list[Metric]:
        buckets = self._buckets()
        if buckets is None:
            return []
        temporality = (self._preferred_temporality or {}).get(HistogramInstrument, AggregationTemporality.CUMULATIVE)
        points: dict[str, list[HistogramDataPoint]] = {}
        for (name, attributes), series in buckets.collect(reset=temporality is AggregationTemporality.DELTA).items():
            points.setdefault(name, []).append(_point(attributes, series))
        return [
            Metric(name, HISTOGRAMS[name][1], HISTOGRAMS[name][0], Histogram(found, temporality))
            for name, found in points.items()
        ]


def _point(attributes: Attributes, series: Series) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(attributes),
        start_time_unix_nano=series.since_ns,
        time_unix_nano=time.time_ns(),
        count=sum(series.counts),
        sum=series.total,
        bucket_counts=series.counts,
        explicit_bounds=series.boundaries,
        min=series.least,
        max=series.most,
    )
