"""A guess that labels speak against is named wherever somebody looks, with what settles it; told, it is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reports import write
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views.report import read
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_cli.main import main
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 600
RNG = np.random.default_rng(5)
TRUTH = RNG.integers(0, 2, ROWS)
FAR = TRUTH + RNG.normal(-0.5, 1.5, ROWS)
"""As a `decision_function` gives it."""
SIGNS = np.where(RNG.random(ROWS) < 0.8, TRUTH, 1 - TRUTH) * 2.0 - 1.0
COUNTS = RNG.integers(0, 6, ROWS).astype(float)
WORDS = np.where(TRUTH == 1, "yes", "no").tolist()
SETTLED = "`modelspan.register(..., task=...)`, or `performance: {task: ...}` in monitors.yaml, settles it"
Looked = Callable[..., dict[str, Result]]


@pytest.fixture
def looked(store: Store) -> Looked:
    """Stores answers with labels, has the window looked at, and gives what performance says by metric."""

    def run(answers: dict[str, Any], labels: dict[str, Any], yaml: str = "", card: str = "") -> dict[str, Result]:
        ids, stamps = [f"p{row}" for row in range(ROWS)], pa.array([START] * ROWS, pa.timestamp("ns", "UTC"))
        whole = {"model": ["m"] * ROWS, "version": ["1"] * ROWS, "timestamp": stamps, "prediction_id": ids}
        store.insert("predictions", pa.table({**whole, **answers}))
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, **labels}))
        if card:
            said = {"model": ["m"], "version": ["1"], "timestamp": stamps[:1], "task": [card]}
            store.insert("models", pa.table(said))
        config = parse(yaml or "{}")
        found = Runner(store, config, respond=Responder(store, config)).run_window("m", "1", WINDOW)
        return {one.metric: one for one in found if one.signal == "performance"}

    return run


@pytest.mark.parametrize("answer", [FAR, SIGNS, COUNTS, 100 * RNG.random(ROWS)], ids=["far", "signs", "counts", "100"])
@pytest.mark.parametrize("labels", [{"label": TRUTH.astype(str)}, {"value": TRUTH.astype(float)}], ids=["text", "number"])  # fmt: skip # noqa: E501
def test_numbers_beside_labels_of_two_classes_are_a_guess_that_is_named(
    looked: Looked, answer: np.ndarray, labels: dict[str, Any]
) -> None:
    """They are measured as numbers, as before, and it is a warning that names both and what settles it."""
    found = looked({"value": answer}, labels)
    assert found["mean_absolute_error"].value == pytest.approx(np.abs(answer - TRUTH).mean())
    said = found["labels_share"]
    assert said.verdict == "warning"
    assert f"answers are taken for numbers, though labels are 0, 1 alone, as of classes: {SETTLED}" in said.reason


@pytest.mark.parametrize("told", [{"yaml": "defaults: {performance: {task: classification}}"}, {"card": "binary"}])
def test_what_is_told_is_no_guess(looked: Looked, told: dict[str, str]) -> None:
    """By monitors.yaml or by the card: the scores are measured by the order that they give."""
    found = looked({"value": FAR}, {"label": TRUTH.astype(str)}, **told)
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH, FAR))
    assert (found["labels_share"].verdict, found["labels_share"].details["guess"]) == ("ok", "")


def test_a_card_counts_before_the_settings(looked: Looked) -> None:
    """What the model's owner says of it is not overruled by a default, and that they differ is said."""
    yaml = "defaults: {performance: {task: classification}}"
    found = looked({"value": FAR}, {"label": TRUTH.astype(str)}, yaml=yaml, card="regression")
    assert found["mean_absolute_error"].value == pytest.approx(np.abs(FAR - TRUTH).mean())
    assert found["labels_share"].verdict == "ok"
    said = "the model's card says regression, which counts, and `performance: {task: classification}` in monitors.yaml"
    assert f"{said} does not" in found["labels_share"].reason


