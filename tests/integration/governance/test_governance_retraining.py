"""Retraining is called for when results ask for it: signed, rate-limited, logged; and versions are compared plainly."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.outcome_settings import PerformanceSettings, RetrainingRule
from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import update
from modelspan_analyzer.incidents.store import save
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.retraining.call import CallError, call
from modelspan_analyzer.retraining.hook import run_rules
from modelspan_analyzer.retraining.rules import evidence, held_by
from modelspan_analyzer.webhook import SIGNATURE_HEADER
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def result(hour: int, verdict: Verdict, metric: str = "roc_auc") -> Result:
    """One result of an hour."""
    return Result("m", "1", Window(START + HOUR * hour, START + HOUR * (hour + 1)), "performance", metric, 0.5, verdict)


def test_a_rule_wants_enough_windows_in_a_row() -> None:
    """Two windows in a row fire; one, or two with a quiet one between, do not; other measures do not count."""
    rule = RetrainingRule(name="r", metric="roc_auc", windows=2)
    assert len(evidence(rule, [result(1, Verdict.ALARM), result(2, Verdict.ALARM)])) == 2
    assert evidence(rule, [result(1, Verdict.ALARM)]) == []
    assert evidence(rule, [result(1, Verdict.ALARM), result(2, Verdict.OK), result(3, Verdict.ALARM)]) == []
    assert evidence(rule, [result(1, Verdict.ALARM, "brier"), result(2, Verdict.ALARM)]) == []
    assert evidence(rule, [result(1, Verdict.WARNING), result(2, Verdict.ALARM)]) == []


def test_a_webhook_is_signed_rate_limited_and_logged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver can check the signature; a second call within the interval is not made, one after it is."""
    taken: list[tuple[bytes, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers[SIGNATURE_HEADER]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("RETRAIN_KEY", "secret")
    url = f"http://127.0.0.1:{server.server_port}/dispatch"
    rule = RetrainingRule(name="auc", metric="roc_auc", webhook=url, secret_env="RETRAIN_KEY")
    try:
        write_results(store, [result(1, Verdict.ALARM)], "run")
        now = datetime.now(UTC)
        assert run_rules(store, "m", "1", [rule], now=now) == ["auc"]
        assert run_rules(store, "m", "1", [rule], now=now + HOUR) == []
        assert run_rules(store, "m", "1", [rule], now=now + 30 * HOUR) == ["auc"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    body, signature = taken[0]
    assert signature == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    facts = json.loads(body)["client_payload"]
    assert facts["model"] == "m"
    assert facts["evidence"][0]["metric"] == "roc_auc"
    logged = audit.entries(store, since=START, action="retraining called")
    assert len(logged) == 2
    assert "HTTP 204" in logged[0].details


def test_open_findings_of_data_quality_hold_a_call_back_and_say_so(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While features are missing nothing is called: log and audit say why; then the call tells the incident."""
    told = tmp_path / "told.json"
    command = (sys.executable, "-c", f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())")
    rule = RetrainingRule(name="auc", metric="roc_auc", command=command)
    missing = replace(result(1, Verdict.ALARM, "null_rate"), signal="data_quality", feature="income")
    now = datetime.now(UTC)
    found = [result(1, Verdict.ALARM), missing]
    write_results(store, found, "run")
    assert run_rules(store, "m", "1", [rule], now=now) == []  # by the window's own alarm, without incidents
    (incident,) = update(store, found, START + 2 * HOUR)
    assert run_rules(store, "m", "1", [rule], now=now) == []
    assert not told.exists()
    assert "held back" in caplog.text
    assert "null_rate income" in caplog.text
    (held,) = audit.entries(store, since=START, action="retraining held back")
    assert "null_rate income" in held.details
    later = [result(2, Verdict.ALARM), replace(missing, window=result(2, Verdict.OK).window, verdict=Verdict.OK)]
    write_results(store, later, "run")
    save(store, [replace(incident, findings=tuple(replace(one, ended=one.feature != "") for one in incident.findings))])
    assert run_rules(store, "m", "1", [rule], now=now) == ["auc"]
    (carried,) = json.loads(told.read_text())["client_payload"]["incidents"]
    assert carried["incident_id"] == incident.incident_id
    assert {"title", "cause", "why", "severity", "began_at"} <= carried.keys()


HELD_OR_NOT = [
    ({}, True),
    ({"hold_on_data_quality": False}, False),
    ({"signal": "data_quality"}, False),
]


@pytest.mark.parametrize(("given", "held"), HELD_OR_NOT)
def test_a_rule_is_held_unless_it_says_otherwise_or_asks_for_data_quality(given: dict[str, Any], held: bool) -> None:
    """Only alarms of the newest window count, and only those of data quality."""
    rule = RetrainingRule(name="r", **given)
    missing = replace(result(2, Verdict.ALARM, "null_rate"), signal="data_quality")
    assert bool(held_by(rule, [missing], [])) == held
    assert held_by(rule, [missing, result(3, Verdict.ALARM)], []) == []
    of_slice = [replace(missing, segment="tag.land=IT")]
    assert held_by(rule, of_slice, []) == (["null_rate tag.land=IT"] if held else [])


def test_a_command_gets_the_evidence_and_failures_are_said(tmp_path: Path) -> None:
    """The evidence is on standard input; a failing command, and a missing key say what is wrong."""
    told = tmp_path / "told.json"
    write = f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())"
    call(RetrainingRule(name="r", command=(sys.executable, "-c", write)), [result(1, Verdict.ALARM)])
    assert json.loads(told.read_text())["conf"]["rule"] == "r"
    broken = {
        "ended with 3": RetrainingRule(name="r", command=(sys.executable, "-c", "raise SystemExit(3)")),
        "could not be run": RetrainingRule(name="r", command=("/no/such/program",)),
        "is not set": RetrainingRule(name="r", webhook="http://127.0.0.1:9/", secret_env="MODELSPAN_NO_SUCH_KEY"),
        "neither a webhook": RetrainingRule(name="r"),
    }
    for message, rule in broken.items():
        with pytest.raises(CallError, match=message):
            call(rule, [result(1, Verdict.ALARM)])


def serve(store: Store, version: str, right: np.ndarray, truth: np.ndarray, *, requests: bool) -> None:
    """A version's answers to the same requests, right where told."""
    rows = len(truth)
    tags = [[("request", f"r{i}")] if requests else [] for i in range(rows)]
    when = pa.array([START + HOUR * (i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"{version}-{requests}-{i}" for i in range(rows)]
    table = {
        "model": ["m"] * rows,
        "version": [version] * rows,
        "timestamp": when,
        "prediction_id": ids,
        "label": np.where(right, truth, 1 - truth).astype(str),
        "tags": pa.array(tags, pa.map_(pa.string(), pa.string())),
    }
    store.insert("predictions", pa.table(table))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, "label": truth.astype(str)}))


def test_champion_and_challenger(store: Store) -> None:
    """A small gain is sure on shared requests and may be chance on the period alone; a loss keeps the champion."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 1000)
    right = generator.random(1000) < 0.8
    better = right | (generator.random(1000) < 0.15)
    window, settings = Window(START, START + HOUR), PerformanceSettings(alarm_on=("accuracy",))
    serve(store, "1", right, truth, requests=True)
    serve(store, "2", better, truth, requests=True)
    serve(store, "3", generator.random(1000) < 0.81, truth, requests=False)
    serve(store, "4", generator.random(1000) < 0.6, truth, requests=False)
    paired = compare(store, "m", "1", "2", window, settings)
    assert paired.paired is not None
    assert paired.paired.rows == 1000
    assert paired.paired.difference.value == pytest.approx(right.mean() - better.mean())
    assert paired.recommendation.startswith("Promote")
    assert compare(store, "m", "2", "1", window, settings).recommendation.startswith("Keep")
    assert compare(store, "m", "1", "3", window, settings).recommendation.startswith("Wait")
    assert compare(store, "m", "1", "4", window, settings).recommendation.startswith("Keep")
    with pytest.raises(LookupError, match="no labelled"):
        compare(store, "m", "1", "9", window, settings)
