"""The metric exporter of a provider that we make: OpenTelemetry's over OTLP/HTTP, with our histograms added."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
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

from modelspan.telemetry.histograms import Attributes, Buckets, Series
from modelspan.telemetry.instance import Instance
from modelspan.telemetry.metrics import HISTOGRAMS


class MetricExporter(OTLPMetricExporter):
    """Adds the histograms of this process to what the SDK exports."""

    def __init__(self, buckets: Callable[[], Buckets | None], **options: Any) -> None:
        super().__init__(**options)
        self._buckets = buckets
        self._instance = Instance()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Export what the SDK collected, and our histograms in our scope."""
        added = [self._own(each) for each in metrics_data.resource_metrics]
        return super().export(MetricsData(added), timeout_millis, **kwargs)

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
