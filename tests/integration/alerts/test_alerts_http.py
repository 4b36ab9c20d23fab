"""Incidents, feedback and why over HTTP, metrics for Prometheus, and maintenance windows."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support import missing

from modelspan_analyzer.alerts import (
    AlertSettings,
    IncidentCollector,
    MaintenanceSettings,
    Owned,
    Pusher,
    alert_of,
    check,
    rule_file,
)
from modelspan_analyzer.alerts.alert import ANNOTATIONS
from modelspan_analyzer.alerts.maintenance import under_maintenance
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import Severity, load_open, update
from modelspan_analyzer.monitors_yaml import ConfigError, parse
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner.runs import DONE, Run, write
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.incidents import incident_routes
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def kept(engine_dsn):
    """A store with one open incident."""
    store = connect(engine_dsn, "test_alerts_http")
    schema.apply(store)
    window = Window(NOW - timedelta(hours=1), NOW)
    update(store, [Result("churn", "1", window, "data_drift", "psi", 0.5, Verdict.ALARM, feature="age")], NOW)
    yield store
    store.command("DROP DATABASE test_alerts_http")
    store.close()


@pytest.fixture(scope="module")
def client(kept):
    """An HTTP client of the routes."""
    server = AsgiServer(application(incident_routes(kept)), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        yield client
    server.stop()


def test_incidents_are_listed_shown_and_judged(client):
    """The list, one incident with its timeline, an opinion, and its count."""
    (incident,) = client.get("/api/incidents", params={"status": "open"}).json()
    address = f"/api/incidents/{incident['incident_id']}"
    assert client.post(f"{address}/feedback", json={"opinion": "noise", "actor": "ann"}).status_code == 201
    assert [event["kind"] for event in client.get(address).json()["timeline"]][-1] in ("feedback", "opened", "finding")
    assert client.get("/api/feedback").json()[0]["noise"] == 1
    assert client.get("/api/incidents/nope").status_code == 404


def test_what_is_wrong_with_a_request_is_said(client):
    """Unknown opinions, models without alarms and unreadable times get 400 and a sentence."""
    (incident,) = client.get("/api/incidents").json()
    answer = client.post(f"/api/incidents/{incident['incident_id']}/feedback", json={"opinion": "meh"})
    assert (answer.status_code, "useful or noise" in answer.json()["error"]) == (400, True)
    for given, part in (
        ({"about": "nobody"}, "there is no model"),
        ({"about": "churn", "since": "soon"}, "no time"),
    ):
        answer = client.get("/api/why", params=given)
        assert (answer.status_code, part in answer.json()["error"]) == (400, True)


def test_metrics_hold_the_incident_and_its_maintenance(kept):
    """An open incident is a series; under maintenance its model is marked, and the rule holds it back."""
    registry = CollectorRegistry()
    window = MaintenanceSettings(start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1))
    registry.register(IncidentCollector(kept, AlertSettings(maintenance=(window,)), clock=lambda: NOW))
    text = generate_latest(registry).decode()
    (incident,) = load_open(kept)
    assert f'modelspan_incident{{incident="{incident.incident_id}",model="churn"' in text
    assert 'modelspan_maintenance{model="churn"} 1.0' in text


def test_a_model_that_is_silent_for_days_still_has_an_age(store):
    """As long as its monitors run: the alert of its absence must not end by itself after a day."""
    now = datetime.now(UTC).replace(microsecond=0)
    silent, chatty = ("silent", now - timedelta(days=2)), ("chatty", now - timedelta(minutes=1))
    stamp = pa.timestamp("ns", "UTC")
    for model, newest in (silent, chatty):
        row = {"model": [model], "version": ["1"], "prediction_id": [model], "timestamp": pa.array([newest], stamp)}
        store.insert("predictions", pa.table(row))
        write(store, [Run("run", model, "1", "", Window(now - timedelta(hours=1), now), now, now).ended(DONE, now)])
    registry = CollectorRegistry()
    registry.register(IncidentCollector(store))
    ages = {
        model: registry.get_sample_value("modelspan_prediction_age_seconds", {"model": model})
        for model in ("silent", "chatty")
    }
    assert ages["silent"] == pytest.approx(2 * 86400, abs=600)
    assert ages["chatty"] < 600


def test_how_long_a_model_may_be_silent_is_its_own(store):
    """A job by its rhythm or as told, a stream by the settings, a retired one for ever; no shadow keeps one alive."""
    now = datetime.now(UTC).replace(microsecond=0)
    hours = [timedelta(hours=24 * day + 20) for day in range(6)]
    minutes = [timedelta(minutes=minute) for minute in range(90, 600)]

    def send(model, ages, role="primary"):
        stamps = pa.array([now - age for age in ages], pa.timestamp("ns", "UTC"))
        ids = [f"{role}-{place}" for place in range(len(ages))]
        columns = {"model": [model] * len(ages), "version": [role] * len(ages), "role": [role] * len(ages)}
        store.insert("predictions", pa.table({**columns, "prediction_id": ids, "timestamp": stamps}))

    for model, ages in (
        ("nightly", hours),
        ("told", hours[:1]),
        ("stream", minutes),
        ("led", minutes),
        ("retired", hours),
    ):
        send(model, ages)
    send("led", [timedelta(minutes=1)], "shadow")
    send("shadow only", [timedelta(minutes=1)], "shadow")
    registry = CollectorRegistry()
    told = {"told": "batch every 6h", "led": "continuous", "retired": "nothing"}
    registry.register(IncidentCollector(store, expects=lambda model: told.get(model, "")))
    names = ("modelspan_prediction_age_seconds", "modelspan_prediction_age_limit_seconds")
    found = {
        model: [registry.get_sample_value(name, {"model": model}) for name in names]
        for model in ("nightly", "told", "stream", "led", "shadow only", "retired")
    }
    assert found["nightly"] == pytest.approx([20 * 3600, 1.1 * 23 * 3600], rel=0.06)
    assert found["told"] == pytest.approx([20 * 3600, 6.6 * 3600], rel=0.01)
    assert found["stream"] == pytest.approx([90 * 60, 30 * 60], rel=0.05)
    assert found["led"] == pytest.approx([90 * 60, 30 * 60], rel=0.05)
    assert found["shadow only"] == [None, None]
    assert found["retired"][1] == float("inf")


def test_maintenance_holds_pushed_alerts_back(kept):
    """Nothing is sent during the window, and the incident is sent after it."""
    window = MaintenanceSettings(start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1), models=("churn",))
    pusher = Pusher(AlertSettings(maintenance=(window,)))
    incidents = load_open(kept)
    assert pusher.send(incidents, NOW + timedelta(minutes=30)) == []
    assert len(pusher.send(incidents, NOW + timedelta(minutes=90))) == 1
    assert pusher.send(incidents, NOW + timedelta(minutes=90, seconds=5)) == []


def test_a_rise_in_severity_adds_an_alert_and_ends_none(kept):
    """The milder alert goes on beside the graver one, by the labels that it had; both end with the incident."""
    pusher = Pusher(AlertSettings())
    (mild,) = load_open(kept)
    grave = replace(mild, severity=Severity.CRITICAL, severities=(mild.severity, Severity.CRITICAL))
    at = [NOW + timedelta(minutes=5, seconds=seconds) for seconds in (0, 5, 10)]
    (first,) = pusher.send([mild], at[0])
    (risen,) = pusher.send([grave], at[1])
    assert (risen.labels["severity"], risen.ends_at > at[1]) == ("critical", True)
    ended = pusher.send([replace(grave, status="resolved", resolved_at=at[2])], at[2])
    assert [(dict(one.labels), one.ends_at) for one in ended] == [
        (dict(first.labels), at[2]),
        (dict(risen.labels), at[2]),
    ]


def test_an_alert_says_all_that_somebody_who_is_called_has_to_know(kept):
    """What was measured, of how many, since when, the cause or that none is known, and the first command to run."""
    (incident,) = load_open(kept)
    said = alert_of(incident, incident.severity, AlertSettings(web="http://span:8600"), NOW).annotations
    assert {"summary", "found", "affected", "since", "why", "command", "page", "sql"} <= said.keys() <= set(ANNOTATIONS)
    assert said["found"].startswith("psi of age")
    assert said["since"] == "2026-03-01 02:00 UTC"
    assert said["command"] == f"modelspan incidents {incident.incident_id}"
    assert said["page"] == f"http://span:8600/incidents/{incident.incident_id}"
    assert "page" not in alert_of(incident, incident.severity, AlertSettings(), NOW).annotations


def test_command_and_query_of_an_alert_ask_the_database_that_keeps_its_incident(kept):
    """A tenant's is not the main one: without its name both would find nothing."""
    (incident,) = load_open(kept)
    said = Pusher(AlertSettings(hold=timedelta(0)), "acme").send([incident], NOW)[0].annotations
    assert said["command"] == f"modelspan incidents {incident.incident_id} --database acme"
    assert "FROM `acme`.monitor_results FINAL" in said["sql"]


