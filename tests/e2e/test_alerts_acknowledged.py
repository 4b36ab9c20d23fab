"""A real Alertmanager with the settings of `deploy/`: who acknowledged an incident is not called by it any more."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alerting_stack import _ready, free_ports, get, installed
from support import eventually, missing

from modelspan_analyzer.alerts import alerts_of, push
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.incidents import Incident, Severity

SETTINGS = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yaml"
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
OPEN = Incident(
    "abc123", "churn", "1", "open", Severity.WARNING, "data_drift", "churn 1: drift in age", "", "", "ann", "",
    NOW, NOW, NOW, severities=(Severity.WARNING,),
)  # fmt: skip


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """One on a free port."""
    if not installed():
        missing("prometheus-alertmanager is not installed")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = ["prometheus-alertmanager", f"--config.file={SETTINGS}", f"--storage.path={tmp_path}/held",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually(lambda: _ready(url), f"{url} answers; {tmp_path}/log says why not")
            yield url
        finally:
            process.terminate()
            process.wait(20)


def states(url: str) -> dict[tuple[str, str], str]:
    """Of each alert by name and severity: active, or suppressed."""
    alerts: list[dict[str, Any]] = get(f"{url}/api/v2/alerts")
    return {(one["labels"]["alertname"], one["labels"]["severity"]): one["status"]["state"] for one in alerts}


def test_an_acknowledged_incident_is_inhibited_until_it_becomes_graver(alertmanager: str) -> None:
    """It goes on, so that its end is told; its alert calls no more, and that of a rise in severity does."""
    mild, grave = ("ModelIncident", "warning"), ("ModelIncident", "critical")
    push(alertmanager, list(alerts_of(OPEN, AlertSettings(), LATER).values()))
    eventually(lambda: states(alertmanager).get(mild) == "active", "it calls")
    known = replace(OPEN, acknowledged_at=NOW, acknowledged_by="ann")
    sent = alerts_of(known, AlertSettings(), LATER)
    push(alertmanager, list(sent.values()))
    eventually(lambda: states(alertmanager).get(mild) == "suppressed", "it calls no more")
    graver = replace(OPEN, severity=Severity.CRITICAL, severities=(Severity.WARNING, Severity.CRITICAL))
    ended = replace(sent["ModelIncidentAcknowledged"], ends_at=datetime.now(UTC))
    push(alertmanager, [*alerts_of(graver, AlertSettings(), LATER).values(), ended])
    eventually(lambda: states(alertmanager).get(grave) == "active", "the rise calls")
