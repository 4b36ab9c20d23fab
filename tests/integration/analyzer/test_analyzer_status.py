"""A model's state is one thing: `modelspan status` and the page of the fleet say the same of each."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.checking import Status, ask
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents.update import update
from modelspan_analyzer.monitors.context import LEARNING
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.runner.runs import DONE, Run, write
from modelspan_analyzer.views import fleet
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
WINDOW = Window(START, START + timedelta(hours=1))
CALM = Result(
    "", "1", WINDOW, "data_quality", "null_rate", 0.01, Verdict.OK, feature="age", threshold=0.1, n=500, n_baseline=500
)
DRIFT = replace(CALM, signal="data_drift", metric="psi")
MEASURED = {
    "alarmed": [replace(CALM, verdict=Verdict.ALARM, value=0.5, reason="half are missing"), DRIFT],
    "broken": [CALM, DRIFT, replace(CALM, signal="latency", metric="p95", verdict=Verdict.ERROR, reason="no spans")],
    "learning": [
        replace(CALM, verdict=Verdict.NOT_COMPARED, reason=f"{LEARNING}, 500 of 1,000 predictions", n_baseline=0)
    ],
    "little": [
        replace(CALM, verdict=Verdict.NOT_ENOUGH_DATA, n=3, reason="3 rows"),
        replace(DRIFT, verdict=Verdict.NOT_ENOUGH_DATA, n=3),
    ],
    "sound": [CALM, DRIFT],
    "incident": [replace(CALM, verdict=Verdict.ALARM, value=0.5, reason="half are missing"), DRIFT],
    "unlooked": [],
}
STATES = {
    "alarmed": "alarm",
    "broken": "error: latency could not be looked at: no spans",
    "learning": f"not checked: {LEARNING}, 500 of 1,000 predictions",
    "sound": "healthy",
    "unlooked": "not checked: no window of it was looked at yet",
}
"""What is expected to the letter; of an incident its severity, of little data why."""


def test_a_terminal_and_the_page_say_the_same_of_every_state(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, results in MEASURED.items():
        stamp = pa.array([START], pa.timestamp("ns", "UTC"))
        rows = {"model": [model], "version": ["1"], "timestamp": stamp, "prediction_id": [model]}
        store.insert("predictions", pa.table(rows))
        own = [replace(one, model=model) for one in results]
        if own:
            write_results(store, own, model)
            write(store, [Run(model, model, "1", "", WINDOW, WINDOW.end, WINDOW.end).ended(DONE, WINDOW.end)])
        if model == "incident":
            update(store, [one for one in own if one.verdict is Verdict.ALARM], WINDOW.end)
    place = ["--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]

    assert main(["status", "--json", *place]) == 0
    told = {one["model"]: one["state"] for one in json.loads(capsys.readouterr().out)["models"]}

    page = {one.model: one for one in fleet.read(store, {}, MonitorsConfig(), datetime.now(UTC)).members}
    lacking = ("not_checked", "error")
    assert told == {
        model: f"{one.words}: {one.sentence}" if one.state in lacking else one.words for model, one in page.items()
    }
    assert {model: told[model] for model in STATES} == STATES
    assert told["incident"].endswith(" incident")
    assert told["little"].startswith("not checked: ")


def test_a_tail_of_few_rows_is_told_by_the_window_before_it(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A history ends within its last window: of 1 to 5 rows nothing is known, and the hour before is what tells."""
    random, rows = np.random.default_rng(8), 600
    score, age = random.random(rows), random.normal(40, 10, rows)
    truth = (random.random(rows) < score).astype(int).astype(str)
    table = {"score": score, "age": age, "truth": truth}
    runner = Runner(store, MonitorsConfig())
    lasts = {"short": 3, "alone": 3, "wrong": 3, "full": rows}
    for model, last in lasts.items():
        baselines.set_from_table(store, model, "1", pa.table(table), score="score", label="truth", source="test")
        windows = [(WINDOW, rows), (Window(WINDOW.end, WINDOW.end + timedelta(hours=1)), last)]
        for window, n in windows[model == "alone" :]:
            ids = [f"{model}-{window.start.hour}-{row}" for row in range(n)]
            stamps = pa.array([window.start + timedelta(seconds=row) for row in range(n)], pa.timestamp("ns", "UTC"))
            ages = age[:n] + (30 if model == "wrong" else 0)
            told = {"model": [model] * n, "version": ["1"] * n, "timestamp": stamps, "prediction_id": ids}
            features = feature_maps(pa.table({"age": ages}))
            store.insert("predictions", pa.table({**told, "value": score[:n], **features}))
            store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": truth[:n]}))
            runner.run_window(model, "1", window, partial=n == last)
    assert main(["status", "--json", "--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]) == 0
    told = {one["model"]: one for one in json.loads(capsys.readouterr().out)["models"]}
    until = f"{WINDOW.end:%Y-%m-%d %H:%M} UTC"
    tail = f"; of the window until {until}, as the newest, until {WINDOW.end + timedelta(hours=1):%H:%M}"
    assert told["short"]["state"] == f"healthy{tail}, has too few rows: 3"
    assert told["wrong"]["state"] == f"alarm{tail}, has too few rows: 3"
    assert "data_drift age" in told["wrong"]["alarms"]
    assert told["full"]["state"] == "healthy"
    assert told["alone"]["state"].startswith("not checked: ")
    page = {one.model: one for one in fleet.read(store, {}, MonitorsConfig(), datetime.now(UTC)).members}
    assert page["short"].state == "healthy"
    assert page["short"].sentence.endswith("has too few rows: 3")
    assert ask(store, "short", "1", now=WINDOW.end, signals=[]).status is Status.NOT_CHECKED
