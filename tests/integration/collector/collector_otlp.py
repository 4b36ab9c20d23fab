"""Requests for tests, and the plainest clients that send them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import time
from typing import Any

import grpc
import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelspan_collector.otlp.signals import Signal

PROTOBUF = "application/x-protobuf"
_ids = itertools.count(1)


def set_attribute(holder: Any, key: str, value: Any) -> None:
    """Add an attribute of the value's own type."""
    set_value(holder.attributes.add(key=key).value, value)


def set_value(target: Any, value: Any) -> None:
    """Set an AnyValue from a Python value, at any depth."""
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            set_value(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            set_value(target.kvlist_value.values.add(key=key).value, item)


def trace(*spans: dict[str, Any], service: str = "test", **fields: Any) -> ExportTraceServiceRequest:
    """A request with one span for every dictionary of attributes."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    set_attribute(resource.resource, "service.name", service)
    scope = resource.scope_spans.add()
    now = time.time_ns()
    for attributes in spans:
        number = next(_ids)
        defaults = {
            "trace_id": number.to_bytes(16, "big"),
            "span_id": number.to_bytes(8, "big"),
            "name": "work",
            "start_time_unix_nano": now,
            "end_time_unix_nano": now + 1_000_000,
        }
        span = scope.spans.add(**{**defaults, **fields})
        for key, value in attributes.items():
            set_attribute(span, key, value)
    return request


def arrow(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def event(name: str, body: bytes, service: str = "scoring") -> ExportLogsServiceRequest:
    """A logs request with one event."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    set_attribute(resource.resource, "service.name", service)
    resource.scope_logs.add().log_records.add(event_name=name).body.bytes_value = body
    return request


def predictions(rows: int, /, model: str = "churn", version: str = "1", **columns: Any) -> pa.Table:
    """A stream of prediction records; columns replace or add to the required two (`_` stands for the dot after a
    prefix).
    """
    now = time.time_ns()
    base: dict[str, Any] = {
        "timestamp": pa.array([now + i for i in range(rows)], pa.timestamp("ns", "UTC")),
        "prediction_id": [f"p{next(_ids)}" for _ in range(rows)],
    }
    metadata = {"modelspan.schema": "1", "modelspan.model.name": model, "modelspan.model.version": version}
    return pa.table({**base, **columns}).replace_schema_metadata(metadata)


def post(port: int, path: str, body: bytes, kind: str = PROTOBUF, **headers: str) -> http.client.HTTPResponse:
    """Send one HTTP request; the answer's body is in `.content`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", path, body, {"content-type": kind, **named})
        answer: Any = connection.getresponse()
        answer.content = answer.read()
    return answer


def export(port: int, signal: Signal, body: bytes, **options: Any) -> bytes:
    """Send one gRPC request and return the response's bytes.

    Raises:
        grpc.RpcError: the collector refused it.
    """
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer: bytes = channel.unary_unary(signal.grpc_path)(body, timeout=30, **options)
    return answer
