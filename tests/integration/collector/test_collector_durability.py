"""The store away and back, poisoned records, torn tails, a log at its budget, requests sent twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export, post, predictions, trace
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from support import eventually

from modelspan_collector.otlp.signals import TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal import dead


def count(store: Store) -> int:
    return int(store.scalar("SELECT count() FROM otel_traces"))


def test_a_request_sent_twice_is_stored_once(start: Callable[..., Collector], store: Store) -> None:
    """A client that lost the answer sends the same bytes again: acknowledged, not doubled, over a restart too."""
    body = trace({"a": 1}).SerializeToString()
    first = start()
    for _ in range(2):
        assert post(first.http_port, "/v1/traces", body).status == 200
    first.flush()
    assert post(first.http_port, "/v1/traces", body).status == 200
    first.stop()
    second = start()
    assert export(second.grpc_port, TRACES, body) == b""
    second.flush()
    assert count(store) == 1


def test_a_store_that_is_away_loses_nothing(start: Callable[..., Collector], store: Store) -> None:
    """While inserts fail requests are taken and kept; when the store is back they arrive, once."""
    collector = start()
    store.command("RENAME TABLE otlp_traces TO otlp_traces_away")
    try:
        for number in range(5):
            assert post(collector.http_port, "/v1/traces", trace({"n": number}).SerializeToString()).status == 200
        with pytest.raises(TimeoutError):
            collector.flush(timeout=0.5)
        assert collector.registry.get_sample_value("modelspan_collector_log_bytes", {"signal": "traces"}) > 0
    finally:
        store.command("RENAME TABLE otlp_traces_away TO otlp_traces")
    collector.flush()
    assert count(store) == 5


def test_a_tenant_whose_inserts_fail_delays_no_other(
    start: Callable[..., Collector], store: Store, tmp_path: Path
) -> None:
    """Even with one writer: what is broken is tried again beside the others' inserts, and arrives when it is mended."""
    sound = f"{store.database}_sound"
    (tmp_path / "tokens").write_text(f"broken tenant=a\nsound tenant=b database={sound}\n")
    collector = start(tokens=tmp_path / "tokens", writers=1)
    retried = {"signal": "traces", "next": "retry"}
    store.command("RENAME TABLE otlp_traces TO otlp_traces_away")
    try:
        for number in range(3):
            for token in ("broken", "sound"):
                body = trace({"n": number, "token": token}).SerializeToString()
                assert post(collector.http_port, "/v1/traces", body, authorization=f"Bearer {token}").status == 200
            eventually(lambda: collector.registry.get_sample_value("modelspan_collector_insert_errors_total", retried))
        eventually(lambda: store.scalar(f"SELECT count() FROM {sound}.otel_traces") == 3)
        assert count(store) == 0
        store.command("RENAME TABLE otlp_traces_away TO otlp_traces")
        collector.flush()
        assert count(store) == 3
    finally:
        store.command(f"DROP DATABASE IF EXISTS {sound}")


def test_an_insert_that_failed_half_way_neither_loses_nor_doubles_sketches(
    start: Callable[..., Collector], store: Store
) -> None:
    """A view far down the chain fails while the rows are stored already: the retry adds what is missing, once."""
    collector = start()
    store.command("ALTER TABLE feature_profile_days ADD CONSTRAINT broken CHECK throwIf(rows > 0) = 0")
    table = predictions(100, **{"feature.x": [float(n) for n in range(100)], "feature.city": ["Oslo", "Rome"] * 50})
    body = event("modelspan.predictions", arrow(table)).SerializeToString()
    assert post(collector.http_port, "/v1/logs", body).status == 200
    retried = {"signal": "logs", "next": "retry"}
    eventually(lambda: collector.registry.get_sample_value("modelspan_collector_insert_errors_total", retried))
    assert store.scalar("SELECT count() FROM predictions") == 100
    store.command("ALTER TABLE feature_profile_days DROP CONSTRAINT broken")
    collector.flush()
    assert store.scalar("SELECT count() FROM predictions") == 100
    for sketches in ("feature_profiles", "feature_profile_days"):
        held = store.rows(
            f"SELECT feature, sum(rows) AS rows FROM {sketches} GROUP BY source, feature ORDER BY feature"
        )
        assert {row["feature"]: row["rows"] for row in held if row["feature"] in ("x", "city", "")} == {
            "": 100, "city": 100, "x": 100,
        }  # fmt: skip


