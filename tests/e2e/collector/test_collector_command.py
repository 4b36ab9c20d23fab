"""`modelspan collector` as users run it: alone, in front of a server, with its metrics, dead letters and a new try."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from support import eventually

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

COMMAND = [sys.executable, "-m", "modelspan_cli", "collector"]
WATCHED = """
import signal, sys
from modelspan_cli.main import main
large = {"chdb", "scipy", "sklearn", "pandas"}
signal.signal(signal.SIGUSR1, lambda *_: print("loaded:", sorted(large & set(sys.modules)), flush=True))
sys.exit(main(["collector", *sys.argv[1:]]))
"""
"""The same, which says when asked what of the large libraries it has loaded."""


@pytest.fixture
def server(store: Store) -> Iterator[SqlServer]:
    """A server of the ClickHouse protocol that may be written to."""
    server = SqlServer(store, port=0, writable=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def apm(store: Store, tmp_path: Path) -> Iterator[Collector]:
    """Where the collector under test sends its own metrics."""
    collector = Collector(store, CollectorConfig(tmp_path / "apm", grpc_port=0, http_port=0, segment_seconds=0.1))
    collector.start()
    yield collector
    collector.stop()


def prediction(name: str) -> bytes:
    """A logs request with one prediction record."""
    columns = {"timestamp": pa.array([time.time_ns()], pa.timestamp("ns", "UTC")), "prediction_id": [name]}
    table = pa.table(columns).replace_schema_metadata({"modelspan.schema": "1", "modelspan.model.name": "m"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(event_name="modelspan.predictions")
    record.body.bytes_value = sink.getvalue().to_pybytes()
    return request.SerializeToString()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"content-type": "application/x-protobuf"} if body else {})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, text


def run(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def becomes(store: Store, sql: str, value: object) -> None:
    eventually(lambda: store.scalar(sql) == value, f"{sql} is {value}")


def test_a_collector_alone(store: Store, server: SqlServer, apm: Collector, tmp_path: Path) -> None:
    """It stores, tells how it is, keeps and retries what the store refuses, sends its own metrics, and loads little."""
    store.command("ALTER TABLE predictions ADD CONSTRAINT no_poison CHECK prediction_id != 'poison'")
    data = str(tmp_path / "data")
    options = {
        "--store": f"clickhouse://127.0.0.1:{server.port}",
        "--database": store.database,
        "--data": data,
        "--grpc-port": "0",
        "--http-port": "0",
        "--web-port": "0",
        "--self-metrics": f"grpc://127.0.0.1:{apm.grpc_port}",
    }
    command = [sys.executable, "-c", WATCHED, "run", *(part for option in options.items() for part in option)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ports = re.findall(r":(\d+)", process.stdout.readline())
    receiver, web = int(ports[1]), int(ports[2])
    for name in ("good", "poison", "fine"):
        assert ask(receiver, "POST", "/v1/logs", prediction(name))[0] == 200
    becomes(store, "SELECT count() FROM predictions", 2)
    becomes(store, "SELECT count() FROM ingest_errors WHERE kind = 'dead_letter'", 1)
    assert ask(web, "GET", "/healthz") == (200, '{"status":"ok"}')
    status, text = ask(web, "GET", "/readyz")
    assert (status, json.loads(text)["ready"]) == (200, True)
    status, text = ask(web, "GET", "/metrics")
    assert 'modelspan_collector_dead_letters_total{signal="logs"} 1.0' in text
    assert "no_poison" in run("dead", "--data", data)

    store.command("ALTER TABLE predictions DROP CONSTRAINT no_poison")
    assert run("retry", "--data", data) == "1 dead letters go back into the log\n"
    becomes(store, "SELECT count() FROM predictions WHERE prediction_id = 'poison'", 1)
    assert run("dead", "--data", data) == ""

    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "loaded: []\n"
    process.terminate()
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["level"] for line in complaints.splitlines()].count("error") == 1
    apm.flush()
    own = "SELECT Value FROM otel_metrics_sum WHERE MetricName = 'modelspan_collector_stored_rows'"
    assert store.rows(f"{own} AND Attributes['table'] = 'predictions' AND IsMonotonic") == [{"Value": 3.0}]
    times = "SELECT Count = arraySum(BucketCounts) AS whole, ServiceName AS service FROM otel_metrics_histogram"
    assert store.rows(times) == [{"whole": True, "service": "modelspan-collector"}]
