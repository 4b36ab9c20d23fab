"""A fault in a simulated system becomes one alert in real Prometheus and Alertmanager, and goes away with the fault."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import alerting_stack
import numpy as np
import pytest
import why
from support import eventually, missing
from why_causes import timeout
from why_systems import END, HOURS, START, build

from modelspan_analyzer.alerts import rule_file
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.runner import Runner
from modelspan_analyzer.web.app import build as build_web
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector

sys.path.append(str(Path(__file__).resolve().parents[2] / "deploy" / "grafana"))

from queries import DASHBOARDS, PROMETHEUS

CONFIG = """
version: 1
defaults:
  performance: {enabled: false}
  estimation: {enabled: false}
  concept: {enabled: false}
  fairness: {enabled: false}
  incidents: {owner: risk-team, runbook: "https://wiki/runbook", resolve_after: 1}
alerts:
  hold: 1s
  silent_after: 5000d
  stalled_after: 5000d
  resend: 1s
  trace: "http://jaeger/trace/{trace_id}"
"""
HALF = timedelta(hours=HOURS / 2)
ENDED = datetime.fromtimestamp(END / 1e9, UTC)
BEGAN = datetime.fromtimestamp(START / 1e9, UTC)


@pytest.fixture(autouse=True)
def programs():
    """Debian's packages; skipped without them, unless all is required."""
    if not alerting_stack.installed():
        missing("prometheus, prometheus-alertmanager and promtool are not installed")


class Fault:
    """A system whose feature service times out, watched by the real monitors."""

    def __init__(self, store) -> None:
        self.store = store
        self.system = build(np.random.default_rng([4, 0]), 6000)
        self.injection = timeout(self.system)
        why.fill(store, self.system)
        config = parse(CONFIG)
        self.config = config
        self.version = self.system.services["model"].versions[0]
        self.runner = Runner(store, config, respond=Responder(store, config))
        baselines.set_from_window(store, self.system.model, self.version, Window(BEGAN, BEGAN + HALF * 0.9))

    def look(self, window: Window) -> None:
        """Run the monitors over a window."""
        self.runner.run_window(self.system.model, self.version, window)

    def find(self) -> None:
        """Look at the hours in which it broke."""
        self.look(Window(ENDED - HALF, ENDED))

    def fix(self) -> None:
        """Good predictions come in again: the first hours once more."""
        self.store.command(
            "INSERT INTO predictions SELECT * REPLACE (timestamp + INTERVAL 6 HOUR AS timestamp, "
            "concat(prediction_id, '-again') AS prediction_id, false AS sketched) "
            "FROM (SELECT * FROM predictions WHERE timestamp < {until:DateTime64(9)})",
            {"until": BEGAN + HALF * 0.9},
        )
        self.look(Window(ENDED, ENDED + HALF * 0.9))


@pytest.fixture
def collector(store, tmp_path):
    """A collector into the store."""
    running = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def metrics(store, collector):
    """The instance's own web application, for a Prometheus to scrape its /metrics."""
    server = AsgiServer(build_web(store, collector, MonitorsConfig()), "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


def _predict_now(collector) -> None:
    """One prediction of this moment, sent as a span."""
    texts = {"modelspan.model.name": "churn", "modelspan.model.version": "1", "modelspan.prediction.label": "yes"}
    now = time.time_ns()
    span = {
        "traceId": f"{now:032x}",
        "spanId": f"{now:016x}",
        "name": "predict churn",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()],
    }
    address = f"http://127.0.0.1:{collector.http_port}/v1/traces"
    alerting_stack.post(address, {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def _series(stack, query: str) -> list:
    """What Prometheus answers to a query at this moment."""
    found = alerting_stack.get(f"{stack.prometheus}/api/v1/query?{urlencode({'query': query})}")
    assert found["status"] == "success"
    return found["data"]["result"]


def test_a_fault_is_one_alert_with_its_reason_until_it_is_fixed(store, collector, metrics, tmp_path):
    """One alert fires, names the service in its "why", and resolves after the fix; meanwhile all panels show data."""
    fault = Fault(store)
    _predict_now(collector)
    with alerting_stack.running(tmp_path, rule_file(fault.config.alerts), metrics.port) as stack:
        fault.find()
        (alert,) = eventually(lambda: stack.alerts("ModelIncident"), "the incident fires")
        (incident,) = load_open(store)
        labels = alert["labels"]
        assert (labels["model"], labels["owner"], labels["incident"]) == (
            fault.system.model,
            "risk-team",
            incident.incident_id,
        )
        assert labels["severity"] == incident.severity.value
        assert f"`{fault.injection.truth[0].service} GET /" in alert["annotations"]["why"]
        assert "DEADLINE_EXCEEDED" in alert["annotations"]["why"]
        assert alert["annotations"]["runbook_url"] == "https://wiki/runbook"
        eventually(lambda: stack.notified("ModelIncident"), "somebody is told")
        for panel in (panel for page in DASHBOARDS for panel in page.panels if panel.source == PROMETHEUS):
            eventually(lambda query=panel.query: _series(stack, query), f"{panel.title} shows data")
        fault.fix()
        assert load_open(store) == []
        eventually(
            lambda: [one for one in stack.notified("ModelIncident") if one["status"] == "resolved"], "it resolves"
        )
        assert {one["fingerprint"] for one in stack.notified("ModelIncident")} == {alert["fingerprint"]}


def test_a_silenced_fault_stays_silent(store, metrics, tmp_path):
    """Alertmanager holds the alert, suppressed, and tells nobody."""
    fault = Fault(store)
    with alerting_stack.running(tmp_path, rule_file(fault.config.alerts), metrics.port) as stack:
        stack.silence("model", fault.system.model)
        fault.find()
        (alert,) = eventually(lambda: stack.alerts("ModelIncident"), "the incident reaches Alertmanager")
        assert alert["status"]["state"] == "suppressed"
        assert stack.notified("ModelIncident") == []
