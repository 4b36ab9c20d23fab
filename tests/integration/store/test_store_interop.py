"""Other collectors around modelspan: Rotel relaying into it, and Rotel's ClickHouse exporter writing its tables."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pyarrow as pa
import pytest
import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from support import eventually, free_port, missing

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store, connect

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture(scope="session")
def rotel_agent() -> Path:
    """Rotel's binary, from its PyPI package."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        missing("Rotel is not installed (pip install rotel)")
    return Path(found.origin).parent / "rotel-agent"


@pytest.fixture
def rotel(rotel_agent: Path, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start Rotel with a file of deploy/rotel, its addresses moved to free ports; returns its OTLP/HTTP address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(file: str, **moved: str) -> str:
        lines = (DEPLOY / "rotel" / file).read_text().splitlines()
        settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        http = f"127.0.0.1:{free_port()}"
        settings |= {
            "ROTEL_OTLP_GRPC_ENDPOINT": f"127.0.0.1:{free_port()}",
            "ROTEL_OTLP_HTTP_ENDPOINT": http,
            "ROTEL_PID_FILE": str(tmp_path / "rotel.pid"),
            "ROTEL_LOG_FILE": str(tmp_path / "rotel.log"),
            **moved,
        }
        with (tmp_path / "rotel.out").open("wb") as out:
            started.append(
                subprocess.Popen([rotel_agent, "start"], env={**os.environ, **settings}, stdout=out, stderr=out)
            )
        host, port = http.split(":")
        eventually(lambda: _answers(host, int(port)), "Rotel listens")
        return f"http://{http}"

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=15)


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _post(url: str, request: ExportLogsServiceRequest | ExportTraceServiceRequest) -> None:
    answer = httpx.post(
        url, content=request.SerializeToString(), headers={"Content-Type": "application/x-protobuf"}, timeout=10
    )
    assert answer.status_code == 200, answer.text


def _prediction_records(rows: int) -> tuple[ExportLogsServiceRequest, bytes]:
    now = time.time_ns()
    table = pa.table(
        {
            "timestamp": pa.array([now + row for row in range(rows)], pa.timestamp("ns", "UTC")),
            "prediction_id": [f"relayed-{row}" for row in range(rows)],
            "value": [row / rows for row in range(rows)],
            "feature.age": [20.0 + row % 50 for row in range(rows)],
            "feature.country": ["DE" if row % 2 else "FR" for row in range(rows)],
        }
    ).replace_schema_metadata(
        {"modelspan.schema": "1", "modelspan.model.name": "relayed", "modelspan.model.version": "1"}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    body = sink.getvalue().to_pybytes()
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = record.observed_time_unix_nano = now
    record.event_name = "modelspan.predictions"
    record.body.bytes_value = body
    return request, body


def _spans(count: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="shop")))
    scope = resource.scope_spans.add()
    now = time.time_ns()
    for number in range(1, count + 1):
        span = scope.spans.add(
            trace_id=number.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name="predict priced",
            start_time_unix_nano=now + number,
            end_time_unix_nano=now + number + 1_000_000,
            kind=1,
        )
        for key, value in (
            ("modelspan.model.name", AnyValue(string_value="priced")),
            ("modelspan.model.version", AnyValue(string_value="3")),
            ("modelspan.prediction.value", AnyValue(double_value=number / 10)),
            ("modelspan.feature.rooms", AnyValue(int_value=number)),
            ("modelspan.feature.city", AnyValue(string_value="Rome")),
        ):
            span.attributes.append(KeyValue(key=key, value=value))
    return request


