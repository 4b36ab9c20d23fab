"""Whether a version is ready: what is there, what is missing and what to do, and what nobody looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from modelspan_analyzer.checking import Status
from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.decisions import decide
from modelspan_analyzer.governance.notice import SETTINGS_CHANGED
from modelspan_analyzer.readiness import State, readiness
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

NOW = datetime.now(UTC)
WINDOW = Window(NOW - timedelta(hours=1), NOW)
CARD = {"owner": "eve", "task": "classification", "classes": ["no", "yes"], "training_data": '{"rows": 10}'}


def predict(store: Store, version: str = "1", labels: int = 0) -> None:
    """Ten predictions, of which some have labels; another outcome is no label."""
    ids = [f"{version}-{row}" for row in range(10)]
    times = pa.array([NOW - timedelta(minutes=5)] * 10, pa.timestamp("ns", "UTC"))
    names = {"model": ["loans"] * 10, "prediction_id": ids, "timestamp": times}
    store.insert("predictions", pa.table({**names, "version": [version] * 10, "label": ["yes"] * 10}))
    store.insert("labels", pa.table({**names, "value": [1.0] * 10, "outcome": ["revenue"] * 10}))
    if labels:
        store.insert("labels", pa.table({**names, "label": ["yes"] * 10})[:labels])


def register(store: Store, version: str = "1", **changed: object) -> None:
    card = {"model": "loans", "version": version, "timestamp": NOW, **CARD, **changed}
    store.insert("models", pa.Table.from_pylist([card]))


def judge(store: Store, signal: str, verdict: Verdict, reason: str = "") -> None:
    found = Result("loans", "1", WINDOW, signal, "measure", 0.5, verdict, reason=reason, n=10)
    write_results(store, [found], signal)


def tell(store: Store) -> None:
    """Somebody put it into production, and approved it."""
    for decision in ("production", "approve"):
        decide(store, "loans", "1", decision, reason="validated", actor="eve", now=NOW)


def states(store: Store, version: str | None = None) -> dict[str, State]:
    return {line.need: line.state for line in readiness(store, "loans", version, NOW).lines}


def test_the_owner_of_the_settings_answers_for_it_too(store: Store) -> None:
    """As an incident calls whom they name: those that the analyzer last ran by."""
    predict(store)
    details = {"settings": {"incidents.owner": "risk-team"}}
    audit.record(store, SETTINGS_CHANGED, actor="analyzer", model="loans", version="1", details=details)
    told = {line.need: line for line in readiness(store, "loans", "1", NOW).lines}["owner"]
    assert (told.state, told.said.startswith("risk-team, by the monitors.yaml")) == (State.OK, True)


def test_of_a_model_that_only_predicts_all_is_missing_or_not_looked_at(store: Store) -> None:
    """Each line says what to do; another outcome is no label."""
    predict(store)
    found = readiness(store, "loans", None, NOW)
    assert (found.version, found.status) == ("1", Status.ALARM)
    told = {line.need: line for line in found.lines}
    for need, to_do in {
        "owner": "modelspan.register",
        "card": "modelspan.register",
        "baseline": "modelspan baseline set --model loans",
        "labels": "modelspan.label(...)",
    }.items():
        assert told[need].state is State.MISSING
        assert to_do in told[need].said
    for need in ("fairness", "explanation"):
        assert told[need].state is State.NOT_LOOKED_AT
        assert "modelspan analyzer run" in told[need].said


def test_what_is_there_is_ok_and_said(store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it: the exit status is 0, in words and as JSON; alarms are not its question."""
    predict(store, labels=4)
    register(store)
    tell(store)
    baselines.set_from_table(store, "loans", "1", pa.table({"age": [1.0, 2.0]}), features=["age"], source="test")
    judge(store, "fairness", Verdict.ALARM)
    judge(store, "attribution", Verdict.OK)
    place = ["--store", engine_dsn, "--database", store.database]
    assert main(["check", "--model", "loans", "--ready", *place]) == 0
    said = capsys.readouterr().out
    assert "loans 1 is ready" in said
    assert "ok: labels: 4 of 10 predictions" in said
    assert main(["check", "--model", "loans", "--version", "1", "--ready", "--json", *place]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "passed"
    assert {line["state"] for line in answer["lines"]} == {"ok"}
    assert main(["check", "--model", "loans", "--ready", "--signal", "fairness", *place]) == 1


def test_what_could_not_be_judged_never_passes(store: Store) -> None:
    """A signal that says why; one that nobody set up, where others run; one that fails; a card without its classes."""
    predict(store, labels=4)
    register(store, classes=[])
    baselines.set_from_table(store, "loans", "1", pa.table({"age": [1.0, 2.0]}), features=["age"], source="test")
    judge(store, "fairness", Verdict.NOT_ENOUGH_DATA, "10 rows against 0; both need 100")
    told = {line.need: line for line in readiness(store, "loans", "1", NOW).lines}
    assert told["fairness"].state is State.NOT_LOOKED_AT
    assert "both need 100" in told["fairness"].said
    assert told["explanation"].state is State.MISSING
    assert "attribution" in told["explanation"].said
    assert told["card"].state is State.MISSING
    assert "classes" in told["card"].said
    judge(store, "attribution", Verdict.ERROR, "no module named scorer")
    assert (
        "no module named scorer"
        in {line.need: line for line in readiness(store, "loans", "1", NOW).lines}["explanation"].said
    )
    register(store, task="regression", classes=[])
    tell(store)
    judge(store, "attribution", Verdict.OK)
    assert readiness(store, "loans", "1", NOW).status is Status.NOT_CHECKED


def test_each_version_is_asked_for_itself(store: Store) -> None:
    """What another one has counts for none; without a name it is the one that predicted last."""
    register(store)
    predict(store, labels=4)
    assert states(store, "1")["owner"] is State.OK
    assert states(store, "2")["card"] is State.MISSING
    assert states(store, "2")["owner"] is State.OK  # who is called where no card of the version names anybody
    assert states(store, "2")["labels"] is State.NOT_LOOKED_AT
