"""A few bytes do not become gigabytes, and senders that stall keep out nobody else."""

from __future__ import annotations

import gzip
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
import zstandard
from collector_otlp import PROTOBUF, arrow, event, export, post, predictions, set_attribute, trace
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from support import eventually

from modelspan_collector.otlp import wire
from modelspan_collector.otlp.errors import RefusedError, TooLargeError
from modelspan_collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from modelspan_collector.receive import arrivals, bounds, events, grpc_calls
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal import dead
from modelspan_collector.write import insert_events

MIB = 1 << 20
JSON = "application/json"
MANY = 4_000_000


def length(size: int) -> bytes:
    """A length as protobuf has it."""
    digits = bytearray()
    while size > 0x7F:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*digits, size])


def inside(body: bytes, *tags: int) -> bytes:
    """A field in a message in a message, by their tags from the outside."""
    for tag in reversed(tags):
        body = bytes([tag]) + length(len(body)) + body
    return body


NESTED = {
    "empty resources": (TRACES, b"\x0a\x00" * MANY),
    "empty scopes": (LOGS, inside(b"\x12\x00" * MANY, 0x0A)),
    "empty spans": (TRACES, inside(b"\x12\x00" * MANY, 0x0A, 0x12)),
    "empty records": (LOGS, inside(b"\x12\x00" * MANY, 0x0A, 0x12)),
    "empty metrics": (METRICS, inside(b"\x12\x00" * MANY, 0x0A, 0x12)),
    "empty attributes": (TRACES, inside(b"\x4a\x00" * MANY, 0x0A, 0x12, 0x12)),
    "empty events": (TRACES, inside(b"\x5a\x00" * MANY, 0x0A, 0x12, 0x12)),
    "empty values": (LOGS, inside(b"\x0a\x00" * MANY, 0x0A, 0x12, 0x12, 0x2A, 0x2A)),
    "points of a gauge": (METRICS, inside(b"\x0a\x00" * MANY, 0x0A, 0x12, 0x12, 0x2A)),
    "packed counts": (METRICS, inside(bytes(10 * MANY), 0x0A, 0x12, 0x12, 0x52, 0x0A, 0x42, 0x12)),
    "tags spelt at length": (TRACES, inside(b"\xca\x00\x00" * MANY, 0x0A, 0x12, 0x12)),
    "after a group": (TRACES, b"\x9b\x06\x9c\x06" + b"\x0a\x00" * MANY),
}
"""Everything of OTLP that is larger as a message than on the wire."""


@pytest.mark.parametrize("case", NESTED)
def test_messages_are_counted_before_they_are_made(case: str) -> None:
    """What would become millions of messages is refused, whatever they are and wherever they stand."""
    signal, body = NESTED[case]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeError, match="send smaller batches"):
        bounds.check_protobuf(signal, body)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KiB


def repeating() -> dict[str, tuple[Signal, Any]]:
    """Small requests whose rows are large: what is said once is in every row."""
    scopes, spans, records = TRACES.request(), TRACES.request(), LOGS.request()
    set_attribute(scopes.resource_spans.add().resource, "a", "x" * MIB)
    for _ in range(1000):
        scopes.resource_spans[0].scope_spans.add()
    set_attribute(spans.resource_spans.add().resource, "a", "x" * MIB)
    span = trace({}).resource_spans[0].scope_spans[0].spans[0]
    spans.resource_spans[0].scope_spans.add().spans.extend([span] * 1000)
    scope = records.resource_logs.add().scope_logs.add()
    scope.scope.name = "x" * MIB
    for _ in range(1000):
        scope.log_records.add()
    metric = METRICS.request()
    gauge = metric.resource_metrics.add().scope_metrics.add().metrics.add(name="m", description="x" * MIB).gauge
    for _ in range(1000):
        gauge.data_points.add()
    return {
        "scopes": (TRACES, scopes),
        "spans": (TRACES, spans),
        "records": (LOGS, records),
        "points": (METRICS, metric),
    }


@pytest.mark.parametrize("case", ["scopes", "spans", "records", "points"])
def test_what_every_row_repeats_is_counted_as_often(collector: Collector, case: str) -> None:
    """A megabyte that a thousand rows share is a gigabyte in the store."""
    signal, request = repeating()[case]
    assert post(collector.http_port, signal.http_path, request.SerializeToString()).status == 413
    assert post(collector.http_port, signal.http_path, json_format.MessageToJson(request).encode(), JSON).status == 413