def test_an_incident_that_is_over_is_said_to_be(store):
    """Its series falls to 0 for a while and does not just go: what is not answered stands as it was said last."""
    window = Window(NOW - timedelta(hours=1), NOW)
    alarm = Result("churn", "1", window, "data_drift", "psi", 0.5, Verdict.ALARM, feature="age")
    (incident,) = update(store, [alarm], NOW)
    good = [
        replace(alarm, verdict=Verdict.OK, window=Window(NOW + timedelta(hours=hour), NOW + timedelta(hours=hour + 1)))
        for hour in range(3)
    ]
    update(store, good, NOW + timedelta(hours=3))
    for later, values in ((timedelta(hours=4), [0.0]), (timedelta(hours=9), [])):
        registry = CollectorRegistry()
        registry.register(IncidentCollector(store, clock=lambda later=later: NOW + later))
        families = [family for family in registry.collect() if family.name == "modelspan_incident"]
        said = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.labels["incident"] == incident.incident_id
        ]
        assert said == values


def test_an_owner_named_later_makes_no_second_alert(store):
    """What an alert is known by stays as it was when it was opened."""
    named = {"owner": ""}
    window = Window(NOW - timedelta(hours=1), NOW)
    alarm = Result("churn", "1", window, "data_drift", "psi", 0.5, Verdict.ALARM, feature="age")
    for hour, owner in ((0, "risk"), (1, "growth")):
        named["owner"] = owner
        later = replace(alarm, window=Window(window.start + timedelta(hours=hour), window.end + timedelta(hours=hour)))
        update(store, [later], NOW, settings=lambda *_: IncidentSettings(owner=named["owner"]))
    (incident,) = load_open(store)
    assert incident.owner == "risk"


