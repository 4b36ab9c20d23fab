"""A few hours of a day before real Prometheus and Alertmanager: one fault is one message, and one when it is over.

`benchmarks/day.py` plays the whole day, and keeps the score.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import alerting_stack
import pytest
from day import EVENTS, LENGTH, Day
from support import eventually, missing

from modelspan_analyzer.alerts import rule_file
from modelspan_analyzer.incidents import load
from modelspan_analyzer.web.app import build as build_web
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector

pytestmark = pytest.mark.timeout(600)  # on a machine that has much else to do
CALM, SHADOW, PROMOTED = 4, 1, 2
"""Windows, of which a fault has one more and its end those that resolve it."""
WINDOWS = CALM + SHADOW + PROMOTED + 4
CONFIG = f"""
version: 1
defaults:
  window: {{size: {LENGTH.total_seconds():.0f}s}}
  baseline: {{learn: 600}}
  performance: {{enabled: false}}
  estimation: {{enabled: false}}
  concept: {{enabled: false}}
  fairness: {{enabled: false}}
  multivariate: {{enabled: false}}
  worst_slices: {{enabled: false}}
  poisoning: {{enabled: false}}
alerts:
  hold: 1s
  silent_after: 5000d
  stalled_after: 5000d
  behind: 5000d
"""


@pytest.fixture(autouse=True)
def programs() -> None:
    """Debian's packages; skipped without them, unless all is required."""
    if not alerting_stack.installed():
        missing("prometheus, prometheus-alertmanager and promtool are not installed")


class Instance:
    """What Prometheus scrapes; it can go away, and come back at the same address."""

    def __init__(self, day: Day, collector: Collector) -> None:
        self.day, self.collector, self.port = day, collector, 0
        self.start()

    def start(self) -> None:
        """As a new process, which knows what the store holds."""
        self.day.restart()
        app = build_web(self.day.store, self.collector, self.day.config)
        self.server = AsgiServer(app, "127.0.0.1", self.port)
        self.port = self.server.port
        self.server.start()

    def restart(self, stack: alerting_stack.Stack) -> None:
        """Gone for as long as Prometheus takes to miss a scrape."""
        self.server.stop()
        eventually(lambda: _up(stack, 0), "a scrape fails")
        self.start()
        eventually(lambda: _up(stack, 1), "scrapes succeed again")


def _up(stack: alerting_stack.Stack, value: int) -> bool:
    asked = urlencode({"query": f"up == {value}"})
    return bool(alerting_stack.get(f"{stack.prometheus}/api/v1/query?{asked}")["data"]["result"])


@pytest.fixture
def instance(store, tmp_path):
    """A day that ends about now, and the instance that watches it."""
    size = LENGTH.total_seconds()
    start = datetime.fromtimestamp(datetime.now(UTC).timestamp() // size * size, UTC) - (WINDOWS + 1) * LENGTH
    collector = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0))
    collector.start()
    running = Instance(Day(store, 5, CONFIG, start), collector)
    yield running
    running.server.stop()
    collector.stop()


def test_a_day_with_one_fault_is_two_messages(instance, tmp_path):
    """A shadow is promoted, modelspan restarts in the midst of a fault, and nobody hears of anything but the fault."""
    day = instance.day

    def pass_by(windows: int) -> None:
        for _ in range(windows):
            day.step()

    pass_by(CALM)
    with alerting_stack.running(tmp_path, rule_file(day.config.alerts), instance.port) as stack:
        EVENTS["shadow"].begin(day.world)
        pass_by(SHADOW)
        EVENTS["shadow"].end(day.world)
        pass_by(PROMOTED)
        assert load(day.store) == []
        EVENTS["missing"].begin(day.world)
        day.step()
        eventually(lambda: stack.notified("ModelIncident"), "somebody is told")
        instance.restart(stack)
        day.step()
        EVENTS["missing"].end(day.world)
        pass_by(2)
        told = eventually(
            lambda: [one for one in stack.notified("ModelIncident") if one["status"] == "resolved"], "it resolves"
        )
    (incident,) = load(day.store)
    heard = [(alert["labels"]["alertname"], alert["status"]) for message in stack.heard for alert in message["alerts"]]
    assert heard == [("ModelIncident", "firing"), ("ModelIncident", "resolved")]
    assert {alert["labels"]["incident"] for alert in told} == {incident.incident_id}
    assert (incident.severity.value, "feature-store" in incident.cause) == (EVENTS["missing"].severity, True)
