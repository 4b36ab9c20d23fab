"""What is redacted reaches neither a disk nor a destination."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export, predictions, set_attribute, set_value, trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from modelspan_collector.access.rules import Redaction, RedactionError
from modelspan_collector.forward.destination import parse
from modelspan_collector.otlp.signals import LOGS, METRICS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


def bytes_on_disk(folder: Path) -> bytes:
    """What any file of a collector holds."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_redaction_before_the_disk(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Dropped and hashed values reach neither the log's files nor the tables, in attributes, features and records."""
    rules = Redaction(drop=("*email*",), hash=("user.id", "zip"), key=b"k")
    collector = start(redaction=rules, segment_seconds=60.0)
    attributes = {"user.email": "secret@x.org", "user.id": "u-secret", "fine": 1, "nest": {"email": "secret-nested"}}
    export(collector.grpc_port, TRACES, trace(attributes).SerializeToString())
    features = {"feature.zip": ["secret-zip"], "feature.email": ["secret-mail"], "feature.age": [3.0]}
    table = predictions(1, **features, client_email=["secret-column"])
    export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(table)).SerializeToString())
    assert b"fine" in bytes_on_disk(tmp_path / "data")
    assert b"secret" not in bytes_on_disk(tmp_path / "data")
    collector.flush()
    attributes = store.scalar("SELECT SpanAttributes FROM otel_traces")
    assert attributes == {"fine": "1", "nest": "{}", "user.id": rules.digest("u-secret")}
    row = store.rows("SELECT numeric_features, categorical_features FROM predictions")[0]
    assert row == {"numeric_features": {"age": 3.0}, "categorical_features": {"zip": rules.digest("secret-zip")}}


def test_numbers_of_answers_meet_the_rules_by_name(start: Callable[..., Collector], store: Store) -> None:
    """As features do, in predictions and in labels; of numbers no hash is kept, and an allow-list means features."""
    rules = Redaction(drop=("salary",), hash=("zip*",), allow=("x",), key=b"k")
    collector = start(redaction=rules)
    numbers = {"output.salary": [[1.0]], "output.zipcode": [[8004.0]], "output.bonus": [[7.0]]}
    said = {**numbers, "shape": ["multioutput"]}
    export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(predictions(1, **said))).SerializeToString())
    export(collector.grpc_port, LOGS, event("modelspan.labels", arrow(predictions(1, **said))).SerializeToString())
    collector.flush()
    for table in ("predictions", "labels"):
        assert store.rows(f"SELECT shape, outputs FROM {table}") == [
            {"shape": "multioutput", "outputs": {"bonus": [7.0]}}
        ]


