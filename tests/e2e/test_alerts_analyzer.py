"""`modelspan analyzer once` and `run` as processes: a fault becomes an incident with its reason, alert and events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alerting_stack
import pytest
from support import eventually, missing

from modelspan_analyzer.alerts import AlertSettings, rule_file

# Six hours of a system whose feature service times out in the last three, in a store of the folder's own.
FILL = """
import sys, time
import numpy as np
import why, why_causes, why_systems
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

why_systems.END = int((time.time() - 120) // 10800 * 10800) * 10**9
why_systems.START = why_systems.END - why_systems.HOURS * 3600 * 10**9
store = connect(f"chdb://{sys.argv[1]}/store")
schema.apply(store)
system = why_systems.build(np.random.default_rng([4, 0]), 4000)
fault = why_causes.timeout(system)
why.fill(store, system)
print(fault.truth[0].service)
"""
MONITORS = """
version: 1
defaults:
  window: {size: 3h}
  schedule: {every: 1s, delay: 1s}
  performance: {enabled: false}
  estimation: {enabled: false}
  concept: {enabled: false}
  fairness: {enabled: false}
  incidents: {owner: risk-team}
alerts: {resend: 1s, alertmanagers: ["ALERTMANAGER"]}
"""
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def cli(*arguments: str) -> list[str]:
    """A modelspan command line."""
    return [sys.executable, "-m", "modelspan_cli", *arguments]


@pytest.fixture
def faulty(tmp_path: Path) -> tuple[Path, str]:
    """A data folder with the fault in it, and the service that is to blame."""
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
    command = [sys.executable, "-c", FILL, str(tmp_path)]
    filled = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    return tmp_path, filled.stdout.strip()


def rows(query: str, folder: Path) -> list[dict[str, str]]:
    """What `modelspan sql` answers of a folder."""
    command = cli("sql", query, "--data", str(folder), "--format", "JSONEachRow")
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in answer.stdout.splitlines()]


@contextmanager
def analyzing(*arguments: str) -> Iterator[None]:
    """`modelspan analyzer run`, which ends well when it is asked to."""
    process = subprocess.Popen(cli("analyzer", "run", *arguments, "--metrics-port", "0"))
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_the_analyzer_tells_alertmanager_why(faulty, tmp_path):
    """One look opens the incident and sends its alert at once; a running analyzer keeps it firing until it stops."""
    if not alerting_stack.installed():
        missing("prometheus, prometheus-alertmanager and promtool are not installed")
    folder, service = faulty
    (unused,) = alerting_stack.free_ports(1)
    with alerting_stack.running(tmp_path, rule_file(AlertSettings()), unused) as stack:
        settings = folder / "monitors.yaml"
        settings.write_text(MONITORS.replace("ALERTMANAGER", stack.alertmanager))
        where = ("--data", str(folder), "--monitors", str(settings))
        subprocess.run(cli("analyzer", "once", *where), check=True, timeout=120)
        (told,) = {
            one["fingerprint"]: one for one in eventually(lambda: stack.notified("ModelIncident"), "the alert fires")
        }.values()
        assert told["labels"]["owner"] == "risk-team"
        assert f"`{service} GET /" in told["annotations"]["why"]
        assert f"through {service} GET /" in told["annotations"]["summary"]

        shown = subprocess.run(
            cli("incidents", told["labels"]["incident"], "--data", str(folder), "--json"),
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert json.loads(shown.stdout)["why"] == told["annotations"]["why"]

        with analyzing(*where):
            (first,) = eventually(lambda: stack.alerts("ModelIncident"), "it is sent again")
            eventually(
                lambda: [one for one in stack.alerts("ModelIncident") if one["endsAt"] > first["endsAt"]], "and again"
            )
        eventually(lambda: stack.alerts("ModelIncident") == [], "it ends when nobody sends it any more")
        assert {one["fingerprint"] for one in stack.notified("ModelIncident")} == {told["fingerprint"]}


def test_the_analyzer_sends_its_findings_as_events_to_a_collector(faulty, tmp_path):
    """Found by OpenTelemetry's variable, each once over two looks; the alarm belongs to a trace of what is to blame."""
    folder, service = faulty
    settings = folder / "monitors.yaml"
    settings.write_text(MONITORS.replace('"ALERTMANAGER"', ""))
    received = tmp_path / "received"
    ports = ("--grpc-port", "0", "--http-port", "0", "--sql-port", "0", "--web-port", "0")
    collector = subprocess.Popen(cli("up", "--data", str(received), *ports))
    try:
        eventually((received / "instance.json").exists, "the collector is up")
        port = json.loads((received / "instance.json").read_text())["http"]
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        once = cli("analyzer", "once", "--data", str(folder), "--monitors", str(settings))
        for _ in range(2):
            subprocess.run(once, check=True, timeout=120, env=environment)
        asked = (
            "SELECT LogAttributes['modelspan.signal'] AS signal, LogAttributes['modelspan.metric'] AS metric, "
            "LogAttributes['modelspan.feature'] AS feature, LogAttributes['gen_ai.evaluation.score.label'] AS verdict, "
            "TraceId AS trace FROM otel_logs WHERE EventName = 'gen_ai.evaluation.result'"
        )
        events = eventually(lambda: rows(asked, received), "the events are in the collector's store")
        found = rows("SELECT signal, metric, feature, verdict FROM monitor_results FINAL "
                     "WHERE verdict IN ('alarm', 'warning')", folder)  # fmt: skip
        told = sorted((one["signal"], one["metric"], one["feature"], one["verdict"]) for one in events)
        assert told == sorted(tuple(one.values()) for one in found)
        (missing_values,) = (one for one in events if one["metric"] == "null_rate" and one["verdict"] == "alarm")
        spans = rows(f"SELECT ServiceName FROM otel_traces WHERE TraceId = '{missing_values['trace']}'", folder)
        assert service in {one["ServiceName"] for one in spans}
    finally:
        collector.terminate()
        assert collector.wait(60) == 0
