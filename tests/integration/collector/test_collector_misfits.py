"""What does not fit costs nothing beside it: each signal, in each encoding, with each misfit, by each way in."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from collector_otlp import PROTOBUF, export, post, trace
from google.protobuf import json_format
from google.rpc import status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from modelspan_collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal import dead

JSON = "application/json"
ID_BYTES = (0, 3, 17)
TABLES = {TRACES: "otel_traces", LOGS: "otel_logs", METRICS: "otel_metrics_gauge"}
NAMES = {TRACES: "SpanName", LOGS: "Body", METRICS: "MetricName"}


def logs(*names: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for name in names:
        scope.log_records.add(severity_text="INFO").body.string_value = name
    return request


def metrics(*names: str) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in names:
        point = scope.metrics.add(name=name).gauge.data_points.add(as_double=1.0)
        point.exemplars.add(as_double=1.0)
    return request


def spans(*names: str) -> Any:
    request = trace(*({} for _ in names))
    for span, name in zip(request.resource_spans[0].scope_spans[0].spans, names, strict=True):
        span.name = name
    return request


MAKE: dict[Signal, Callable[..., Any]] = {TRACES: spans, LOGS: logs, METRICS: metrics}


def items(signal: Signal, request: Any) -> Any:
    resources, scopes, each = signal.path
    return getattr(getattr(getattr(request, resources)[0], scopes)[0], each)


@dataclass(frozen=True)
class Misfit:
    """Something wrong with the second of three items."""

    signal: Signal
    name: str
    spoil: Callable[[Any, bytes], None]
    """Gives the item an id of these bytes, where one belongs."""
    optional: bool
    """Whether the item can do without: then it is taken, and what is wrong with it left out."""

    def __str__(self) -> str:
        return f"{self.signal.name}-{self.name}"


def spoil_link(span: Any, identity: bytes) -> None:
    span.links.add(trace_id=identity, span_id=b"s" * 8)


def setter(field: str) -> Callable[[Any, bytes], None]:
    return lambda item, identity: setattr(item, field, identity)


def spoil_exemplar(field: str) -> Callable[[Any, bytes], None]:
    return lambda metric, identity: setattr(metric.gauge.data_points[0].exemplars[0], field, identity)


MISFITS = [
    Misfit(TRACES, "trace_id", setter("trace_id"), optional=False),
    Misfit(TRACES, "span_id", setter("span_id"), optional=False),
    Misfit(TRACES, "parent_span_id", setter("parent_span_id"), optional=True),
    Misfit(TRACES, "link", spoil_link, optional=True),
    Misfit(LOGS, "trace_id", setter("trace_id"), optional=True),
    Misfit(LOGS, "span_id", setter("span_id"), optional=True),
    Misfit(METRICS, "trace_id", spoil_exemplar("trace_id"), optional=True),
    Misfit(METRICS, "span_id", spoil_exemplar("span_id"), optional=True),
]
"""Every id of OTLP."""


def as_json(request: Any) -> bytes:
    """OTLP/JSON: what protobuf's own has in base64, ids are in hexadecimal."""

    def walk(node: Any, message: Any) -> Any:
        for field, value in message.ListFields():
            name = field.json_name
            if field.message_type is not None:
                inner = list(value) if field.is_repeated else [value]
                for one, other in zip(node[name] if field.is_repeated else [node[name]], inner, strict=True):
                    walk(one, other)
            elif field.name in ("trace_id", "span_id", "parent_span_id"):
                node[name] = value.hex()
        return node

    return json.dumps(walk(json_format.MessageToDict(request), request)).encode()


def send(collector: Collector, way: str, signal: Signal, request: Any) -> Any:
    """Send by gRPC, or HTTP in either encoding; returns the response message."""
    if way == "grpc":
        return signal.response.FromString(export(collector.grpc_port, signal, request.SerializeToString()))
    body, kind = (as_json(request), JSON) if way == "json" else (request.SerializeToString(), PROTOBUF)
    answer: Any = post(collector.http_port, signal.http_path, body, kind)
    assert answer.status == 200, answer.content
    if way == "json":
        return json_format.Parse(answer.content, signal.response())
    return signal.response.FromString(answer.content)


