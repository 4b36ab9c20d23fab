"""`modelspan why`, `incidents` and `feedback`, and the same over HTTP, against a store with a fault in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
import why
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from why_causes import timeout
from why_systems import END, HOURS, START, build

from modelspan_analyzer.exposition_otlp import provide
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.systems import system_routes
from modelspan_cli.main import main
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import DEFAULT_DATABASE, connect

PREDICTIONS = 4000
ENDED = datetime.fromtimestamp(END / 1e9, UTC)
WINDOW = Window(ENDED - timedelta(hours=HOURS / 2), ENDED)
PRICES = "{version: 1, defaults: {costs: {replica_hour: 2.0, replicas: 3.0}}}"


@pytest.fixture(scope="module")
def fault(engine_dsn):
    """The commands' own database, with a time-out in it that a monitor found; the system, and what was done to it."""
    store = connect(engine_dsn, DEFAULT_DATABASE)
    schema.apply(store)
    system = build(np.random.default_rng([4, 0]), PREDICTIONS)
    injection = timeout(system)
    why.fill(store, system)
    version = system.services["model"].versions[0]
    alarm = Result(
        system.model,
        version,
        WINDOW,
        "data_quality",
        "null_rate",
        0.3,
        Verdict.ALARM,
        feature=injection.feature,
        n=2000,
    )
    write_results(store, [alarm], "run")
    Responder(store, parse("{version: 1}"))([alarm], ENDED)
    yield store, system, injection
    store.command(f"DROP DATABASE {DEFAULT_DATABASE}")
    store.close()


@pytest.fixture
def ask(engine_dsn, capsys, fault):
    """Run a command on the store; its status, output and messages."""

    def run(*arguments):
        status = main([*arguments, "--store", engine_dsn])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


SINCE = ("--since", f"{WINDOW.start:%Y-%m-%dT%H:%M:%S}", "--until", f"{ENDED:%Y-%m-%dT%H:%M:%S}")


def test_why_explains_what_the_monitors_found(ask, fault):
    """The model's alarm, its incident, and a question of one's own give the same first cause."""
    store, system, injection = fault
    (incident,) = load_open(store)
    service = injection.truth[0].service
    status, said, _ = ask("why", system.model, *SINCE)
    assert (status, f"`{service} GET /" in said.splitlines()[0]) == (0, True)
    answers = [
        json.loads(ask("why", *about, *SINCE, "--json")[1])
        for about in ((incident.incident_id,), (system.model, "--kind", "missing", "--feature", injection.feature))
    ]
    assert {answer[0]["causes"][0]["service"] for answer in answers} == {service}


def test_why_without_an_answer_says_so(ask, fault):
    """A kind of question that nothing explains has exit status 1, and a quiet model an error that offers one."""
    _, system, _ = fault
    status, said, _ = ask("why", system.model, "--kind", "missing", "--feature", "age", *SINCE)
    assert (status, "age" in said) == (1, True)
    status, _, message = ask("why", system.model, "--feature", "no-such", *SINCE)
    assert (status, "with a kind" in message) == (1, True)


def test_why_in_the_other_direction_and_broken_down(ask, fault, tmp_path):
    """The service names the model's missing feature; the model names its stages and what a thousand cost."""
    _, system, injection = fault
    onset = datetime.fromtimestamp(system.onset / 1e9, UTC)
    since = ("--since", f"{onset:%Y-%m-%dT%H:%M:%S}", *SINCE[2:])
    status, said, _ = ask("why", injection.truth[0].service, "--service", *since)
    assert (status, said.startswith(f"{system.model}: missing {injection.feature} went from")) == (0, True)
    assert ask("why", "no-such-service", "--service", *since)[:2] == (1, "")
    prices = tmp_path / "monitors.yaml"
    prices.write_text(PRICES)
    _, said, _ = ask("why", system.model, "--breakdown", "--config", str(prices), *SINCE)
    assert "predict" in said
    paid = json.loads(ask("why", system.model, "--breakdown", "--config", str(prices), *SINCE, "--json")[1])["cost"]
    assert paid["serving"] == pytest.approx(3 * 2.0 * HOURS / 2)
    prices.write_text("{version: 1, defaults: {costs: {prediction: tag.cost}}}")
    assert "none of them tells" in ask("why", system.model, "--breakdown", "--config", str(prices), *SINCE)[1]