def test_redaction_wherever_an_attribute_stands(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Resources, scopes, events, links, points, exemplars, records and their bodies; in queues of forwarding too."""
    collector = start(
        redaction=Redaction(drop=("email",)),
        segment_seconds=60.0,
        forward=(parse("http://127.0.0.1:1?attribute.service.name=test"), parse("http://127.0.0.1:1")),
    )
    traces = trace({"email": "secret"})
    span = traces.resource_spans[0].scope_spans[0].spans[0]
    logs, metrics = ExportLogsServiceRequest(), ExportMetricsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    json_body = logs.resource_logs[0].scope_logs[0].log_records.add().body
    point = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge.data_points.add(as_int=1)
    holders = [
        traces.resource_spans[0].resource,
        traces.resource_spans[0].scope_spans[0].scope,
        span.events.add(name="happened"),
        span.links.add(trace_id=b"x" * 16),
        logs.resource_logs[0].resource,
        logs.resource_logs[0].scope_logs[0].scope,
        record,
        metrics.resource_metrics[0].resource,
        metrics.resource_metrics[0].scope_metrics[0].scope,
        point,
    ]
    for holder in holders:
        set_attribute(holder, "email", "secret")
        set_attribute(holder, "kept", {"list": [{"email": "secret"}]})
    point.exemplars.add(as_int=1).filtered_attributes.add(key="email").value.string_value = "secret"
    set_value(record.body, {"who": {"email": "secret"}, "what": "paid"})
    json_body.string_value = json.dumps({"who": [{"email": "secret"}], "what": "paid"})
    for signal, request in ((TRACES, traces), (LOGS, logs), (METRICS, metrics)):
        export(collector.grpc_port, signal, request.SerializeToString())
    unreadable = event("modelspan.predictions", b"secret: not Arrow")
    export(collector.grpc_port, LOGS, unreadable.SerializeToString())
    folder = tmp_path / "data"
    assert b"kept" in bytes_on_disk(folder / "log")
    assert b"kept" in bytes_on_disk(folder / "forward")
    assert b"secret" not in bytes_on_disk(folder)
    collector.flush()
    bodies = store.rows("SELECT Body FROM otel_logs")
    assert [json.loads(row["Body"])["what"] for row in bodies] == ["paid", "paid"]


def test_free_text_is_masked_or_dropped(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """A mask meets text wherever it stands; a body without names goes where an allow-list does not name it."""
    collector = start(redaction=Redaction(mask=(r"[\w.]+@[\w.]+",)), segment_seconds=60.0)
    request = trace({"note": "from ann@x.org"}, name="mail to ann@x.org")
    request.resource_spans[0].scope_spans[0].spans[0].status.message = "ann@x.org is unknown"
    export(collector.grpc_port, TRACES, request.SerializeToString())
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "ann@x.org paid"
    export(collector.grpc_port, LOGS, logs.SerializeToString())
    texts = pa.array(["ann@x.org", "ann@x.org", None]).dictionary_encode()
    table = predictions(3, **{"feature.sender": texts, "tag.to": ["a", None, "to bob@x.org"]})
    export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(table)).SerializeToString())
    assert b"@x.org" not in bytes_on_disk(tmp_path / "data")
    collector.flush()
    span = store.rows("SELECT SpanName, StatusMessage, SpanAttributes['note'] AS note FROM otel_traces")[0]
    assert span == {"SpanName": "mail to ***", "StatusMessage": "*** is unknown", "note": "from ***"}
    assert store.scalar("SELECT Body FROM otel_logs") == "*** paid"
    rows = store.rows(
        "SELECT categorical_features['sender'] AS sender, tags['to'] AS tag FROM predictions ORDER BY ALL"
    )
    assert rows == [{"sender": "", "tag": "to ***"}, {"sender": "***", "tag": ""}, {"sender": "***", "tag": "a"}]
    strict = start(data=tmp_path / "strict", redaction=Redaction(allow=("what",)))
    for body in ("ann@x.org paid again", {"what": "kept", "who": "ann@x.org"}):
        logs = ExportLogsServiceRequest()
        set_value(logs.resource_logs.add().scope_logs.add().log_records.add().body, body)
        export(strict.grpc_port, LOGS, logs.SerializeToString())
    strict.flush()
    assert store.rows("SELECT Body FROM otel_logs WHERE Body != '*** paid' ORDER BY Body") == [
        {"Body": ""},
        {"Body": '{"what":"kept"}'},
    ]
    with pytest.raises(RedactionError, match="regular expression"):
        Redaction(mask=("(",))


@pytest.mark.parametrize(
    ("spelt", "values"),
    [
        ("7", [pa.array([7]), pa.array([7.0]), pa.array(["7"]), pa.array([7], pa.uint8()).dictionary_encode()]),
        ("true", [pa.array([True]), pa.array(["true"])]),
        ("0.1", [pa.array([0.1]), pa.array(["0.1"])]),
    ],
)
def test_one_value_has_one_digest_whoever_sends_it(
    start: Callable[..., Collector], store: Store, spelt: str, values: list[pa.Array]
) -> None:
    """Integers, floats, booleans and text, in records, on spans and in JSON: what reads the same is the same group."""
    collector = start(redaction=Redaction(hash=("zone",), key=b"k"))
    for array in values:
        table = predictions(1, **{"feature.zone": array})
        export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(table)).SerializeToString())
    plain = values[0].to_pylist() + [value for array in values[1:] for value in array.to_pylist()]
    for value in plain:
        attributes = {"modelspan.model.name": "churn", "modelspan.feature.zone": value}
        export(collector.grpc_port, TRACES, trace(attributes).SerializeToString())
    log = event("", b"")
    log.resource_logs[0].scope_logs[0].log_records[0].body.string_value = json.dumps([{"zone": one} for one in plain])
    export(collector.grpc_port, LOGS, log.SerializeToString())
    collector.flush()
    digest = hmac.new(b"k", spelt.encode(), hashlib.sha256).hexdigest()[:16]
    kept = store.rows("SELECT DISTINCT categorical_features['zone'] AS zone FROM predictions")
    assert kept == [{"zone": digest}]
    assert {one["zone"] for one in json.loads(store.scalar("SELECT Body FROM otel_logs"))} == {digest}
