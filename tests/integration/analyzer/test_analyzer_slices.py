"""Slices: each is compared with its own baseline, else with the whole and says so, else with nothing and says that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 4_000
SETTINGS: dict[str, Any] = {"segments": ("tag.region",), "fairness": {"facets": ("region",)}}
Predict = Callable[..., None]
Column = npt.NDArray[Any]


def people(seed: int, rows: int = ROWS) -> dict[str, Column]:
    """A score that ranks the outcome, in a large region and in one of a tenth of the rows."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    churned = np.where(rng.random(rows) < 0.2 + 0.6 * score, "1", "0")
    return {
        "age": rng.normal(40, 10, rows),
        "region": rng.choice(["north", "south"], rows, p=[0.1, 0.9]),
        "score": score,
        "churned": churned,
    }


def inverted(rows: dict[str, Column]) -> dict[str, Column]:
    """The same with the truth of the small region turned over."""
    other = np.where(rows["churned"] == "1", "0", "1")
    return {**rows, "churned": np.where(rows["region"] == "north", other, rows["churned"])}


@pytest.fixture
def look(shared_store: Store, predict: Predict) -> Callable[..., MonitorContext]:
    """Stores a baseline, with tags or without, and a window with its labels; gives the window to monitors."""

    def store(model: str, before: dict[str, Column] | None, after: dict[str, Column], **given: Any) -> MonitorContext:
        if before is not None:
            table, given = pa.table(before), {"score": "score", "label": "churned", **given}
            baselines.set_from_table(shared_store, model, "1", table, features=["age"], source="test", **given)
        tags = [[("region", region)] for region in after["region"]]
        columns = {"value": after["score"], "tags": pa.array(tags, pa.map_(pa.string(), pa.string()))}
        predict(model, pa.table({"age": after["age"]}), START, **columns)
        ids = pa.array([f"{model}-{START.timestamp()}-{row}" for row in range(len(after["age"]))])
        labels = {"prediction_id": ids, "label": after["churned"], "timestamp": pa.array([START] * len(ids))}
        shared_store.insert("labels", pa.table(labels))
        found = baselines.active(shared_store, model, "1")
        return MonitorContext(shared_store, model, "1", WINDOW, found, ModelSettings.model_validate(SETTINGS))

    return store


def areas(results: list[Result]) -> dict[str, Result]:
    """The areas under the curve, by slice."""
    return {result.segment: result for result in results if result.metric == "roc_auc"}


def test_labels_inverted_in_a_tenth_of_the_rows_alarm_in_that_slice(look: Callable[..., MonitorContext]) -> None:
    """With tags the slice is compared with its own baseline, without with the whole; each says which."""
    before, after = people(1), inverted(people(2))
    for model, tags, of in (("tagged", ["region"], "tag.region=north"), ("untagged", [], "whole")):
        found = areas(performance(look(model, before, after, tags=tags)))
        north, south = found["tag.region=north"], found["tag.region=south"]
        assert north.verdict is Verdict.ALARM, north
        assert north.details["compared_with"] == of
        assert ("whole baseline" in north.reason) is (of == "whole")
        assert (south.verdict, south.threshold is not None) == (Verdict.OK, True)


@pytest.mark.parametrize("given", [None, {"label": None}])
def test_a_slice_without_any_baseline_says_not_compared(
    look: Callable[..., MonitorContext], given: dict[str, Any] | None
) -> None:
    """No baseline, or one without labels: never ok, and the reason names the slice and the command."""
    before = None if given is None else people(3)
    found = areas(performance(look(f"alone{given}", before, inverted(people(4)), **(given or {}))))
    north = found["tag.region=north"]
    assert (north.verdict, north.value is not None) == (Verdict.NOT_COMPARED, True)
    assert "no baseline for tag.region=north and none for the whole" in north.reason
    assert "modelspan baseline set" in north.reason
    assert "--tag region" in north.reason


