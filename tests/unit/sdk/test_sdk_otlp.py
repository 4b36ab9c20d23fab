"""The bytes that are written directly are those that OpenTelemetry's own encoders write."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from modelspan import conventions
from modelspan._settings import Endpoint
from modelspan.delivery import otlp
from modelspan.delivery.protobuf import varint
from modelspan.records.record import Record
from modelspan.telemetry.span_exporter import SpanExporter

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = (
    SCALARS | st.lists(st.floats(allow_nan=False), max_size=3) | st.lists(TEXTS, max_size=3) | st.binary(max_size=3)
)
ATTRIBUTES = st.dictionaries(TEXTS.filter(bool), VALUES, max_size=6)
KINDS = st.sampled_from(list(trace.SpanKind))
STATUSES = st.sampled_from([None, trace.Status(trace.StatusCode.OK), trace.Status(trace.StatusCode.ERROR, "why")])
REMOTE = trace.SpanContext(
    1, 2, is_remote=True, trace_flags=trace.TraceFlags(1), trace_state=trace.TraceState([("a", "b")])
)

LINKED = trace.SpanContext(
    3, 4, is_remote=True
)  # without a trace state, which OpenTelemetry's encoder leaves out of links


@given(TEXTS, KINDS, ATTRIBUTES, ATTRIBUTES, STATUSES, st.booleans())
@settings(max_examples=40, deadline=None)
def test_spans_are_encoded_as_by_opentelemetry(
    name: str, kind: Any, attributes: dict[str, Any], others: dict[str, Any], status: Any, remote: bool
) -> None:
    """Any span, with events, links, status and a remote parent, has the same meaning in both encodings."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "s", "numbers": [1, 2]}, "https://schema"))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("scope", "1", "https://scope")
    parent = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE)) if remote else None
    with tracer.start_as_current_span(name, parent, kind, attributes, [trace.Link(LINKED, others)]) as span:
        span.add_event("event", others)
        if status is not None:
            span.set_status(status)
        tracer.start_span("child").end()
    spans = memory.get_finished_spans()
    exporter = SpanExporter(Endpoint("http://127.0.0.1:1/v1/traces"))
    ours = b"".join(exporter.request([exporter.encoded(span) for span in spans]))
    assert ExportTraceServiceRequest.FromString(ours) == encode_spans(spans)


@given(st.integers(-(2**63), 2**64 - 1))
def test_varint(number: int) -> None:
    """A whole number is written as protobuf's own runtime reads it."""
    body = b"\x18" + varint(number)  # field 3 of AnyValue: int_value
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    assert AnyValue.FromString(body).int_value == (number if number < 2**63 else number - 2**64)


@given(st.binary(max_size=300), ATTRIBUTES)
def test_record_request(body: bytes, attributes: dict[str, Any]) -> None:
    """A record's request is one log record: event name, time, and the bytes as they are."""
    resource = otlp.resource_of({**attributes, "service.name": "s"})
    parts = otlp.request(resource, Record(conventions.EVENT_PREDICTIONS, pa.py_buffer(body), 3, 17))
    (logs,) = ExportLogsServiceRequest.FromString(b"".join(parts)).resource_logs
    ((record,),) = [scope.log_records for scope in logs.scope_logs]
    assert (record.event_name, record.time_unix_nano) == ("modelspan.predictions", 17)
    assert record.body.WhichOneof("value") == "bytes_value"
    assert record.body.bytes_value == body
    assert ("service.name", "s") in {(each.key, each.value.string_value) for each in logs.resource.attributes}


def test_garbage_rejects_nothing() -> None:
    """An answer that is no message is no rejection."""
    assert otlp.rejected(b"\xff\xff<html>") == 0