def test_rotel_relays_prediction_records_whole(rotel: Callable[..., str], store: Store, tmp_path: Path) -> None:
    """OTLP in, OTLP/gRPC out: the Arrow body arrives byte for byte, and every row is stored."""
    collector = Collector(store, CollectorConfig(data=tmp_path / "data", grpc_port=0, http_port=0, segment_seconds=0.2))
    collector.start()
    try:
        relay = rotel("relay.env", ROTEL_OTLP_EXPORTER_ENDPOINT=f"http://127.0.0.1:{collector.grpc_port}")
        records, _ = _prediction_records(500)
        _post(f"{relay}/v1/logs", records)
        _post(f"{relay}/v1/traces", _spans(20))
        eventually(lambda: store.scalar("SELECT count() FROM predictions") == 520)
    finally:
        collector.stop()
    row = store.rows(
        "SELECT count() AS n, uniqExact(prediction_id) AS ids, sum(numeric_features['age']) AS ages, "
        "countIf(categorical_features['country'] = 'DE') AS german FROM predictions WHERE model = 'relayed'"
    )[0]
    assert row == {"n": 500, "ids": 500, "ages": sum(20.0 + number % 50 for number in range(500)), "german": 250}
    assert store.scalar("SELECT count() FROM otel_traces") == 20


def test_rotels_clickhouse_exporter_fills_our_tables(rotel: Callable[..., str], store: Store) -> None:
    """Its own inserts (RowBinary, LZ4 frames) go through the writable endpoint; its spans become predictions."""
    endpoint = SqlServer(store, port=0, writable=True)
    endpoint.start()
    try:
        address = rotel(
            "clickhouse.env",
            ROTEL_CLICKHOUSE_EXPORTER_ENDPOINT=f"http://127.0.0.1:{endpoint.port}",
            ROTEL_CLICKHOUSE_EXPORTER_DATABASE=store.database,
        )
        _post(f"{address}/v1/traces", _spans(50))
        eventually(lambda: store.scalar("SELECT count() FROM otel_traces") == 50)
    finally:
        endpoint.stop()
    span = store.rows("SELECT ServiceName, SpanName, SpanAttributes FROM otel_traces ORDER BY Timestamp LIMIT 1")[0]
    assert (span["ServiceName"], span["SpanName"]) == ("shop", "predict priced")
    assert span["SpanAttributes"]["modelspan.model.name"] == "priced"
    predictions = store.rows(
        "SELECT count() AS n, sum(value) AS total, sum(numeric_features['rooms']) AS rooms, "
        "any(categorical_features['city']) AS city FROM predictions WHERE model = 'priced'"
    )[0]
    assert predictions["n"] == 50
    assert predictions["total"] == pytest.approx(sum(number / 10 for number in range(1, 51)))
    assert (predictions["rooms"], predictions["city"]) == (sum(range(1, 51)), "Rome")


@pytest.mark.parametrize("file", sorted((DEPLOY / "otel-collector").glob("*.yaml")), ids=lambda path: path.stem)
def test_collector_configurations_hold_together(file: Path) -> None:
    """Every component that a pipeline names is configured, and every one configured is used."""
    config = yaml.safe_load(file.read_text())
    pipelines = config["service"]["pipelines"]
    assert set(pipelines) == {"traces", "metrics", "logs"}
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines.values() for name in pipeline.get(kind, [])}
        assert used == set(config.get(kind, {})), kind
    assert set(config["service"].get("extensions", [])) == set(config.get("extensions", {}))


def test_server_users_name_settings_that_exist(engine_dsn: str) -> None:
    """Every profile's setting is one of the engine's, every profile is used, and the engine parses every grant."""
    users = ElementTree.parse(DEPLOY / "clickhouse" / "users.xml").getroot()
    profiles = {profile.tag: [setting.tag for setting in profile] for profile in users.iterfind("profiles/*")}
    engine = connect(engine_dsn, "default")
    known = {row["name"] for row in engine.rows("SELECT name FROM system.settings")} | {"constraints"}
    assert all(set(settings) <= known for settings in profiles.values())
    assert {user.findtext("profile") for user in users.iterfind("users/*")} == set(profiles)
    for grant in users.iterfind("users/*/grants/query"):
        assert engine.scalar("SELECT formatQuery({grant:String})", {"grant": f"{grant.text} TO someone"})
    engine.close()
