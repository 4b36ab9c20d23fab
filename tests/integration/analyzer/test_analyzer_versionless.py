"""Predictions that came without a version are a version like any other: no rows of another are measured with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from starlette.datastructures import QueryParams

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.profiles.read import window_profile
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.choose import choose_baseline
from modelspan_analyzer.web.models import results
from modelspan_collector.access.rules import NO_RULES
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEFORE, WINDOW = (Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in (0, 1))

Predict = Callable[..., None]


def served(predict: Predict, model: str, rows: int) -> None:
    """Two hours of rows, each once without a version, and once more with version 2."""
    for hour, version in ((0, ""), (0, "2"), (1, ""), (1, "2")):
        drawn = np.random.default_rng(hour).normal(size=rows)
        names = [f"{model}-{hour}-{version}-{row}" for row in range(rows)]
        started = START + timedelta(hours=hour)
        predict(model, pa.table({"x": drawn}), started, version=[version] * rows, prediction_id=names)


@pytest.mark.parametrize("rows", [400, 2400])
def test_rows_of_another_version_are_not_measured_with_those_of_none(
    shared_store: Store, predict: Predict, rows: int
) -> None:
    """Read row by row or from sketches; over both versions every row would repeat another."""
    model = f"mixed {rows}"
    served(predict, model, rows)
    assert {version: window_profile(shared_store, model, version, WINDOW).rows for version in ("", "2", None)} == {
        "": rows,
        "2": rows,
        None: 2 * rows,
    }
    baseline = baselines.set_from_window(shared_store, model, "", BEFORE)
    assert baseline.rows == rows
    found = data_quality(MonitorContext(shared_store, model, "", WINDOW, baseline, ModelSettings()))
    repeated = next(one for one in found if one.metric == "duplicate_row_rate")
    assert (repeated.value, repeated.verdict) == (0.0, Verdict.OK)


def test_a_baseline_is_of_every_version_or_of_none(shared_store: Store, predict: Predict) -> None:
    """What is set without a version stands for all; what is set, or learnt, of rows without one for these alone."""
    served(predict, "kinds", 30)
    settings = ModelSettings.model_validate({"baseline": {"learn": 20}})
    learnt = choose_baseline(shared_store, "kinds", "", WINDOW, settings)
    assert learnt and (learnt.kind, learnt.version, learnt.rows) == ("learnt", "", 20)
    assert baselines.active(shared_store, "kinds", "2") is None
    every = baselines.set_from_window(shared_store, "kinds", None, BEFORE)
    assert (every.rows, baselines.active(shared_store, "kinds", "2")) == (
        60,
        baselines.listing(shared_store, "kinds")[0],
    )
    own = baselines.set_from_table(shared_store, "kinds", "", pa.table({"x": [1.0, 2.0]}), source="test")
    active = {version: baselines.active(shared_store, "kinds", version) for version in ("", "2")}
    assert {version: one and one.baseline_id for version, one in active.items()} == {
        "": own.baseline_id,
        "2": every.baseline_id,
    }


def test_what_was_learnt_gives_way_to_what_is_set_for_every_version(shared_store: Store, predict: Predict) -> None:
    """Somebody who says what to compare with names no version, and has it from then on; what was set for one stays."""
    served(predict, "given", 30)
    settings = ModelSettings.model_validate({"baseline": {"learn": 20}})
    learnt = {version: choose_baseline(shared_store, "given", version, WINDOW, settings) for version in ("", "2")}
    assert {version: one and one.kind for version, one in learnt.items()} == {"": "learnt", "2": "learnt"}
    assert baselines.keeping_their_own(shared_store, "given") == []
    rows = pa.table({"x": [1.0, 2.0]})
    every = baselines.set_from_table(shared_store, "given", None, rows, source="test")
    own = baselines.set_from_table(shared_store, "given", "2", rows, source="test")
    baselines.set_from_table(shared_store, "another", None, rows, source="test")
    chosen = {version: choose_baseline(shared_store, "given", version, WINDOW, settings) for version in ("", "2", "3")}
    assert {version: one and one.baseline_id for version, one in chosen.items()} == {
        "": every.baseline_id,
        "2": own.baseline_id,
        "3": every.baseline_id,
    }
    assert baselines.keeping_their_own(shared_store, "given") == ["2"]


def test_settings_of_no_version_are_not_those_of_every_version() -> None:
    """An entry with `version: ''` leaves the other versions as they are."""
    entries = [{"model": "m", "expects": "nothing"}, {"model": "m", "version": "", "expects": "continuous"}]
    config = MonitorsConfig.model_validate({"models": tuple(entries)})
    assert [config.for_model("m", version).expects for version in ("", "2", None)] == [
        "continuous",
        "nothing",
        "nothing",
    ]


def test_results_of_no_version_can_be_asked_for(shared_store: Store, predict: Predict) -> None:
    """`version=` is the predictions that came without one; all of them come without the parameter."""
    served(predict, "asked", 5)
    kept = [Result("asked", version, WINDOW, "s", "m", 1.0, Verdict.OK) for version in ("", "2")]
    write_results(shared_store, kept, "run")
    asked = {"&version=": [""], "&version=2": ["2"], "": ["", "2"]}
    for query, versions in asked.items():
        answer = results(shared_store, QueryParams(f"model=asked&since=2026-03-01{query}"), NO_RULES)
        assert [one["version"] for one in answer] == versions