def test_drift_in_one_tag_is_found_there_and_unlikeness_to_the_whole_is_no_alarm(
    look: Callable[..., MonitorContext],
) -> None:
    """A shift against the slice's own rows alarms; a slice that is merely unlike the whole baseline warns at most."""
    before, after = people(5), people(6)
    moved = {**after, "age": np.where(after["region"] == "north", after["age"] + 12, after["age"])}
    for model, tags, expected in (("moved", ["region"], Verdict.ALARM), ("moved-whole", [], Verdict.WARNING)):
        found = {r.segment: r for r in slices(look(model, before, moved, tags=tags)) if r.metric == "psi"}
        assert found["tag.region=north"].verdict is expected
        assert found["tag.region=south"].verdict is Verdict.OK
        assert ("whole baseline" in found["tag.region=south"].reason) is (not tags)
    (alone,) = (r for r in slices(look("moved-alone", None, moved)) if r.segment == "tag.region=north")
    assert (alone.verdict, "no baseline for tag.region=north" in alone.reason) == (Verdict.NOT_COMPARED, True)


def test_rows_in_no_slice_are_counted(look: Callable[..., MonitorContext]) -> None:
    """Rows without the tag, or of a value that is too rare, are named with their number."""
    after = people(7, 400)
    after["region"] = np.array(["rare"] * 20 + [""] * 30 + ["south"] * 350)
    (told,) = (r for r in slices(look("rare", people(8), after, tags=["region"])) if r.metric == "slice")
    assert (told.segment, told.verdict) == ("tag.region", Verdict.SKIPPED)
    assert told.reason.startswith("50 of 400 rows are in no slice")


def test_a_facet_that_is_a_tag_has_a_baseline(look: Callable[..., MonitorContext]) -> None:
    """Groups are compared with the baseline's own; without its tag the result names the option that gives one."""
    tagged = fairness(look("fair", people(9), people(10), tags=["region"]))
    assert {r.verdict for r in tagged if r.metric == "disparate_impact"} == {Verdict.OK}
    assert all(r.n_baseline for r in tagged if r.metric == "disparate_impact")
    bare = [r for r in fairness(look("unfair", people(9), people(10))) if r.metric == "disparate_impact"]
    assert {r.verdict for r in bare} == {Verdict.NOT_COMPARED}
    assert all("--tag region" in r.reason for r in bare)


def test_slices_share_the_allowed_error(look: Callable[..., MonitorContext]) -> None:
    """Of many small slices of a healthy model hardly any alarms: their thresholds are met with the error of one."""
    rng = np.random.default_rng(11)
    before, after = people(12, 8_000), people(13, 8_000)
    for side in (before, after):
        side["region"] = rng.choice([f"r{number}" for number in range(40)], 8_000)
    found = areas(performance(look("many", before, after, tags=["region"])))
    assert len(found) == 41
    assert [segment for segment, result in found.items() if result.verdict is Verdict.ALARM] == []


def test_replay_compares_its_segments(tmp_path: Path) -> None:
    """`--segments` columns are slices, and tags of the baseline's rows too."""
    before, after = people(14), inverted(people(15))
    history = pa.concat_tables([pa.table(before), pa.table(after)])
    answers = pa.array(np.where(history["score"].to_numpy() > 0.5, "1", "0"))
    parquet.write_table(history.append_column("answer", answers), tmp_path / "history.parquet")
    command = f"replay {tmp_path / 'history.parquet'} --model r --version 1 --prediction answer --score score"
    options = f"--label churned --segments region --baseline 0.5 --window {ROWS} --data {tmp_path / 'data'}"
    whole = [sys.executable, "-m", "modelspan_cli", *command.split(), *options.split()]
    ended = subprocess.run(whole, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "performance: first alarm" in ended.stdout
    assert f"{ROWS:,}" in ended.stdout


def test_segments_are_added_to_what_a_model_has() -> None:
    """Defaults and entries keep their own keys, and an entry that overrides them gets the new ones too."""
    entries = ({"model": "a", "segments": ("tag.plan",)}, {"model": "b"})
    config = MonitorsConfig.model_validate({"defaults": {"segments": ("tag.x",)}, "models": entries})
    more = config.with_segments(["tag.region", "tag.x"])
    assert more.for_model("a", "1").segments == ("tag.plan", "tag.region", "tag.x")
    assert more.for_model("b", "1").segments == ("tag.x", "tag.region")
    assert more.for_model("c", "1").segments == ("tag.x", "tag.region")
