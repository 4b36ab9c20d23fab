"""`modelspan up` as users run it: a process, its ports, its data folder, and the other commands beside it."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import eventually
from whylogs_profiles import make as make_profiles

from modelspan_cli.demo.stack import Stack
from modelspan_cli.reach import ask_owner
from modelspan_collector.running import Running, find_running
from modelspan_collector.wal.record import Kind, make


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one modelspan command."""
    return subprocess.run(
        [sys.executable, "-m", "modelspan_cli", *arguments], capture_output=True, text=True, timeout=300
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


def told(folder: Path, sql: str, *options: str) -> str:
    """What a query answers, as tab-separated values."""
    found = cli("sql", sql, "--data", str(folder), "--format", "TSV", *options)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Running]:
    """A running instance in which one prediction is stored, stopped by SIGTERM at the end."""
    stack = Stack(folder)
    running = stack.wait()
    assert post(f"{running.otlp_url}/v1/traces", json.dumps(SPAN).encode(), "application/json") == 200
    eventually(lambda: told(folder, "SELECT 1 FROM predictions WHERE model = 'churn'"), "what was taken can be read")
    yield running
    stack.stop()
    assert find_running(folder) is None


def test_malformed_body_gets_400_and_the_next_good_one_is_stored(up: Running, folder: Path) -> None:
    """Bad input costs only itself; then `modelspan sql` sees the good span as a row of predictions, with its trace."""
    traces = f"{up.otlp_url}/v1/traces"
    assert post(traces, b"{not json", "application/json") == 400
    assert post(traces, b"\xff\xff\xff", "application/x-protobuf") == 400
    good = json.dumps(SPAN).replace("churn", "good").replace("5b8efff7", "900d900d").replace("eee19b7e", "900d900d")
    assert post(traces, good.encode(), "application/json") == 200
    sql = (
        "SELECT p.model, p.value, p.numeric_features['age'], p.categorical_features['country'], t.SpanName "
        "FROM predictions AS p JOIN otel_traces AS t ON t.TraceId = p.trace_id WHERE p.model = 'good'"
    )
    assert eventually(lambda: told(folder, sql), "the good span is stored") == "good\t0.25\t41\tDE\tpredict good\n"


def test_status_names_the_model(up: Running, folder: Path) -> None:
    """`modelspan status --json` lists the running process and the models that it has seen."""
    shown = cli("status", "--json", "--data", str(folder))
    assert shown.returncode == 0, shown.stderr
    state = json.loads(shown.stdout)
    assert state["pid"] == up.pid
    assert "churn" in [model["model"] for model in state["models"]]


def test_health_and_metrics_answer(up: Running) -> None:
    """The monitoring stack finds health, readiness and Prometheus metrics."""
    for path in ("/healthz", "/readyz", "/metrics"):
        with urllib.request.urlopen(up.web_url + path, timeout=30) as response:
            assert response.status == 200
            assert response.read()


