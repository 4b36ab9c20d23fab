"""A fault in a simulated system becomes one alert in real Prometheus and Alertmanager, and goes away with the fault."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import alerting_stack
import numpy as np
import pytest
import why
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route
from support import missing
from why_causes import timeout
from why_systems import END, HOURS, START, build

from modelspan_analyzer import baselines
from modelspan_analyzer.alerts import IncidentCollector, Pusher, alert_of, rule_file
from modelspan_analyzer.config.load import parse
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.runner import Runner
from modelspan_collector.serve import AsgiServer

CONFIG = """
version: 1
defaults:
  performance: {{enabled: false}}
  estimation: {{enabled: false}}
  concept: {{enabled: false}}
  fairness: {{enabled: false}}
  incidents: {{owner: risk-team, runbook: "https://wiki/runbook", resolve_after: 1}}
alerts:
  hold: 1s
  silent_after: 5000d
  stalled_after: 5000d
  resend: 1s
  trace: "http://jaeger/trace/{{trace_id}}"
  alertmanagers: [{alertmanagers}]
"""
HALF = timedelta(hours=HOURS / 2)
ENDED = datetime.fromtimestamp(END / 1e9, timezone.utc)
BEGAN = datetime.fromtimestamp(START / 1e9, timezone.utc)


@pytest.fixture(autouse=True)
def programs():
    """Debian's packages; skipped without them, unless all is required."""
    if not alerting_stack.installed():
        missing("prometheus, prometheus-alertmanager and promtool are not installed")


class Fault:
    """A system whose feature service times out, watched by the real monitors."""

    def __init__(self, store, alertmanagers: str = "") -> None:
        self.store = store
        self.system = build(np.random.default_rng([4, 0]), 6000)
        self.injection = timeout(self.system)
        why.fill(store, self.system)
        config = parse(CONFIG.format(alertmanagers=alertmanagers))
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
            "concat(prediction_id, '-again') AS prediction_id) "
            "FROM (SELECT * FROM predictions WHERE timestamp < {until:DateTime64(9)})",
            {"until": BEGAN + HALF * 0.9},
        )
        self.look(Window(ENDED, ENDED + HALF * 0.9))


@pytest.fixture
def metrics(store):
    """The store's incidents at /metrics, for a Prometheus to scrape."""
    registry = CollectorRegistry()
    registry.register(IncidentCollector(store))

    async def answer(_):
        return Response(await run_in_threadpool(generate_latest, registry), media_type="text/plain; version=0.0.4")

    server = AsgiServer(Starlette(routes=[Route("/metrics", answer)]), "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


def test_a_fault_is_one_alert_with_its_reason_until_it_is_fixed(store, metrics, tmp_path):
    """Exactly one alert fires, names the service in its "why", and resolves after the fix."""
    fault = Fault(store)
    with alerting_stack.running(tmp_path, rule_file(fault.config.alerts), metrics.port) as stack:
        fault.find()
        (alert,) = alerting_stack.until(lambda: stack.alerts("ModelIncident"), "the incident fires")
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
        alerting_stack.until(lambda: stack.notified("ModelIncident"), "somebody is told")
        fault.fix()
        assert load_open(store) == []
        alerting_stack.until(
            lambda: [one for one in stack.notified("ModelIncident") if one["status"] == "resolved"], "it resolves"
        )
        assert {one["fingerprint"] for one in stack.notified("ModelIncident")} == {alert["fingerprint"]}


def test_a_silenced_fault_stays_silent(store, metrics, tmp_path):
    """Alertmanager holds the alert, suppressed, and tells nobody."""
    fault = Fault(store)
    with alerting_stack.running(tmp_path, rule_file(fault.config.alerts), metrics.port) as stack:
        stack.silence("model", fault.system.model)
        fault.find()
        (alert,) = alerting_stack.until(lambda: stack.alerts("ModelIncident"), "the incident reaches Alertmanager")
        assert alert["status"]["state"] == "suppressed"
        assert stack.notified("ModelIncident") == []


def test_incidents_reach_alertmanager_without_prometheus(store, metrics, tmp_path):
    """Pushed straight, an incident is the same single alert, and ends when it is resolved."""
    with alerting_stack.running(tmp_path, rule_file(parse("").alerts), metrics.port) as stack:
        fault = Fault(store, alertmanagers=f'"{stack.alertmanager}"')
        fault.find()
        (incident,) = load_open(store)
        pusher = Pusher(fault.config.alerts)
        now = datetime.now(timezone.utc) + timedelta(seconds=2)
        assert pusher.send([incident], now) == [alert_of(incident, fault.config.alerts, now + timedelta(seconds=4))]
        (alert,) = alerting_stack.until(lambda: stack.alerts("ModelIncident"), "the pushed incident is there")
        assert alert["annotations"]["why"] == incident.why
        fault.fix()
        pusher.send([], now)
        alerting_stack.until(
            lambda: [one for one in stack.notified("ModelIncident") if one["status"] == "resolved"], "it ends"
        )