def test_incidents_are_listed_and_shown(ask, fault):
    """The list names the incident, one incident has its timeline, and an unknown one is an error."""
    (incident,) = load_open(fault[0])
    assert [one["incident_id"] for one in json.loads(ask("incidents", "--json")[1])] == [incident.incident_id]
    assert incident.incident_id in ask("incidents", "--status", "open")[1]
    shown = ask("incidents", incident.incident_id)[1]
    assert f"why: {incident.why}" in shown
    assert "opened by the window" in shown
    status, _, message = ask("incidents", "nope")
    assert (status, "no incident 'nope'" in message) == (1, True)


def test_feedback_is_recorded_and_counted(ask, fault):
    """An opinion is kept with who gave it, counted by monitor, and demanded where it is left out."""
    (incident,) = load_open(fault[0])
    assert ask("feedback", incident.incident_id, "useful", "--actor", "ann")[0] == 0
    (counted,) = json.loads(ask("feedback", "--json")[1])
    assert (counted["useful"], counted["noise"], counted["mostly_noise"]) == (1, 0, False)
    assert "1 useful, 0 noise" in ask("feedback")[1]
    status, _, message = ask("feedback", incident.incident_id)
    assert (status, "say what you think" in message) == (1, True)
    assert ask("feedback", "nope", "noise")[0] == 1


def test_moved_and_breakdown_over_http(fault):
    """Both answer as the commands do, and say what is wrong with a request."""
    store, system, injection = fault
    server = AsgiServer(application(system_routes(store, parse(PRICES))), "127.0.0.1", 0)
    server.start()
    onset = datetime.fromtimestamp(system.onset / 1e9, UTC)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        times = {"since": onset.isoformat(), "until": ENDED.isoformat()}
        found = client.get("/api/moved", params={"service": injection.truth[0].service, **times}).json()
        assert (found[0]["model"], found[0]["measure"]) == (system.model, f"missing {injection.feature}")
        parts = client.get("/api/breakdown", params={"model": system.model, **times}).json()
        assert {f"predict {system.model}", "POST /score"} <= {stage["span_name"] for stage in parts["stages"]}
        assert parts["cost"]["per_thousand"] > 0
        unknown = client.get("/api/breakdown", params={"model": "nobody", **times})
        assert unknown.status_code in (400, 404), unknown.text
        assert system.model in unknown.json()["error"]  # those that there are
        for path, given, part in (
            ("/api/moved", {}, "which service"),
            ("/api/breakdown", {"model": "m", "since": "soon"}, "no time"),
        ):
            answer = client.get(path, params=given)
            assert (answer.status_code, part in answer.json()["error"]) == (400, True)
    server.stop()


def test_open_incidents_go_over_otlp(fault):
    """An OpenTelemetry reader collects the incident with its labels, twice alike, and the heartbeat moves."""
    store, system, _ = fault
    (incident,) = load_open(store)
    reader = InMemoryMetricReader()
    provider = provide(store, reader)
    beats = []
    for _ in range(2):
        (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
        points = {metric.name: metric.data.data_points for metric in scope.metrics}
        (point,) = points["modelspan.incident"]
        assert point.attributes["modelspan.incident"] == incident.incident_id
        assert point.attributes["modelspan.model.name"] == system.model
        beats.append(points["modelspan.heartbeat"][0].value)
    provider.shutdown()
    assert START / 1e9 < beats[0] < beats[1]
