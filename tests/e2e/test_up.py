"""`modelspan up` as users run it: a process, its ports, its data folder, and the other commands beside it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelspan_cli.demo.stack import Stack
from modelspan_collector.running import Running, find_running


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one modelspan command."""
    return subprocess.run(
        [sys.executable, "-m", "modelspan_cli", *arguments], capture_output=True, text=True, timeout=120
    )


def post(url: str, body: bytes, content_type: str) -> int:
    """Post a body and return the status."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of this module's instance."""
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Running]:
    """A running instance, stopped by SIGTERM at the end."""
    stack = Stack(folder)
    yield stack.wait()
    stack.stop()
    assert find_running(folder) is None


SPAN = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "5b8efff798038103d269b633813fc60c",
                            "spanId": "eee19b7ec3c1b174",
                            "name": "predict churn",
                            "startTimeUnixNano": "1790000000000000000",
                            "endTimeUnixNano": "1790000000001000000",
                            "attributes": [
                                {"key": "modelspan.model.name", "value": {"stringValue": "churn"}},
                                {"key": "modelspan.model.version", "value": {"stringValue": "1"}},
                                {"key": "modelspan.prediction.value", "value": {"doubleValue": 0.25}},
                                {"key": "modelspan.feature.age", "value": {"intValue": "41"}},
                                {"key": "modelspan.feature.country", "value": {"stringValue": "DE"}},
                            ],
                        }
                    ]
                }
            ],
        }
    ]
}


def test_malformed_body_gets_400_and_the_next_good_one_is_stored(up: Running, folder: Path) -> None:
    """Bad input costs only itself; then `modelspan sql` sees the good span as a row of predictions, with its trace."""
    traces = f"{up.otlp_url}/v1/traces"
    assert post(traces, b"{not json", "application/json") == 400
    assert post(traces, b"\xff\xff\xff", "application/x-protobuf") == 400
    assert post(traces, json.dumps(SPAN).encode(), "application/json") == 200
    sql = (
        "SELECT p.model, p.value, p.numeric_features['age'], p.categorical_features['country'], t.SpanName "
        "FROM predictions AS p JOIN otel_traces AS t ON t.TraceId = p.trace_id"
    )
    for _ in range(100):
        found = cli("sql", sql, "--data", str(folder), "--format", "TSV")
        assert found.returncode == 0, found.stderr
        if found.stdout:
            break
    assert found.stdout == "churn\t0.25\t41\tDE\tpredict churn\n"


def test_status_names_the_model(up: Running, folder: Path) -> None:
    """`modelspan status --json` lists the running process and the models that it has seen."""
    shown = cli("status", "--json", "--data", str(folder))
    assert shown.returncode == 0, shown.stderr
    state = json.loads(shown.stdout)
    assert state["pid"] == up.pid
    assert [model["model"] for model in state["models"]] == ["churn"]


def test_health_and_metrics_answer(up: Running) -> None:
    """The monitoring stack finds health, readiness and Prometheus metrics."""
    for path in ("/healthz", "/readyz", "/metrics"):
        with urllib.request.urlopen(up.web_url + path, timeout=30) as response:
            assert response.status == 200
            assert response.read()


def test_a_second_process_on_the_folder_is_refused(up: Running, folder: Path) -> None:
    """The store has one owner; the message says who."""
    refused = cli("up", "--data", str(folder), *[f"--{name}-port=0" for name in ("grpc", "http", "sql", "web")])
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert str(up.pid) in refused.stderr


def test_sql_errors_are_one_sentence(up: Running, folder: Path) -> None:
    """A wrong query exits 1 with ClickHouse's own message; a write is refused."""
    for query in ("SELECT nope FROM predictions", "DROP TABLE predictions", "INSERT INTO labels (model) VALUES ('x')"):
        ended = cli("sql", query, "--data", str(folder))
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: the query failed")


def test_what_was_acknowledged_before_sigterm_is_in_the_store(tmp_path: Path) -> None:
    """A clean shutdown flushes everything; `modelspan sql` then reads the folder itself."""
    stack = Stack(tmp_path)
    running = stack.wait()
    assert post(f"{running.otlp_url}/v1/traces", json.dumps(SPAN).encode(), "application/json") == 200
    stack.stop()
    counted = cli("sql", "SELECT count() FROM otel_traces", "--data", str(tmp_path), "--format", "TSV")
    assert counted.stdout == "1\n", counted.stderr


def test_sql_without_data_says_what_to_do(tmp_path: Path) -> None:
    """On an empty folder the hint names the command that fills it."""
    ended = cli("sql", "SELECT 1", "--data", str(tmp_path))
    assert ended.returncode == 1
    assert "modelspan up" in ended.stderr
