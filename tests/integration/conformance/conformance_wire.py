"""Spans and events as other senders put them on the wire or into the tables."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.request import Request, urlopen

import grpc
import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelspan_collector.otlp.signals import TRACES
from modelspan_collector.store.connect import Store

MILLISECOND = 10**6


@dataclass(frozen=True)
class Span:
    """One span, as far as it matters here."""

    service: str
    name: str
    trace_id: str
    span_id: str
    start: int
    attributes: Mapping[str, Any]
    failed: bool = False


def post_spans(port: int, headers: Mapping[str, str], spans: Sequence[Span]) -> None:
    """Send spans over OTLP/HTTP, as protobuf."""
    post(port, "/v1/traces", trace_request(spans).SerializeToString(), headers)


def spans_as_json(port: int, headers: Mapping[str, str], spans: Sequence[Span]) -> None:
    """Send spans over OTLP/HTTP as JSON, in which ids are hexadecimal."""
    document = MessageToDict(trace_request(spans), use_integers_for_enums=True)
    for resource in document["resourceSpans"]:
        for span in resource["scopeSpans"][0]["spans"]:
            span |= {name: b64decode(span[name]).hex() for name in ("traceId", "spanId")}
    post(port, "/v1/traces", json.dumps(document).encode(), {**headers, "Content-Type": "application/json"})


def spans_over_grpc(port: int, headers: Mapping[str, str], spans: Sequence[Span]) -> None:
    """Send spans over OTLP/gRPC."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(TRACES.grpc_path)
        export(trace_request(spans).SerializeToString(), timeout=30, metadata=tuple(headers.items()))


def trace_request(spans: Sequence[Span]) -> ExportTraceServiceRequest:
    """Spans as one OTLP request, one resource a service."""
    request = ExportTraceServiceRequest()
    for service, members in groupby(sorted(spans, key=lambda one: one.service), key=lambda one: one.service):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        scope = resource.scope_spans.add()
        for one in members:
            span = scope.spans.add(
                trace_id=bytes.fromhex(one.trace_id),
                span_id=bytes.fromhex(one.span_id),
                name=one.name,
                start_time_unix_nano=one.start,
                end_time_unix_nano=one.start + MILLISECOND,
            )
            span.status.code = 2 if one.failed else 0
            for name, value in one.attributes.items():
                kind = "double_value" if isinstance(value, float) else "string_value"
                setattr(span.attributes.add(key=name).value, kind, value)
    return request


def insert_spans(store: Store, spans: Sequence[Span]) -> None:
    """Insert spans as the OpenTelemetry Collector's exporter writes them: every attribute a text."""
    texts = pa.map_(pa.string(), pa.string())
    columns = {
        "Timestamp": pa.array([one.start for one in spans], pa.timestamp("ns", "UTC")),
        "TraceId": [one.trace_id for one in spans],
        "SpanId": [one.span_id for one in spans],
        "SpanName": [one.name for one in spans],
        "SpanKind": ["Internal"] * len(spans),
        "ServiceName": [one.service for one in spans],
        "ResourceAttributes": pa.array([[("service.name", one.service)] for one in spans], texts),
        "SpanAttributes": pa.array([[(n, _text(v)) for n, v in one.attributes.items()] for one in spans], texts),
        "Duration": pa.array([MILLISECOND] * len(spans), pa.uint64()),
        "StatusCode": ["Error" if one.failed else "Unset" for one in spans],
    }
    store.insert("otel_traces", pa.table(columns))


def _text(value: Any) -> str:
    """As the exporter's `AsString` spells values."""
    return "NaN" if value != value else str(value)


def post_event(port: int, headers: Mapping[str, str], name: str, table: pa.Table, model: str, version: str) -> None:
    """Send a table as one event of modelspan's."""
    told = {"modelspan.schema": "1", "modelspan.model.name": model, "modelspan.model.version": version}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata(told)) as writer:
        writer.write_table(table)
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "modelspan-replay"
    resource.scope_logs.add().log_records.add(event_name=name).body.bytes_value = sink.getvalue().to_pybytes()
    answer = ExportLogsServiceResponse.FromString(post(port, "/v1/logs", request.SerializeToString(), headers))
    assert not answer.partial_success.rejected_log_records, answer.partial_success.error_message


def post(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Post a request, protobuf where the headers say nothing else, and return what was answered."""
    url = f"http://127.0.0.1:{port}{path}"
    request = Request(url, data=body, headers={"Content-Type": "application/x-protobuf", **headers})
    with urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content
