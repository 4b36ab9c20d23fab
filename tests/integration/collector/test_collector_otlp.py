"""Every field of OTLP that the tables hold arrives in them, over both protocols and encodings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import grpc
import pytest
import zstandard
from collector_otlp import PROTOBUF, export, post, set_attribute, set_value, trace
from google.protobuf import json_format
from google.rpc import status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from modelspan_collector.otlp.signals import LOGS, METRICS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

EXAMPLES = [("traces", "otlp_trace"), ("metrics", "otlp_metrics"), ("logs", "otlp_logs"), ("logs", "otlp_events")]


def test_example_requests_land_whole(collector: Collector, store: Store, shared_data: Path) -> None:
    """The example requests of the OTLP repository arrive with every field that the tables hold."""
    for signal, name in EXAMPLES:
        body = (shared_data / f"{name}.json").read_bytes()
        answer = post(collector.http_port, f"/v1/{signal}", body, "application/json")
        assert (answer.status, json.loads(answer.content)) == (200, {})
    collector.flush()
    span = store.rows("SELECT *, toUnixTimestamp64Nano(Timestamp) AS ns FROM otel_traces")[0]
    assert span["ns"] == 1544712660000000000
    assert span["TraceId"] == "5b8efff798038103d269b633813fc60c"
    assert (span["SpanId"], span["ParentSpanId"]) == ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    assert (span["SpanName"], span["SpanKind"], span["Duration"]) == ("I'm a server span", "Server", 10**9)
    assert (span["ServiceName"], span["ScopeName"], span["ScopeVersion"]) == ("my.service", "my.library", "1.0.0")
    assert span["SpanAttributes"] == {"my.span.attr": "some value"}
    assert span["ScopeAttributes"] == {"my.scope.attribute": "some scope attribute"}
    log = store.rows("SELECT * FROM otel_logs WHERE EventName = ''")[0]
    assert (log["Body"], log["SeverityText"], log["SeverityNumber"]) == ("Example log record", "Information", 10)
    assert log["LogAttributes"] == {
        "array.attribute": '["many","values"]',
        "boolean.attribute": "true",
        "double.attribute": "637.704",
        "int.attribute": "10",
        "map.attribute": '{"some.map.key":"some value"}',
        "string.attribute": "some string",
    }
    page_view = store.rows("SELECT * FROM otel_logs WHERE EventName = 'browser.page_view'")[0]
    assert json.loads(page_view["Body"])["url"] == "https://www.guidgenerator.com/online-guid-generator.aspx"
    counter = store.rows("SELECT * FROM otel_metrics_sum")[0]
    assert (counter["MetricName"], counter["Value"], counter["IsMonotonic"]) == ("my.counter", 5.0, True)
    assert counter["AggregationTemporality"] == 1
    histogram = store.rows("SELECT * FROM otel_metrics_histogram")[0]
    assert (histogram["Count"], histogram["Sum"], histogram["Min"], histogram["Max"]) == (2, 2.0, 0.0, 2.0)
    assert (histogram["BucketCounts"], histogram["ExplicitBounds"]) == ([1, 1], [1.0])
    exponential = store.rows("SELECT * FROM otel_metrics_exponential_histogram")[0]
    assert (exponential["ZeroCount"], exponential["PositiveOffset"]) == (1, 1)
    assert exponential["PositiveBucketCounts"] == [0, 2]
    assert store.rows("SELECT Value, Attributes FROM otel_metrics_gauge") == [
        {"Value": 10.0, "Attributes": {"my.gauge.attr": "some value"}}
    ]


def test_span_events_links_and_status(collector: Collector, store: Store) -> None:
    """Events, links, status and flags of a span are kept."""
    request = trace({}, trace_state="a=1", flags=257, kind=3)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.code, span.status.message = 2, "it broke"
    happened = span.events.add(time_unix_nano=1544712660000000001, name="exception")
    set_attribute(happened, "exception.type", "ValueError")
    link = span.links.add(trace_id=b"\xaa" * 16, span_id=b"\xbb" * 8, trace_state="b=2")
    set_attribute(link, "why", "batch")
    export(collector.grpc_port, TRACES, request.SerializeToString())
    collector.flush()
    row = store.rows("SELECT *, toUnixTimestamp64Nano(`Events.Timestamp`[1]) AS event_ns FROM otel_traces")[0]
    assert (row["StatusCode"], row["StatusMessage"], row["SpanKind"]) == ("Error", "it broke", "Client")
    assert (row["TraceState"], row["TraceFlags"]) == ("a=1", 257)
    assert (row["Events.Name"], row["event_ns"]) == (["exception"], 1544712660000000001)
    assert row["Events.Attributes"] == [{"exception.type": "ValueError"}]
    assert (row["Links.TraceId"], row["Links.SpanId"]) == (["aa" * 16], ["bb" * 8])
    assert row["Links.Attributes"] == [{"why": "batch"}]


def test_attributes_of_every_type_and_depth(collector: Collector, store: Store) -> None:
    """Values keep their text, lists and maps become JSON, however deep they are nested."""
    attributes = {
        "zero": 0,
        "no": False,
        "empty": "",
        "nan": float("nan"),
        "big": 2**63 - 1,
        "bytes": b"\x00\xff",
        "list": [1, "two", None, [3.5, {"four": True}]],
        "map": {"a": {"b": ['quote"', b"\x01"]}},
        "deep": [[[[["bottom", {"nan": float("nan"), "whole": 2.0, "small": 1e-9}]]]]],
    }
    export(collector.grpc_port, TRACES, trace(attributes, {"plain": 1}).SerializeToString())
    collector.flush()
    kept, plain = (
        row["a"] for row in store.rows("SELECT SpanAttributes AS a FROM otel_traces ORDER BY length(a) DESC")
    )
    assert list(kept) == sorted(attributes)
    assert (kept["zero"], kept["no"], kept["empty"], kept["nan"]) == ("0", "false", "", "nan")
    assert (kept["big"], kept["bytes"]) == (str(2**63 - 1), "AP8=")
    assert json.loads(kept["list"]) == [1, "two", None, [3.5, {"four": True}]]
    assert json.loads(kept["map"]) == {"a": {"b": ['quote"', "AQ=="]}}
    assert json.loads(kept["deep"]) == [[[[["bottom", {"nan": "nan", "whole": 2, "small": 1e-9}]]]]]
    assert plain == {"plain": "1"}


def test_deep_bodies_and_exemplars(collector: Collector, store: Store) -> None:
    """Deep nesting is spelt out wherever a value may stand."""
    logs, metrics = ExportLogsServiceRequest(), ExportMetricsServiceRequest()
    set_value(logs.resource_logs.add().scope_logs.add().log_records.add().body, {"a": [{"b": {"c": [1]}}]})
    gauge = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="g").gauge
    exemplar = gauge.data_points.add(as_int=1).exemplars.add(as_int=1)
    set_value(exemplar.filtered_attributes.add(key="deep").value, [[[[1]]]])
    export(collector.grpc_port, LOGS, logs.SerializeToString())
    export(collector.grpc_port, METRICS, metrics.SerializeToString())
    collector.flush()
    assert json.loads(store.scalar("SELECT Body FROM otel_logs")) == {"a": [{"b": {"c": [1]}}]}
    attributes = store.scalar("SELECT `Exemplars.FilteredAttributes` FROM otel_metrics_gauge")
    assert attributes == [{"deep": "[[[[1]]]]"}]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain", "plain"),
        (7, "7"),
        (True, "true"),
        (1.5, "1.5"),
        (b"\x01", "AQ=="),
        ([1, "a"], '[1,"a"]'),
        ({"k": 1}, '{"k":1}'),
    ],
)
def test_every_kind_of_log_body(collector: Collector, store: Store, body: object, text: str) -> None:
    """A log body of any type becomes text."""
    request = ExportLogsServiceRequest()
    set_value(
        request.resource_logs.add().scope_logs.add().log_records.add(observed_time_unix_nano=1544712660000000000).body,
        body,
    )
    export(collector.grpc_port, LOGS, request.SerializeToString())
    collector.flush()
    assert store.rows("SELECT Body, toUnixTimestamp64Nano(Timestamp) AS ns FROM otel_logs") == [
        {"Body": text, "ns": 1544712660000000000}
    ]


def test_metrics_of_all_kinds_with_exemplars(collector: Collector, store: Store) -> None:
    """Integers, exemplars and summaries of metrics arrive."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    now = 1544712660000000000
    point = metrics.add(name="jobs").sum.data_points.add(as_int=2**40, time_unix_nano=now)
    exemplar = point.exemplars.add(as_double=1.5, time_unix_nano=now, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    exemplar.filtered_attributes.add(key="user").value.string_value = "u1"
    summary = metrics.add(name="latency").summary.data_points.add(count=3, sum=6.0, time_unix_nano=now)
    summary.quantile_values.add(quantile=0.5, value=2.0)
    export(collector.grpc_port, METRICS, request.SerializeToString())
    collector.flush()
    row = store.rows("SELECT * FROM otel_metrics_sum")[0]
    assert (row["Value"], row["Exemplars.Value"], row["Exemplars.TraceId"]) == (float(2**40), [1.5], ["01" * 16])
    assert row["Exemplars.FilteredAttributes"] == [{"user": "u1"}]
    row = store.rows("SELECT * FROM otel_metrics_summary")[0]
    assert (row["Count"], row["ValueAtQuantiles.Quantile"], row["ValueAtQuantiles.Value"]) == (3, [0.5], [2.0])


def test_many_resources_and_scopes(collector: Collector, store: Store) -> None:
    """Spans keep their own resource and scope when a request nests several."""
    request = trace({}, service="one")
    request.resource_spans[0].scope_spans[0].scope.name = "a"
    request.resource_spans[0].scope_spans.add(scope={"name": "b"}).spans.add(trace_id=b"\x07" * 16, span_id=b"\x07" * 8)
    request.MergeFrom(trace({}, {}, service="two"))
    export(collector.grpc_port, TRACES, request.SerializeToString())
    collector.flush()
    rows = store.rows(
        "SELECT ServiceName AS s, ScopeName AS c, count() AS n FROM otel_traces GROUP BY s, c ORDER BY s, c"
    )
    assert [(row["s"], row["c"], row["n"]) for row in rows] == [("one", "a", 1), ("one", "b", 1), ("two", "", 2)]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_content_encodings(collector: Collector, store: Store, encoding: str) -> None:
    """Compressed bodies are taken over HTTP."""
    body = trace({}).SerializeToString()
    packed = {"gzip": gzip.compress, "zstd": zstandard.compress, "identity": bytes}[encoding](body)
    assert post(collector.http_port, "/v1/traces", packed, content_encoding=encoding).status == 200
    collector.flush()
    assert store.scalar("SELECT count() FROM otel_traces") == 1


def test_grpc_gzip(collector: Collector, store: Store) -> None:
    """Compressed messages are taken over gRPC."""
    export(collector.grpc_port, TRACES, trace({}).SerializeToString(), compression=grpc.Compression.Gzip)
    collector.flush()
    assert store.scalar("SELECT count() FROM otel_traces") == 1


def test_malformed_is_a_bad_request(collector: Collector) -> None:
    """Malformed bodies get 400 or INVALID_ARGUMENT, with a google.rpc.Status in the request's own encoding."""
    answer = post(collector.http_port, "/v1/traces", b"\x0a\xff")
    assert answer.status == 400
    assert answer.getheader("content-type") == PROTOBUF
    assert "corrupt" in status_pb2.Status.FromString(answer.content).message
    answer = post(collector.http_port, "/v1/logs", b'{"resourceLogs": 7}', "application/json")
    assert answer.status == 400
    assert json_format.Parse(answer.content, status_pb2.Status()).message
    with pytest.raises(grpc.RpcError) as refused:
        export(collector.grpc_port, TRACES, b"\x0a\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_empty_requests_succeed(collector: Collector) -> None:
    """A request without items is a success, as the specification says."""
    assert export(collector.grpc_port, TRACES, b"") == b""
    assert post(collector.http_port, "/v1/metrics", b"").status == 200


def test_size_limits(start) -> None:
    """A body over the limit is refused, before and after decompression; a good one right after is taken."""
    collector = start(max_request_bytes=10_000)
    bomb = gzip.compress(bytes(10_000_000))
    assert post(collector.http_port, "/v1/traces", bytes(20_000)).status == 413
    assert post(collector.http_port, "/v1/traces", bomb[:9_900], content_encoding="gzip").status == 413
    for options in ({}, {"compression": grpc.Compression.Gzip}):
        with pytest.raises(grpc.RpcError) as refused:
            export(collector.grpc_port, TRACES, bytes(20_000), **options)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert post(collector.http_port, "/v1/traces", trace({}).SerializeToString()).status == 200


def test_text_that_is_not_utf8_is_repaired(collector: Collector, store: Store) -> None:
    """Bad bytes in strings are replaced and counted, and the rest of the request is kept."""
    body = trace({"key": "MARK!", "fine": "ok"}).SerializeToString().replace(b"MARK!", b"a\xff\xfeb!")
    assert post(collector.http_port, "/v1/traces", body).status == 200
    collector.flush()
    assert store.rows("SELECT SpanAttributes FROM otel_traces") == [
        {"SpanAttributes": {"fine": "ok", "key": "a\ufffd\ufffdb!"}}
    ]
    assert store.rows("SELECT kind, service FROM ingest_errors") == [{"kind": "invalid_text", "service": "test"}]


def test_wild_timestamps_are_replaced_and_counted(collector: Collector, store: Store) -> None:
    """A clock in 1970 or in the far future is replaced by the time of arrival; a history of the nineties is not."""
    for moment in (1, 2**63 + 5, 2**64 - 1, 946_684_800 * 10**9):
        request = trace({"modelspan.model.name": "churn"}, start_time_unix_nano=moment, end_time_unix_nano=moment)
        export(collector.grpc_port, TRACES, request.SerializeToString())
    collector.flush()
    rows = store.rows(
        "SELECT OriginalTimestamp AS sent, abs(dateDiff('second', Timestamp, ReceivedAt)) < 2 AS now"
        " FROM otel_traces ORDER BY sent"
    )
    assert [(row["sent"], row["now"]) for row in rows] == [(0, 0), (1, 1), (2**63 + 5, 1), (2**64 - 1, 1)]
    told = store.rows(
        "SELECT model, position(reason, 'before 1990') > 0 AS early, position(reason, 'a day ahead') > 0 AS late,"
        " sum(count) AS n FROM ingest_errors WHERE kind = 'wild_timestamp' GROUP BY ALL ORDER BY early"
    )
    assert [tuple(row.values()) for row in told] == [("churn", 0, 1, 2), ("churn", 1, 0, 1)]


def test_other_paths_and_methods(collector: Collector) -> None:
    """What is not OTLP is told so."""
    assert post(collector.http_port, "/v1/profiles", b"").status == 404
    assert post(collector.http_port, "/v1/traces", b"", "text/plain").status == 415
    assert post(collector.http_port, "/v1/traces", b"x", content_encoding="br").status == 415


def test_cors_is_off_unless_asked_for(start) -> None:
    """Browsers of configured origins may send; others get no CORS header."""
    collector = start(cors_origins=("https://app.example",))
    body = trace({}).SerializeToString()
    answer = post(collector.http_port, "/v1/traces", body, origin="https://app.example")
    assert answer.getheader("access-control-allow-origin") == "https://app.example"
    answer = post(collector.http_port, "/v1/traces", body, origin="https://evil.example")
    assert answer.getheader("access-control-allow-origin") is None