def test_backup_of_a_running_instance(up: Running, folder: Path, tmp_path: Path) -> None:
    """The instance writes it itself, and only for its owner; it restores into another folder."""
    assert (folder / "instance.json").stat().st_mode & 0o077 == 0
    asked = json.dumps({"folder": str(tmp_path / "stolen")}).encode()
    assert post(f"{up.web_url}/api/backups", asked, "application/json") == 403
    done = cli("backup", str(tmp_path / "backup"), "--data", str(folder))
    assert done.returncode == 0, done.stderr
    again = cli("backup", str(tmp_path / "backup"), "--data", str(folder))
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert not (tmp_path / "stolen").exists()
    assert cli("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "second")).returncode == 0
    counted = "SELECT count() FROM predictions WHERE model = 'churn'"
    assert told(tmp_path / "second", counted) == "1\n"
    entries = cli("audit", "--data", str(folder))
    assert "data exported" in entries.stdout


def test_forgetting_in_a_running_instance(up: Running, folder: Path) -> None:
    """A person goes from its tables and its collector's files, while it goes on taking requests."""
    person = "person-4711-karlotta"
    spans = json.loads(
        json.dumps(SPAN).replace("churn", "rent").replace("5b8efff7", "feedbeef").replace("eee19b7e", "feedbeef")
    )
    span = spans["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["attributes"].append({"key": "modelspan.tag.subject", "value": {"stringValue": person}})
    letters = folder / "collector" / "dead" / "modelspan" / "traces"
    letters.mkdir(parents=True)
    request = json_format.ParseDict({**spans}, ExportTraceServiceRequest())
    (letters / "one.seg").write_bytes(b"".join(make(Kind.OTLP, 1, request.SerializeToString()).encode()))
    assert post(f"{up.otlp_url}/v1/traces", json.dumps(spans).encode(), "application/json") == 200
    stored = "SELECT 1 FROM predictions WHERE model = 'rent'"
    eventually(lambda: told(folder, stored), "the person's prediction is stored")
    asked = json.dumps({"tag": "subject", "value": person}).encode()
    assert post(f"{up.web_url}/api/forget", asked, "application/json") == 403
    done = cli("forget", "--tag", f"subject={person}", "--data", str(folder))
    assert (done.returncode, "left" in done.stderr) == (0, False), done.stderr
    assert "predictions\t1 rows" in done.stdout
    assert "log segments and dead letters\t1 records" in done.stdout
    files = [path for path in (folder / "collector").rglob("*") if path.is_file()]
    assert not any(person.encode() in path.read_bytes() for path in files)
    assert post(f"{up.otlp_url}/v1/traces", json.dumps(SPAN).encode(), "application/json") == 200


def test_erasures_at_once_wait_for_each_other(up: Running) -> None:
    """Of the same person too: each gets its own answer, and nothing is left of what they note on their way."""
    asked = [{"tag": "subject", "value": name} for name in ("person-1", "person-1", "person-2", "person-2")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: ask_owner(up, "/api/forget", one), asked))
    assert [(answer["left"], "erasures" in str(answer["not_covered"])) for answer in answers] == [([], False)] * 4


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


def test_a_tenants_own_database_is_watched(tmp_path: Path) -> None:
    """The monitors run over the databases that tokens lead to; commands reach them with --database."""
    (tmp_path / "tokens").write_text("alpha tenant=acme database=acme\n")
    (tmp_path / "data").mkdir()
    stack = Stack(tmp_path / "data", "--tokens", str(tmp_path / "tokens"))
    running = stack.wait()
    span = json.dumps(SPAN).replace("1790000000", str(int(time.time()) - 3 * 3600)).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer alpha"}
    request = urllib.request.Request(f"{running.otlp_url}/v1/traces", data=span, headers=headers)
    urllib.request.urlopen(request, timeout=30).close()
    stack.stop()
    again = Stack(tmp_path / "data", "--tokens", str(tmp_path / "tokens"))
    again.wait()
    sql = "SELECT DISTINCT model FROM monitor_runs"
    watched = eventually(lambda: told(tmp_path / "data", sql, "--database", "acme"), "the tenant's model is looked at")
    assert watched == "churn\n"
    assert told(tmp_path / "data", sql) == ""
    again.stop()


def test_sql_without_data_says_what_to_do(tmp_path: Path) -> None:
    """On an empty folder the hint names the command that fills it."""
    ended = cli("sql", "SELECT 1", "--data", str(tmp_path))
    assert ended.returncode == 1
    assert "modelspan up" in ended.stderr


def test_files_are_loaded_beside_it(up: Running, folder: Path, tmp_path: Path, whylogs_python: Path) -> None:
    """Labels and a baseline of other people's files go through the instance, and what is assumed is said."""
    labels = tmp_path / "labels.csv"
    labels.write_text("id;truth;known\n00042;1;1790000000\n;0;1790000000\n00043;0;1790000001\n", encoding="utf-16")
    told = cli("labels", str(labels), "--id", "id", "--label", "truth", "--time", "known", "--data", str(folder))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("2 labels loaded")
    assert "left out: 1 of 3 labels: line 3 has no id in 'id'" in told.stderr
    assert "assumed: column 'known' counts seconds since 1970" in told.stderr
    stored = cli("sql", "SELECT prediction_id FROM labels FINAL ORDER BY 1", "--data", str(folder), "--format", "TSV")
    assert stored.stdout.split() == ["00042", "00043"]

    training = tmp_path / "training.jsonl"
    training.write_text("".join(f'{{"p": {row % 2}, "f": {{"x": {row}.5}}, "s": ["a"]}}\n' for row in range(200)))
    ask = ("baseline", "set", "--model", "files", "--prediction", "p", "--data", str(folder))
    told = cli(*ask, "--file", str(training))
    assert told.returncode == 0, told.stderr
    assert "200 rows" in told.stdout
    assert "left out: column 's': lists" in told.stderr
    sql = "SELECT DISTINCT mapKeys(numeric_features), label FROM reference_predictions WHERE model = 'files' ORDER BY 2"
    stored = cli("sql", sql, "--data", str(folder), "--format", "TSV")
    assert stored.stdout.split("\n")[:2] == ["['f.x']\t0", "['f.x']\t1"]
    profiled = make_profiles(whylogs_python, tmp_path / "profiles", {"x": [row / 2 for row in range(200)]}, parts=2)
    words = ("--format", "whylogs", "--file", str(profiled.folder / "part-0.bin"), "--file", str(profiled.parts[1]))
    told = cli("baseline", "set", "--model", "files", "--features", "x", "--data", str(folder), *words)
    assert (told.returncode, "200 rows, none of them kept" in told.stdout) == (0, True), told.stderr
    refused = cli(*ask, "--file", str(tmp_path / "gone.csv"))
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)


def test_what_cannot_start_makes_nothing(up: Running, folder: Path, tmp_path: Path) -> None:
    """A second process on the folder, or a port that is taken, is refused in a sentence before anything is made."""
    second = cli("up", "--data", str(folder))
    assert (second.returncode, "already runs" in second.stderr) == (1, True)
    free = ("--grpc-port", "0", "--http-port", "0", "--sql-port", "0", "--web-port", "0")
    for option, port in (("--web-port", up.ports.web), ("--sql-port", up.ports.sql), ("--grpc-port", up.ports.grpc)):
        made = tmp_path / option
        refused = cli("up", "--data", str(made), *free, option, str(port))
        assert (refused.returncode, f"cannot listen on 127.0.0.1:{port}" in refused.stderr) == (1, True)
        assert not made.exists()


def test_a_demo_that_is_told_to_end_ends_what_it_started(tmp_path: Path) -> None:
    """As Ctrl-C does; the stack used to go on without anybody who knew of it."""
    command = [sys.executable, "-m", "modelspan_cli", "demo", "--keep", "--data", str(tmp_path)]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: find_running(tmp_path) is not None, "the demo has a stack", 60)
    finally:
        demo.terminate()
        demo.wait(60)
    assert find_running(tmp_path) is None
