"""No command says that all is well where nothing was looked at: every command that reads, on stores that tell nothing.

A command that reads the store and is in neither table below fails the last test: it is swept, or says why not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import modelspan_cli.commands as commands
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.runner import Runner
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
WINDOW = Window(START, START + timedelta(hours=1))
CLAIM = re.compile(r"\b(ok|okay|healthy|passed|well|fine|clear|nothing stands|no alarm|no problem)\b", re.IGNORECASE)
Run = Callable[..., tuple[int, str]]

STATES = {"unknown": 0, "unlooked": 400, "empty": 0, "single": 1, "alone": 400, "labelled": 400}
"""Models, and their rows: of `unlooked` no window was looked at; `alone` has neither baseline nor labels, `labelled`
labels and nothing to compare what they say with."""

SWEPT = {
    "check": ("check --model {model}", {4}),
    "compare": ("compare {model} 1 2", {1}),
    "explain": ("explain {model}-0", {1}),
    "why": ("why {model}", {1}),
    "incidents": ("incidents --model {model}", {0}),
    "report": ("report {model}", {0}),
    "constraints": ("constraints suggest --model {model}", {0, 1}),
    "baseline": ("baseline list --model {model} --json", {0}),
    "status": ("status --json", {0}),
    "stage": ("stage {model}", {0}),
}
"""Each command with its exit statuses; 0 only where it gives no answer about the model's health."""
ELSEWHERE = {
    "alerts": "pushes what is open, and says how many",
    "analyzer": "counts verdicts by name; what each is worth is swept monitor by monitor",
    "audit": "lists what was done",
    "backup": "copies",
    "collector": "receives",
    "digest": "names what was not looked at, which is swept with its numbers",
    "feedback": "writes what a person says of an incident",
    "import": "brings predictions in, and says how many",
    "monitors": "says whether a file is one, and looks at no model",
    "replay": "swept below, in a process of its own",
    "schema": "tells the schema's version",
    "sql": "answers what is asked",
    "up": "runs all of it",
}


@pytest.fixture(scope="module", autouse=True)
def filled(shared_store: Store) -> Store:
    """The states, each as a model."""
    runner = Runner(shared_store, MonitorsConfig())
    for model, rows in STATES.items():
        if model in ("empty", "single"):
            table = pa.table({"age": np.arange(500.0), "score": np.linspace(0, 1, 500)})
            baselines.set_from_table(shared_store, model, "1", table, score="score", source="test")
        if rows:
            stamps = pa.array([START + timedelta(seconds=row) for row in range(rows)], pa.timestamp("ns", "UTC"))
            ids = [f"{model}-{row}" for row in range(rows)]
            names = {"model": [model] * rows, "version": ["1"] * rows, "timestamp": stamps, "prediction_id": ids}
            whole = {
                **names,
                "value": np.linspace(0, 1, rows),
                **feature_maps(pa.table({"age": np.arange(float(rows))})),
            }
            shared_store.insert("predictions", pa.table(whole))
        if model == "labelled":
            labels = {"prediction_id": ids, "timestamp": stamps, "label": [str(row % 2) for row in range(rows)]}
            shared_store.insert("labels", pa.table(labels))
        if model not in ("unknown", "unlooked"):
            runner.run_window(model, "1", WINDOW)
    return shared_store


@pytest.fixture
def modelspan(engine_dsn: str, filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command on the store; its exit status, and all that it prints."""

    def run(command: str) -> tuple[int, str]:
        place = ["--store", engine_dsn, "--database", filled.database, "--data", str(tmp_path)]
        status = main([*command.split(), *place])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    yield run


@pytest.mark.parametrize("model", STATES)
@pytest.mark.parametrize("name", SWEPT)
def test_no_command_says_that_all_is_well_where_nothing_was_looked_at(modelspan: Run, name: str, model: str) -> None:
    """Its exit status is the one for "not known", and its words claim nothing."""
    command, statuses = SWEPT[name]
    status, said = modelspan(command.format(model=model))
    assert status in (statuses if model != "unknown" or "{model}" not in command else {1}), said
    assert not CLAIM.search(said), said
    assert said.strip(), "it says nothing"


def test_the_states_in_status_say_what_is_lacking(modelspan: Run) -> None:
    """Never healthy: not checked, for a reason."""
    states = {one["model"]: one["state"] for one in json.loads(modelspan("status --json")[1])["models"]}
    assert states["unlooked"] == "not checked: no window of it was looked at yet"
    assert all(states[model].startswith("not checked: ") for model in ("single", "alone", "labelled")), states
    assert states["alone"] == f"not checked: learning the baseline, {STATES['alone']} of 1,000 predictions"


def test_no_incident_of_what_was_not_looked_at_is_no_all_clear(modelspan: Run) -> None:
    """`incidents` says that nothing is known of a model that no window was looked at of."""
    assert "looked at" in modelspan("incidents --model unlooked")[1]
    assert "looked at" not in modelspan("incidents --model alone")[1]


@pytest.mark.parametrize("more", [[], ["--signal", "performance"], ["--signal", "concept"]], ids=" ".join)
def test_labels_that_came_are_no_verdict_on_what_they_say(modelspan: Run, more: list[str]) -> None:
    """`labels_share` is ok, and so is a window whose parts do not differ; the model passes by neither."""
    status, said = modelspan(" ".join(["check --model labelled", *more]))
    assert (status, "not checked" in said) == (4, True), said
    assert not CLAIM.search(said), said


@pytest.mark.parametrize("command", ["status", "baseline list", "schema views", "audit", "incidents", "feedback"])
def test_a_store_without_anything_is_answered_with_a_sentence(
    engine_dsn: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Not with the heads of an empty table, nor with nothing."""
    place = ["--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]
    assert main([*command.split(), *place]) == 0
    printed = capsys.readouterr()
    assert re.search(r"\b(no|nobody|nothing)\b", printed.out + printed.err)
    assert not CLAIM.search(printed.out + printed.err)


def test_a_version_is_not_compared_with_itself(modelspan: Run) -> None:
    """It would be found to be as good."""
    status, said = modelspan("compare labelled 1 1")
    assert (status, "name two versions" in said) == (1, True)


def test_a_replay_of_next_to_nothing_is_not_checked(tmp_path: Path) -> None:
    """A window of one row, without labels: table and sum say not checked, with the reason, and nothing is ok."""
    (tmp_path / "history.csv").write_text("age,score\n40,0.5\n41,0.25\n")
    command = f"replay {tmp_path / 'history.csv'} --model m --version 1 --prediction score --baseline 0.5"
    whole = [sys.executable, "-m", "modelspan_cli", *command.split(), "--data", str(tmp_path / "data")]
    ended = subprocess.run(whole, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("not checked") == 2
    assert not re.search(r"\bok\b", ended.stdout)


def test_every_command_that_reads_is_swept_or_says_why_not() -> None:
    """A new command is in one of the tables."""
    folder = Path(commands.__file__).parent
    readers = {file.stem for file in folder.glob("*.py") if "reading" in file.read_text()}
    assert readers <= SWEPT.keys() | ELSEWHERE.keys()
    assert not SWEPT.keys() & ELSEWHERE.keys()