def test_an_insert_without_memory_holds_nothing_up(
    start: Callable[..., Collector], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that cannot be made into rows is set aside, and those around it are stored."""
    original = wire.rows

    def rows(payload: bytes, received: int) -> Any:
        if b"too large" in payload:
            raise MemoryError
        return original(payload, received)

    monkeypatch.setattr(wire, "rows", rows)
    collector = start()
    for name in ("before", "too large", "behind"):
        assert post(collector.http_port, "/v1/traces", trace({}, name=name).SerializeToString()).status == 200
    collector.flush()
    assert sorted(row["SpanName"] for row in store.rows("SELECT SpanName FROM otel_traces")) == ["before", "behind"]
    assert len(list(dead.list_dead(tmp_path / "data"))) == 1


@given(st.sampled_from(SIGNALS), st.binary(max_size=200), st.integers(0, 5))
def test_no_bytes_break_the_counting(signal: Signal, junk: bytes, at: int) -> None:
    """Whatever comes is within the bounds, or refused in a documented way."""
    body = inside(b"\x12\x00" * bounds.MOST_ITEMS, 0x0A, 0x12) if at == 0 else b"\x0a\x00" * bounds.MOST_ITEMS
    try:
        bounds.check_protobuf(signal, junk + body)
    except RefusedError as error:
        assert error.http_status in (400, 413)


def test_an_honest_large_request_is_within_bounds() -> None:
    """Tens of thousands of spans with their attributes are not refused."""
    span = (
        trace({f"attribute {n}": "a value of some length" for n in range(20)}).resource_spans[0].scope_spans[0].spans[0]
    )
    body = inside(inside(span.SerializeToString(), 0x12) * 40_000, 0x0A, 0x12)
    assert len(body) > 30 * MIB
    bounds.check_protobuf(TRACES, body)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_small_body_of_many_spans_is_refused_over_http(collector: Collector, store: Store, encoding: str) -> None:
    """In either encoding, and JSON too; nothing of it is stored."""
    pack: Callable[[bytes], bytes] = gzip.compress if encoding == "gzip" else zstandard.compress
    answer = post(collector.http_port, "/v1/traces", pack(NESTED["empty spans"][1]), content_encoding=encoding)
    assert answer.status == 413
    document = b'{"resourceSpans":[' + b"{}," * bounds.MOST_VALUES + b"{}]}"
    assert (
        post(collector.http_port, "/v1/traces", pack(document), "application/json", content_encoding=encoding).status
        == 413
    )
    assert store.scalar("SELECT count() FROM otel_traces") == 0


def test_a_small_body_of_many_spans_is_refused_over_grpc(collector: Collector) -> None:
    """The runtime decompresses before we see it; more than the limit it does not make."""
    for body in (NESTED["empty spans"][1], bytes(300 * MIB)):
        with pytest.raises(grpc.RpcError) as refused:
            export(collector.grpc_port, TRACES, body, compression=grpc.Compression.Gzip)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_commas_in_text_are_no_values(collector: Collector) -> None:
    """A long text with all of JSON's signs in it is one value."""
    text = '{\\"a\\":[1,2]},' * (bounds.MOST_VALUES // 2)
    document = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{text}"}}}}]}}]}}]}}'
    assert post(collector.http_port, "/v1/logs", document.encode(), "application/json").status == 200


@contextmanager
def stalled(port: int, declared: int, sent: int) -> Iterator[socket.socket]:
    """A connection that sends a part of its body and then no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        lines = ("POST /v1/traces HTTP/1.1", "host: localhost", f"content-type: {PROTOBUF}")
        head = "\r\n".join([*lines, f"content-length: {declared}", "", ""])
        client.sendall(head.encode() + bytes(sent))
        yield client


def test_bodies_that_stall_keep_nobody_out(start: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stalled bodies take all the room the oldest goes, with an answer that it may send again."""
    monkeypatch.setattr(arrivals, "_SETTLED_SECONDS", 0.0)
    collector = start(max_request_bytes=MIB, max_inflight_bytes=4 * MIB)
    with ExitStack() as stack:
        clients = [stack.enter_context(stalled(collector.http_port, MIB, MIB - 1000)) for _ in range(4)]
        eventually(lambda: collector.health()["inflight_bytes"] >= 4 * (MIB - 1000))
        body = trace({"filler": "x" * 100_000}).SerializeToString()
        assert post(collector.http_port, "/v1/traces", body).status == 200
        assert export(collector.grpc_port, TRACES, body) is not None
        assert clients[0].recv(4096).startswith(b"HTTP/1.1 503")


def test_a_body_has_a_deadline(start: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that falls silent is answered, and its room is free, though nobody else wants it."""
    monkeypatch.setattr(arrivals, "SILENT_SECONDS", 0.1)
    collector = start()
    with stalled(collector.http_port, 1000, 10) as client:
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in answer
    assert collector.health()["inflight_bytes"] == 0


def never() -> Iterator[bytes]:
    """A request of which no byte comes."""
    threading.Event().wait(60)
    yield b""


def test_grpc_calls_that_stall_keep_nobody_out(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """More calls without a message than there are threads: others are answered, and each of them ends in time."""
    with grpc.insecure_channel(f"127.0.0.1:{collector.grpc_port}") as channel:
        method = channel.stream_unary(TRACES.grpc_path)
        calls: list[Any] = [method.future(never()) for _ in range(60)]
        assert export(collector.grpc_port, TRACES, trace({}).SerializeToString()) == b""
        monkeypatch.setattr(grpc_calls, "SECONDS", 0.0)
        assert calls[0].exception(timeout=60).code() is grpc.StatusCode.CANCELLED
        for call in calls:
            call.cancel()


def packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_events_of_one_request_are_bounded_together(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred kilobytes of streams that spell out to gigabytes, or of ever so many, are not all taken."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 1000]))
    large = packed(predictions(100_000, **{"feature.a": texts}).set_column(1, "prediction_id", [["p"] * 100_000]))
    monkeypatch.setattr(events, "MOST_EVENTS", 20)
    for body, most in ((large, 3), (packed(predictions(1)), 20)):
        request = LOGS.request()
        records = request.resource_logs.add().scope_logs.add().log_records
        for _ in range(30):
            records.add(event_name="modelspan.predictions").body.bytes_value = body
        answer = LOGS.response.FromString(export(collector.grpc_port, LOGS, request.SerializeToString()))
        assert answer.partial_success.rejected_log_records == 30 - most
        assert "send smaller batches" in answer.partial_success.error_message


def test_an_insert_takes_as_many_streams_as_fit_into_memory(
    start: Callable[..., Collector], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions, each with a name of its own, so that all rows arrive, once."""
    monkeypatch.setattr(insert_events, "_PORTION_BYTES", 1000)
    collector = start(segment_seconds=60.0)
    for _ in range(10):
        request = event("modelspan.predictions", arrow(predictions(20)))
        assert post(collector.http_port, "/v1/logs", request.SerializeToString()).status == 200
    collector.flush()
    assert store.scalar("SELECT count() FROM predictions") == 200
