"""The OpenTelemetry SDK of Python exports all signals over both protocols; every field that it sends is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


def over_http(collector: Collector) -> tuple[Any, Any, Any]:
    url = f"http://127.0.0.1:{collector.http_port}/v1"
    return HttpSpans(f"{url}/traces"), HttpMetrics(f"{url}/metrics"), HttpLogs(f"{url}/logs")


def over_grpc(collector: Collector) -> tuple[Any, Any, Any]:
    target = f"127.0.0.1:{collector.grpc_port}"
    return GrpcSpans(target, insecure=True), GrpcMetrics(target, insecure=True), GrpcLogs(target, insecure=True)


@pytest.mark.parametrize("exporters", [over_http, over_grpc])
def test_python_sdk(store: Store, tmp_path: Path, exporters: Callable[[Collector], tuple[Any, Any, Any]]) -> None:
    """Spans with events and links, a counter and a histogram, and a log inside of a span."""
    collector = Collector(store, CollectorConfig(tmp_path, grpc_port=0, http_port=0, segment_seconds=0.2))
    collector.start()
    spans, points, records = exporters(collector)
    resource = Resource.create({"service.name": "python-sdk"})
    tracing, logs = TracerProvider(resource=resource), LoggerProvider(resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    metering = MeterProvider([PeriodicExportingMetricReader(points)], resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(records))
    handler = LoggingHandler(logger_provider=logs)

    tracer = tracing.get_tracer("scope", "1.2")
    with tracer.start_as_current_span("parent") as parent:
        link = Link(parent.get_span_context(), {"why": "batch"})
        with tracer.start_as_current_span("child", kind=SpanKind.CLIENT, links=[link]) as child:
            child.set_attribute("modelspan.model.name", "churn")
            child.set_attribute("modelspan.prediction.value", 0.75)
            child.set_attribute("modelspan.feature.age", 39)
            child.set_attribute("list", ["a", "b"])
            child.add_event("happened", {"n": 1})
            child.set_status(StatusCode.ERROR, "it broke")
            handler.emit(logging.LogRecord("app", logging.WARNING, "app.py", 1, "took %d ms", (7,), None))
    meter = metering.get_meter("scope")
    meter.create_counter("requests", unit="1").add(3, {"route": "/"})
    meter.create_histogram("duration", explicit_bucket_boundaries_advisory=[1.0, 2.0]).record(1.5)
    for provider in (tracing, metering, logs):
        provider.shutdown()
    collector.flush()
    collector.stop()

    sent = child.get_span_context()
    trace_id, span_id, parent_id = f"{sent.trace_id:032x}", f"{sent.span_id:016x}", f"{parent.context.span_id:016x}"
    row = store.rows("SELECT *, toUnixTimestamp64Nano(Timestamp) AS ns FROM otel_traces WHERE SpanName = 'child'")[0]
    assert (row["TraceId"], row["SpanId"], row["ParentSpanId"]) == (trace_id, span_id, parent_id)
    assert (row["ns"], row["Duration"]) == (child.start_time, child.end_time - child.start_time)
    assert (row["ServiceName"], row["ScopeName"], row["ScopeVersion"]) == ("python-sdk", "scope", "1.2")
    assert (row["SpanKind"], row["StatusCode"], row["StatusMessage"]) == ("Client", "Error", "it broke")
    assert row["SpanAttributes"]["list"] == '["a","b"]'
    assert (row["Events.Name"], row["Events.Attributes"]) == (["happened"], [{"n": "1"}])
    assert (row["Links.SpanId"], row["Links.Attributes"]) == ([parent_id], [{"why": "batch"}])
    columns = "TraceId, SpanId, SeverityText, SeverityNumber, Body, ServiceName"
    assert store.rows(f"SELECT {columns} FROM otel_logs") == [
        {
            "TraceId": trace_id,
            "SpanId": span_id,
            "SeverityText": "WARN",
            "SeverityNumber": 13,
            "Body": "took 7 ms",
            "ServiceName": "python-sdk",
        }
    ]
    counters = "SELECT Value, Attributes, IsMonotonic, AggregationTemporality AS t FROM otel_metrics_sum"
    assert store.rows(counters) == [{"Value": 3.0, "Attributes": {"route": "/"}, "IsMonotonic": True, "t": 2}]
    histograms = "SELECT Count, Sum, BucketCounts, ExplicitBounds FROM otel_metrics_histogram"
    assert store.rows(histograms) == [{"Count": 1, "Sum": 1.5, "BucketCounts": [0, 1, 0], "ExplicitBounds": [1.0, 2.0]}]
    predictions = store.rows("SELECT model, value, numeric_features, trace_id, span_id FROM predictions")
    assert predictions == [
        {
            "model": "churn",
            "value": 0.75,
            "numeric_features": {"age": 39.0},
            "trace_id": trace_id,
            "span_id": span_id,
        }
    ]