def test_a_card_and_settings_that_say_the_same_are_not_told_apart(looked: Looked) -> None:
    """A binary classification is one."""
    yaml = "defaults: {performance: {task: classification}}"
    found = looked({"value": FAR}, {"label": TRUTH.astype(str)}, yaml=yaml, card="binary classification")
    assert "monitors.yaml" not in found["labels_share"].reason


@pytest.mark.parametrize("card", ["", "regression"])
def test_labels_that_are_no_numbers_beside_numbers_are_an_error(looked: Looked, card: str) -> None:
    """Nothing can be compared, whoever said that answers are numbers; where nobody did, it says what settles it."""
    found = looked({"value": FAR}, {"label": WORDS}, card=card)
    one = found["mean_absolute_error"]
    assert (one.verdict, one.value) == ("error", None)
    said = "answers are numbers, and labels none (no, yes): no answer can be compared with them"
    assert one.reason == (said if card else f"{said}; {SETTLED}")
    assert "root_mean_squared_error" not in found


def test_whole_numbers_that_are_taken_for_classes_are_named(looked: Looked) -> None:
    """They may be counts: nothing speaks against either."""
    found = looked({"label": COUNTS.astype(int).astype(str)}, {"label": COUNTS.astype(int).astype(str)})
    assert found["accuracy"].value == 1
    assert "answers are whole numbers, and are taken for classes, not for numbers" in found["labels_share"].reason
    assert found["labels_share"].verdict == "ok"


def test_numbers_beside_numbers_are_no_guess_to_speak_of(looked: Looked) -> None:
    """Labels of many values bear it out."""
    found = looked({"value": FAR}, {"value": FAR + RNG.normal(0, 1, ROWS)})
    assert found["labels_share"].verdict == "ok"
    assert found["labels_share"].reason == f"labels are in for {ROWS} of {ROWS} predictions"


def test_it_is_named_by_status_pages_and_reports(
    looked: Looked, store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever somebody looks, in the same words."""
    looked({"value": FAR}, {"label": TRUTH.astype(str)})
    said = "taken for numbers, though labels are 0, 1 alone"
    assert main(["status", "--store", engine_dsn, "--database", store.database]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
    config = MonitorsConfig()
    report = read(store, {"model": "m"}, config, datetime.now(UTC))
    for form in (".html", ".md", ".json"):
        assert said in " ".join(write(report, form).decode().split()), form
    server = AsgiServer(application([], page_routes(store, config)), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as asking:
        page = asking.get("/model", params={"model": "m"}, headers={"accept": "text/html"})
    server.stop()
    assert said in " ".join(page.text.split())


TWO = """
defaults:
  experiments: [{name: next, champion: "1", challenger: "2"}]
"""
TOLD = "  performance: {task: classification}\n"


def two_versions(store: Store) -> None:
    """Answers of two versions that are far from 0 and 1, and labels of two classes."""
    for version in "12":
        ids, stamps = [f"{version}-{row}" for row in range(ROWS)], pa.array([START] * ROWS, pa.timestamp("ns", "UTC"))
        whole = {"model": ["m"] * ROWS, "version": [version] * ROWS, "timestamp": stamps, "prediction_id": ids}
        store.insert("predictions", pa.table({**whole, "value": FAR}))
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": TRUTH.astype(str)}))


@pytest.mark.parametrize(("yaml", "denied"), [(TWO, True), (TWO + TOLD, False)])
def test_comparisons_of_versions_name_it_and_take_what_settles_it(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], yaml: str, denied: bool
) -> None:
    """An experiment's loss and `modelspan compare`, which measured numbers where monitors.yaml says classes."""
    two_versions(store)
    said = "taken for numbers, though labels are 0, 1 alone"
    found = {one.metric: one for one in Runner(store, parse(yaml)).run_window("m", "2", WINDOW)}
    assert (said in found["next.loss"].reason) == denied
    (file := tmp_path / "monitors.yaml").write_text(yaml)
    asked = ["compare", "m", "1", "2", "--config", str(file), "--store", engine_dsn, "--database", store.database]
    assert main(asked) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (said in printed) == denied
    assert ("mean_absolute_error" in printed, "balanced_accuracy" in printed) == (denied, not denied)