WAYS = ("grpc", "protobuf", "json")


@pytest.fixture
def arrived(collector: Collector, store: Store, tmp_path: Path) -> Iterator[Callable[[Signal], list[str]]]:
    """Names of the items that are in the table; in the end nothing must be among the dead letters."""

    def names(signal: Signal) -> list[str]:
        collector.flush()
        column = NAMES[signal]
        return [row[column] for row in store.rows(f"SELECT {column} FROM {TABLES[signal]} ORDER BY {column}")]

    yield names
    collector.flush()
    assert list(dead.list_dead(tmp_path / "data")) == []


@pytest.mark.parametrize("misfit", MISFITS, ids=str)
def test_an_id_that_is_none_costs_its_item_at_most(
    collector: Collector, store: Store, arrived: Callable[[Signal], list[str]], misfit: Misfit
) -> None:
    """Ids of 0, 3 and 17 bytes, in every encoding: the others arrive, the sender and `ingest_errors` are told which."""
    expected = []
    for way in WAYS:
        for size in ID_BYTES:
            names = [f"{way} {size} {place}" for place in ("first", "second", "third")]
            request = MAKE[misfit.signal](*names)
            misfit.spoil(items(misfit.signal, request)[1], b"\x07" * size)
            partial = send(collector, way, misfit.signal, request).partial_success
            taken = misfit.optional
            assert getattr(partial, misfit.signal.rejected) == (not taken)
            if size or not taken:
                assert (f"{size} bytes" if size else "absent") in partial.error_message
            else:
                assert partial.error_message == ""
            expected += names if taken else [names[0], names[2]]
    assert arrived(misfit.signal) == sorted(expected)
    told = store.rows(
        "SELECT reason FROM ingest_errors WHERE kind = 'rejected' AND signal = {s:String}", {"s": misfit.signal.name}
    )
    assert any("17 bytes" in row["reason"] for row in told)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", SIGNALS, ids=lambda signal: f"to-{signal.name}")
@pytest.mark.parametrize("sent", SIGNALS, ids=lambda signal: signal.name)
def test_a_signal_on_another_ones_path_is_refused(
    collector: Collector, arrived: Callable[[Signal], list[str]], sent: Signal, path: Signal, way: str
) -> None:
    """400 with a sentence, in all encodings, and nothing of it is in any table."""
    body = MAKE[sent]("one", "two").SerializeToString()
    if sent is path:
        assert send(collector, way, path, MAKE[sent]("one")).partial_success.error_message == ""
        return
    if way == "grpc":
        with pytest.raises(grpc.RpcError) as refused:
            export(collector.grpc_port, path, body)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details()
    else:
        kind = JSON if way == "json" else PROTOBUF
        answer: Any = post(
            collector.http_port, path.http_path, as_json(MAKE[sent]("one")) if way == "json" else body, kind
        )
        assert answer.status == 400
        message = json.loads(answer.content)["message"] if way == "json" else status(answer.content)
        assert message
        if way == "json":
            assert sent.http_path in message
    assert [arrived(signal) for signal in SIGNALS] == [[], [], []]


def status(body: bytes) -> str:
    return str(status_pb2.Status.FromString(body).message)


def test_full_items_on_another_path_are_told_where_they_belong(collector: Collector) -> None:
    """Where the wire types tell which signal it is, the sentence names the path."""
    request = logs("hello")
    request.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = 1
    for path, body in ((TRACES, request), (METRICS, request), (LOGS, spans("x")), (METRICS, spans("x"))):
        answer: Any = post(collector.http_port, path.http_path, body.SerializeToString())
        right = "/v1/logs" if body is request else "/v1/traces"
        assert (answer.status, right in status(answer.content)) == (400, True)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_json_item_that_is_not_understood_is_rejected_alone(
    collector: Collector, arrived: Callable[[Signal], list[str]], signal: Signal
) -> None:
    """A value of the wrong type costs its item; the rest of the request arrives."""
    document = json.loads(as_json(MAKE[signal]("a", "b", "c")))
    listed = document
    for name in signal.path:
        head, *rest = name.split("_")
        listed = listed[head + "".join(word.capitalize() for word in rest)]
        listed = listed[0] if name != signal.path[2] else listed
    listed[1]["attributes" if signal is not METRICS else "metadata"] = "not a list"
    listed.append("no object")
    answer: Any = post(collector.http_port, signal.http_path, json.dumps(document).encode(), JSON)
    told = json.loads(answer.content)["partialSuccess"]
    assert (answer.status, [str(v) for k, v in told.items() if k.startswith("rejected")]) == (200, ["2"])
    assert "not understood" in told["errorMessage"]
    assert arrived(signal) == ["a", "c"]