def test_what_was_resolved_just_before_a_restart_is_ended(kept):
    """A process that did not send the alert itself still ends it, once; what was over long ago is left alone."""
    (incident,) = load_open(kept)
    over = replace(incident, status="resolved", resolved_at=NOW)
    for wait, sent in ((timedelta(minutes=1), 1), (timedelta(hours=1), 0)):
        pusher = Pusher(AlertSettings())
        assert [one.ends_at for one in pusher.send([over], NOW + wait)] == [NOW + wait] * sent
        assert pusher.send([over], NOW + wait) == []


def test_settings_for_deployment_are_valid():
    """Prometheus and Alertmanager take the files of `deploy`, and the rules are those that are written today."""
    if shutil.which("promtool") is None or shutil.which("amtool") is None:
        missing("promtool and amtool are not installed")
    for command in (
        ["promtool", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yaml")],
        ["amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yaml")],
    ):
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode == 0, checked.stderr
    assert (DEPLOY / "prometheus" / "modelspan-rules.yaml").read_text() == rule_file(AlertSettings())


@pytest.mark.parametrize("address", ["http://jaeger/{trace}", "http://jaeger/{"])
def test_an_address_that_cannot_be_filled_in_is_refused(address):
    """When the settings are read, not when the first alert is to be sent."""
    with pytest.raises(ConfigError, match="trace_id"):
        parse(f'{{version: 1, alerts: {{trace: "{address}"}}}}')


@pytest.mark.parametrize(("hour", "held"), [(1, False), (2, True), (3, True), (4, False)])
def test_a_cron_window_covers_its_hours(hour, held):
    """Sundays from two to four; the first of March 2026 is one."""
    window = MaintenanceSettings(cron="0 2 * * sun", lasts=timedelta(hours=2))
    assert under_maintenance([window], "churn", NOW.replace(hour=hour, minute=30)) is held


def test_a_maintenance_window_says_once_or_again_and_again():
    """Both or neither is refused."""
    with pytest.raises(ConfigError, match="either"):
        parse("{version: 1, alerts: {maintenance: [{lasts: 1h}]}}")


def test_promtool_accepts_and_passes_all_that_is_generated():
    """The rules are valid, and their generated tests pass for owned and unowned models, odd names and any settings."""
    if shutil.which("promtool") is None:
        missing("promtool is not installed")
    settings = AlertSettings(hold=timedelta(minutes=5), silent_after=timedelta(hours=2), lag=timedelta(minutes=1))
    slow = AlertSettings(hold=timedelta(hours=1), remember=timedelta(minutes=1))
    odd = Owned('we"ird{{ $x }}\\ \n模型', 'v"1', "o'w\"}}n{{er\n")
    two = [Owned("churn", "1.0", "risk"), Owned("fraud", "", "")]
    for chosen, models in ((AlertSettings(), [odd]), (settings, two), (slow, [])):
        assert check(chosen, models).count("SUCCESS") == 2
