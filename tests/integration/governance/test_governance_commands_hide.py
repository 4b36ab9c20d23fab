"""Beside an instance, commands show what is stored as its rules of redaction let it be shown today."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import feedback, load_open, update
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import runs
from modelspan_cli.main import main
from modelspan_collector.access.rules import Redaction
from modelspan_collector.running import LOOPBACK, Ports, Running, announce
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOW = Window(END - timedelta(hours=1), END)
LEAST = 100
RULES = Redaction(drop=("email",), hash=("plan",), mask=("ann@[a-z.]+",), key=b"a key of thirty-two bytes or more")


@pytest.fixture
def place(store: Store, tmp_path: Path) -> Iterator[list[str]]:
    """How commands reach an instance with younger rules than what its store has of features that they hide."""
    drifted = ("m", "1", WINDOW, "data_drift", "psi", 2.0, Verdict.ALARM)
    results = [
        Result(*drifted, feature=name, n=500, reason=f"{name} moved: {said}")
        for name, said in (("email", "most in x@y.org"), ("plan", "most in 'gold'"), ("age", "as ann@x.org wrote"))
    ]
    write_results(store, results, "run", END)
    run = runs.Run("run", "m", "1", "", WINDOW, END, END)
    runs.write(store, [run.ended(runs.DONE, END)])
    update(store, results, END)
    _answered(store)
    feedback.give(store, load_open(store)[0].incident_id, "noise", actor="ann@x.org", now=END)
    audit.record(store, "baseline set", model="m", actor="ann@x.org", details={"source": "of email"})
    server = SqlServer(store, port=0)
    server.start()
    ports = Ports(grpc=0, http=0, sql=server.port, web=0)
    announce(tmp_path, Running(os.getpid(), LOOPBACK, "", ports, redaction=RULES.as_note()))
    yield ["--data", str(tmp_path), "--database", store.database]
    server.stop()


def _answered(store: Store) -> None:
    """A baseline, and two versions with labels and attributions, of features that are hidden, and of others."""
    size = 2 * LEAST
    features = {"email": ["x@y.org"] * size, "plan": ["gold"] * size, "city": ["ann@x.org", "Rome"] * LEAST}
    attributed = pa.array([[("email", 0.5), ("age", 0.2)]] * size, pa.map_(pa.string(), pa.float64()))
    for version in ("1", "2"):
        ids = pa.array([f"{version}-{row}" for row in range(size)])
        stamps = pa.array([WINDOW.start + timedelta(seconds=row) for row in range(size)], pa.timestamp("ns", "UTC"))
        whose = {"model": ["m"] * size, "version": [version] * size, "timestamp": stamps, "prediction_id": ids}
        answers = {"label": ["yes", "no"] * LEAST, "attributions": attributed}
        store.insert("predictions", pa.table({**whose, **answers, **feature_maps(pa.table(features))}))
        truths = {"label": ["yes", "yes", "no", "no"] * (LEAST // 2)}
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, **truths}))
    baselines.set_from_window(store, "m", "1", WINDOW)
    table = pa.table({"age": [1.0] * LEAST, "email": ["x@y.org"] * LEAST})
    baselines.set_from_table(store, "m", "2", table, source="SELECT email, age FROM of_people")


@pytest.mark.parametrize(
    "command",
    [
        ["status"], ["status", "--json"], ["check", "--model", "m"], ["check", "--model", "m", "--json"],
        ["incidents"], ["incidents", "--json"], ["audit"], ["audit", "--json"], ["report", "m"],
        ["why", "m", "--since", "3h"], ["why", "m", "--since", "3h", "--json"],
        ["baseline", "list"], ["baseline", "list", "--json"], ["feedback"], ["feedback", "--json"],
        ["compare", "m", "1", "2"], ["compare", "m", "1", "2", "--json"],
        ["constraints", "suggest", "--model", "m", "--version", "1"],
        ["constraints", "statistics", "--model", "m", "--version", "1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_command_says_what_is_hidden(
    place: list[str], capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Neither a dropped name, nor a hashed feature's values, nor what is masked."""
    main([*command, *place])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    for word in ("email", "x@y.org", "gold", "ann@"):
        assert word not in told.out + told.err, word


def test_what_is_not_hidden_is_told(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Also beside what is: of a comparison its numbers, of a baseline its rows, of constraints the other features."""
    assert main(["compare", "m", "1", "2", *place]) == 0
    told = capsys.readouterr().out
    assert "accuracy" in told and "age" in told
    assert main(["baseline", "list", *place]) == 0
    assert f"{2 * LEAST}" in capsys.readouterr().out
    assert main(["constraints", "suggest", "--model", "m", "--version", "1", *place]) == 0
    told, said = capsys.readouterr()
    assert [one["name"] for one in json.loads(told)["features"]] == ["city"] and "Rome" in told
    assert said == "2 of the features are redacted, and left out\n"


def test_what_is_left_out_is_counted(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And the answer stays: what stands against a model stands against it, shown or not."""
    assert main(["check", "--model", "m", *place]) == 3
    told = capsys.readouterr().out
    assert told.splitlines()[0] == "3 results stand against m"
    assert "  1 of the results are of what is redacted" in told.splitlines()


def test_a_question_about_what_is_hidden_is_refused(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An answer would tell whether a guess is right."""
    assert main(["why", "m", "--since", "3h", "--feature", "email", *place]) == 1
    assert "it is redacted" in capsys.readouterr().err


def test_sql_shows_what_is_stored(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As it says: the store itself is not changed by a rule that comes later."""
    assert main(["sql", "SELECT count() FROM monitor_results WHERE feature = 'email'", *place]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == 1


def test_the_note_brings_the_rules_as_they_are() -> None:
    """All of them, with the key of the hashes."""
    assert Redaction.from_note(json.loads(json.dumps(RULES.as_note()))) == RULES
    assert Redaction.from_note({}) == Redaction()
