"""The Node OpenTelemetry SDK exports all signals over both protocols; a span by convention becomes a prediction."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import install_node_packages

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

SIGNALS = ("trace", "metrics", "logs")
PACKAGES = (
    "@opentelemetry/api",
    "@opentelemetry/api-logs",
    "@opentelemetry/sdk-node",
    "@opentelemetry/sdk-metrics",
    "@opentelemetry/sdk-logs",
    *(f"@opentelemetry/exporter-{signal}-otlp-{protocol}" for signal in SIGNALS for protocol in ("proto", "grpc")),
)


@pytest.fixture(scope="session")
def node_modules(pytestconfig: pytest.Config) -> Path:
    """A folder with the Node SDK installed, kept between runs."""
    return install_node_packages(Path(pytestconfig.cache.mkdir("modelspan-node-sdk")), PACKAGES).parent


def test_node_sdk(store: Store, tmp_path: Path, node_modules: Path) -> None:
    """Both protocols deliver traces, metrics and logs, and one prediction each."""
    collector = Collector(store, CollectorConfig(tmp_path, grpc_port=0, http_port=0, segment_seconds=0.2))
    collector.start()
    script = Path(__file__).with_name("export.mjs")
    for protocol, port in (("proto", collector.http_port), ("grpc", collector.grpc_port)):
        command = ["node", str(script), protocol, f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, cwd=node_modules, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    collector.flush()
    expected = ["node-grpc", "node-proto"]
    for table in ("otel_traces", "otel_logs", "otel_metrics_sum"):
        rows = store.rows(f"SELECT DISTINCT ServiceName AS s FROM {table} ORDER BY s")
        assert [row["s"] for row in rows] == expected, table
    rows = store.rows("SELECT prediction_id, value, numeric_features, categorical_features FROM predictions ORDER BY 1")
    assert [row["prediction_id"] for row in rows] == expected
    assert rows[0]["numeric_features"] == {"age": 39.0}
    assert (rows[0]["value"], rows[0]["categorical_features"]) == (0.75, {"city": "Oslo"})
    collector.stop()