def test_sketches_that_the_store_refuses_cost_no_row(start: Callable[..., Collector], store: Store) -> None:
    """The rows are stored once, nothing behind them waits, and it is said which rows no sketch has."""
    collector = start()
    store.command("ALTER TABLE feature_profiles ADD CONSTRAINT refused CHECK feature != 'x'")
    for model in ("refused", "taken"):
        table = predictions(10, **{"feature.x" if model == "refused" else "feature.y": [1.0] * 10})
        table = table.replace_schema_metadata({**table.schema.metadata, b"modelspan.model.name": model})
        assert post(collector.http_port, "/v1/logs", event("modelspan.predictions", arrow(table)).SerializeToString())
        collector.flush()
    stored = "SELECT model, count() AS n FROM predictions GROUP BY model ORDER BY model"
    assert store.rows(stored) == [{"model": "refused", "n": 10}, {"model": "taken", "n": 10}]
    assert store.scalar("SELECT groupUniqArray(model) FROM feature_profiles") == ["taken"]
    said = "SELECT model, sum(count) AS n FROM ingest_errors WHERE kind = 'sketch_left_out' GROUP BY model"
    eventually(lambda: store.rows(said) == [{"model": "refused", "n": 10}], "it is said of the rows of the model")


def test_a_restart_replays_the_log(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Segments that an earlier process left are stored by the next, a torn last record is cut off and counted."""
    first = start(segment_seconds=60.0)
    post(first.http_port, "/v1/traces", trace({"a": 1}).SerializeToString())
    segment = next((tmp_path / "data" / "log" / store.database / "traces").glob("*.seg"))
    content = segment.read_bytes()
    first.stop()
    store.command("TRUNCATE TABLE otel_traces")
    for path in segment.parent.iterdir():
        path.unlink()
    (segment.parent / "00-000000001.seg").write_bytes(content + content[: len(content) - 5])
    second = start()
    second.flush()
    assert count(store) == 1
    torn = second.registry.get_sample_value("modelspan_collector_torn_bytes_total", {"signal": "traces"})
    assert torn == len(content) - 5


def test_a_flipped_bit_costs_one_request(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Of a segment in which the disk flipped a bit all other requests are stored; the broken one is counted."""
    first = start(segment_seconds=60.0)
    for number in range(6):
        post(first.http_port, "/v1/traces", trace({"n": number}, name=f"span {number}").SerializeToString())
    segment = next((tmp_path / "data" / "log" / store.database / "traces").glob("*.seg"))
    content = bytearray(segment.read_bytes())
    first.stop()
    store.command("TRUNCATE TABLE otel_traces")
    for path in segment.parent.iterdir():
        path.unlink()
    content[content.index(b"span 2")] ^= 1
    (segment.parent / "00-000000001.seg").write_bytes(content)
    second = start()
    second.flush()
    names = [row["SpanName"] for row in store.rows("SELECT SpanName FROM otel_traces ORDER BY SpanName")]
    assert names == ["span 0", "span 1", "span 3", "span 4", "span 5"]
    broken = second.registry.get_sample_value("modelspan_collector_broken_bytes", {"signal": "traces"})
    assert dead.list_broken(tmp_path / "data") == [segment.parent / "00-000000001.broken"]
    assert broken == (segment.parent / "00-000000001.broken").stat().st_size > 0


def predictions_of(store: Store) -> list[str]:
    return [row["prediction_id"] for row in store.rows("SELECT prediction_id FROM predictions ORDER BY ALL")]


def test_a_poisoned_row_is_set_aside_alone(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Of the events of one insert the store refuses a row: the other rows of its stream, the other streams, and what
    goes into other tables are stored, once; the row becomes a dead letter, and retry brings it back.
    """
    store.command("ALTER TABLE predictions ADD CONSTRAINT no_poison CHECK prediction_id != 'poison'")
    named = {"modelspan.schema": "1", "modelspan.model.name": "churn", "modelspan.model.version": "1"}
    request = ExportLogsServiceRequest()
    for name, ids in (
        ("predictions", ["a", "b"]),
        ("predictions", ["c", "d", "poison", "e", "f"]),
        ("labels", ["a", "poison"]),
        ("predictions", ["g"]),
    ):
        times = pa.array([time.time_ns()] * len(ids), pa.timestamp("ns", "UTC"))
        table = pa.table({"timestamp": times, "prediction_id": ids, "value": [1.0] * len(ids)})
        table = table.replace_schema_metadata(named)
        request.MergeFrom(event(f"modelspan.{name}", arrow(table)))
    try:
        collector = start(segment_seconds=0.5)
        post(collector.http_port, "/v1/logs", request.SerializeToString())
        collector.flush()
        assert predictions_of(store) == list("abcdefg")
        assert store.scalar("SELECT count() FROM labels") == 2
        letters = list(dead.list_dead(tmp_path / "data"))
        assert [letter.signal for letter in letters] == ["logs"]
        assert "no_poison" in letters[0].reason
        assert store.scalar("SELECT count() FROM ingest_errors WHERE kind = 'dead_letter'") == 1
    finally:
        store.command("ALTER TABLE predictions DROP CONSTRAINT no_poison")
    assert dead.retry(tmp_path / "data") == 1
    eventually(lambda: predictions_of(store) == [*"abcdefg", "poison"])
    assert list(dead.list_dead(tmp_path / "data")) == []


def test_a_poisoned_request_is_set_aside(
    start: Callable[..., Collector], store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the store refuses becomes a dead letter with its reason; its neighbours are stored; retry brings it back.
    The collector's own log does not say what was in it.
    """
    store.command("ALTER TABLE otel_traces ADD CONSTRAINT no_poison CHECK SpanName != 'poison'")
    try:
        collector = start(segment_seconds=0.5)
        for name in ("good", "poison", "fine"):
            post(collector.http_port, "/v1/traces", trace({}, name=name).SerializeToString())
        collector.flush()
        letters = list(dead.list_dead(tmp_path / "data"))
        assert [letter.signal for letter in letters] == ["traces"]
        assert "no_poison" in letters[0].reason
        assert "the store refuses a request" in caplog.text
        assert "poison" not in caplog.text
        assert sorted(row["SpanName"] for row in store.rows("SELECT SpanName FROM otel_traces")) == ["fine", "good"]
        assert store.scalar("SELECT count() FROM ingest_errors WHERE kind = 'dead_letter'") == 1
    finally:
        store.command("ALTER TABLE otel_traces DROP CONSTRAINT no_poison")
    assert dead.retry(tmp_path / "data") == 1
    eventually(lambda: count(store) == 3)
    assert list(dead.list_dead(tmp_path / "data")) == []


def test_a_full_log_pushes_back(start: Callable[..., Collector], store: Store) -> None:
    """At its budget the log refuses for now, in both protocols' words, and counts nothing as accepted; when there is
    room again it takes.
    """
    collector = start(log_budget_bytes=3000)
    store.command("RENAME TABLE otlp_traces TO otlp_traces_away")
    try:
        body = lambda: trace({"filler": "x" * 1000}).SerializeToString()  # noqa: E731
        assert [post(collector.http_port, "/v1/traces", body()).status for _ in range(2)] == [200, 200]
        refused = post(collector.http_port, "/v1/traces", body())
        assert refused.status == 503
        assert int(refused.getheader("retry-after")) >= 1
        with pytest.raises(grpc.RpcError) as busy:
            export(collector.grpc_port, TRACES, body())
        assert busy.value.code() is grpc.StatusCode.UNAVAILABLE
        details = dict(busy.value.trailing_metadata())["grpc-status-details-bin"]
        info = error_details_pb2.RetryInfo()
        assert status_pb2.Status.FromString(details).details[0].Unpack(info)
        assert info.retry_delay.ToSeconds() >= 1
        assert collector.health()["ready"] is False
    finally:
        store.command("RENAME TABLE otlp_traces_away TO otlp_traces")
    collector.flush()
    assert collector.health()["ready"] is True
    assert post(collector.http_port, "/v1/traces", body()).status == 200
    collector.flush()
    assert count(store) == 3
    counted = collector.registry.get_sample_value
    assert counted("modelspan_collector_requests_total", {"protocol": "http", "outcome": "busy"}) == 1
    assert counted("modelspan_collector_accepted_items_total", {"signal": "traces"}) == 3
