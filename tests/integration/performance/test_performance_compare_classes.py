"""Two versions are compared as what the model is: odd labels of either are left out, counted and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Window
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 1000
RNG = np.random.default_rng(12)
NAMES = np.array(["no", "yes"])
TRUTH = NAMES[RNG.integers(0, 2, ROWS)]
RIGHT = {"1": 0.8, "2": 0.9}
ODD = "disputed"
Words = npt.NDArray[np.str_]


def answers(truth: Words, right: float) -> Words:
    """Rightly that often."""
    return np.where(RNG.random(truth.size) < right, truth, np.where(truth == "no", "yes", "no"))


def serve(store: Store, version: str, label: Words, truth: Words) -> None:
    """A version's answers within the hour, each with its label."""
    ids = [f"{version}-{row}" for row in range(label.size)]
    stamps = pa.array([START + timedelta(seconds=3 * row) for row in range(label.size)], pa.timestamp("ns", "UTC"))
    rows = {"model": ["m"] * label.size, "version": [version] * label.size, "timestamp": stamps, "prediction_id": ids}
    store.insert("predictions", pa.table({**rows, "label": label}))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": truth}))


@pytest.mark.parametrize("odd", ["1", "2"], ids=["champion", "challenger"])
@pytest.mark.parametrize("known", ["baseline", "card", "the other version"])
def test_a_label_of_no_class_of_either_version_leaves_it_one_of_two(store: Store, known: str, odd: str) -> None:
    """One in a thousand: measures are those of the others, of a binary model, and what is left out is said."""
    for version, right in RIGHT.items():
        truth = np.where((np.arange(ROWS) == 7) & (version == odd), ODD, TRUTH)
        serve(store, version, answers(TRUTH, right), truth)
    if known == "baseline":
        table = pa.table({"answer": TRUTH, "truth": TRUTH, "x": RNG.random(ROWS)})
        baselines.set_from_table(store, "m", "1", table, prediction="answer", label="truth", source="test")
    if known == "card":
        stamps = pa.array([START], pa.timestamp("ns", "UTC"))
        card = {"model": ["m"], "version": ["1"], "timestamp": stamps, "task": ["binary"], "classes": [["no", "yes"]]}
        store.insert("models", pa.table(card))
    found = compare(store, "m", "1", "2", WINDOW, PerformanceSettings())
    measured = {one.metric: one for one in found.measures}
    assert "recall" in measured, "it is compared as a model of several classes"
    rows = measured["accuracy"].champion_rows, measured["accuracy"].challenger_rows
    assert rows == ((ROWS - 1, ROWS) if odd == "1" else (ROWS, ROWS - 1))
    counts = "1 of the champion, 0" if odd == "1" else "0 of the champion, 1"
    assert found.left_out == f"labels of {ODD}, no class of the model, are left out: {counts} of the challenger"


def test_without_odd_labels_nothing_is_left_out(store: Store) -> None:
    for version, right in RIGHT.items():
        serve(store, version, answers(TRUTH, right), TRUTH)
    assert compare(store, "m", "1", "2", WINDOW, PerformanceSettings()).left_out == ""


def test_a_class_that_a_version_answers_is_one_of_the_model(store: Store) -> None:
    """A challenger that was taught a third class is compared as one of three, over those that both have rows of."""
    more = np.where(np.arange(ROWS) % 10 == 0, "maybe", TRUTH)
    table = pa.table({"answer": TRUTH, "truth": TRUTH, "x": RNG.random(ROWS)})
    baselines.set_from_table(store, "m", "1", table, prediction="answer", label="truth", source="test")
    serve(store, "1", answers(TRUTH, 0.9), TRUTH)
    serve(store, "2", more, more)
    found = compare(store, "m", "1", "2", WINDOW, PerformanceSettings())
    assert found.left_out == ""
    f1 = next(one for one in found.measures if one.metric == "f1_macro")
    assert f1.left_out == ("maybe (no rows in the champion)",)
    assert f1.challenger.value == pytest.approx(1.0)


def test_the_terminal_says_what_is_left_out(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version, right in RIGHT.items():
        odd = np.arange(ROWS) < 3
        serve(store, version, answers(TRUTH, right), np.where(odd & (version == "2"), ODD, TRUTH))
    place = ["--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]
    period = ["--start", START.isoformat(), "--end", WINDOW.end.isoformat()]
    assert main(["compare", "m", "1", "2", *period, *place]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"labels of {ODD}, no class of the model, are left out: 0 of the champion, 3 of the challenger." in told