def test_a_json_id_that_is_not_hexadecimal_is_named(collector: Collector, store: Store) -> None:
    """The published case: one bad id among good spans."""
    good = {"name": "good", "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"}
    for bad in ("abc", "zzzzzzzz", "z" * 16, "5b8efff798038103d269b633813fc60", 5, None):
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [{**good, "name": "bad", "traceId": bad}, good]}]}]}
        answer: Any = post(collector.http_port, "/v1/traces", json.dumps(document).encode(), JSON)
        told = json.loads(answer.content)
        assert (answer.status, told["partialSuccess"]["rejectedSpans"]) == (200, "1")
    collector.flush()
    assert {row["SpanName"] for row in store.rows("SELECT SpanName FROM otel_traces")} == {"good"}


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        '"x"',
        "5",
        '{"resourceSpans": "abc"}',
        '{"resourceSpans": [["scopeSpans"]]}',
        '{"resourceSpans": [{"scopeSpans": "spans"}]}',
        '{"resourceSpans": [{"scopeSpans": ["spans"]}]}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": {"name": "x"}}]}]}',
        '{"resourceSpans": [null]}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": ["x"]}]}]}',
    ],
)
def test_json_of_another_shape_is_refused(collector: Collector, document: str) -> None:
    """A text or list where an object belongs is not taken for an object of which nothing is known."""
    answer: Any = post(collector.http_port, "/v1/traces", document.encode(), JSON)
    assert (answer.status, bool(json.loads(answer.content)["message"])) == (400, True)


def test_a_request_of_which_nothing_can_be_taken_is_refused(collector: Collector) -> None:
    """No 200 for nothing: the sentence says what every span lacks."""
    answer: Any = post(collector.http_port, "/v1/traces", trace({}, trace_id=b"").SerializeToString())
    assert answer.status == 400
    assert "trace id is absent" in status(answer.content)


def raw(port: int, kind: str | None, body: bytes) -> http.client.HTTPResponse:
    """A request with that content type, or without any."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/v1/traces", body, {} if kind is None else {"content-type": kind})
        answer: Any = connection.getresponse()
        answer.content = answer.read()
    return answer


def test_content_types_get_what_otlp_says_or_a_sentence(collector: Collector) -> None:
    """Both names of protobuf are taken; what is none is refused with what to send instead, for people to read."""
    body = trace({}).SerializeToString()
    for kind in (PROTOBUF, "application/protobuf", "application/x-protobuf; charset=utf-8", "Application/X-Protobuf"):
        answer = raw(collector.http_port, kind, body)
        assert (answer.status, answer.getheader("content-type")) == (200, kind.split(";")[0].lower())
    for kind in (None, "", "text/plain", "application/octet-stream", "application/grpc"):
        answer = raw(collector.http_port, kind, body)
        assert (answer.status, answer.getheader("content-type")) == (415, "text/plain")
        assert b"send `content-type: application/x-protobuf`" in answer.content


def test_http2_with_prior_knowledge_is_told_so_in_its_own_frames(collector: Collector) -> None:
    """A client that begins with HTTP/2 reads HTTP_1_1_REQUIRED, upon which it tries again so, and a sentence."""
    with socket.create_connection(("127.0.0.1", collector.http_port), timeout=30) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    settings, goaway = answer[:9], answer[9:]
    assert (settings[3], goaway[3], int.from_bytes(goaway[13:17], "big")) == (4, 7, 13)
    assert b"this port speaks HTTP/1.1" in goaway
