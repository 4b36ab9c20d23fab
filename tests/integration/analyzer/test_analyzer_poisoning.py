"""Hints of poisoning: planted outliers, bursts and flipped labels are named by id, and calm windows are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from near_duplicates import near_duplicate_share

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.poisoning.monitor import poisoning
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
Predict = Callable[..., None]


def look(store: Store, model: str, hour: int = 0, settings: dict[str, Any] | None = None) -> dict[str, Result]:
    """What the monitor says of one hour, by measure."""
    start = START + timedelta(hours=hour)
    chosen = ModelSettings.model_validate({"poisoning": settings or {}})
    window = Window(start, start + timedelta(hours=1))
    context = MonitorContext(store, model, "1", window, baselines.active(store, model, "1"), chosen)
    return {result.metric: result for result in poisoning(context)}


def hints(found: dict[str, Result]) -> set[str]:
    """The measures that warn or alarm."""
    return {metric for metric, result in found.items() if result.verdict in (Verdict.WARNING, Verdict.ALARM)}


def rows(seed: int, count: int = 1500) -> dict[str, Any]:
    """Two numbers that go together, a heavy tail, a category."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=count)
    return {
        "size": size,
        "weight": size + 0.2 * rng.normal(size=count),
        "income": rng.lognormal(size=count),
        "plan": rng.choice(["free", "pro"], count),
    }


def test_resampled_rows_give_no_hint(shared_store: Store, predict: Predict, shared_data: Path) -> None:
    """Twenty windows of real rows, with many categories, repeats and heavy tails: not one hint."""
    adult = pd.read_csv(shared_data / "adult.csv", skipinitialspace=True).sample(frac=1, random_state=1)
    table = pa.Table.from_pandas(adult.drop(columns="income_bin"), preserve_index=False)
    baselines.set_from_table(shared_store, "adult", "1", table.slice(0, 5000), source="test")
    for hour in range(20):
        predict("adult", table.slice(5000 + hour * 1000, 1000), START + timedelta(hours=hour))
    found = [look(shared_store, "adult", hour, {"max_rows": 2000}) for hour in range(20)]
    assert [hints(results) for results in found] == [set()] * 20
    assert all({"outlier_rate", "near_duplicate_rate"} <= set(results) for results in found)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("isolation_forest", {"size": 6.0, "weight": -6.0, "income": 60.0}),
        ("robust_distance", {"size": 2.0, "weight": -2.0}),
    ],
)
def test_planted_outliers_are_named(
    shared_store: Store, predict: Predict, method: str, values: dict[str, float]
) -> None:
    """Rows far outside are a warning that names them; robust distance also sees those that only break the tie."""
    model = f"outliers-{method}"
    before, now = ({name: side[name] for name in values} for side in (rows(1, 4000), rows(2)))
    baselines.set_from_table(shared_store, model, "1", pa.table(before), source="test")
    planted = np.random.default_rng(2).choice(1500, 75, replace=False)
    for name, value in values.items():
        now[name][planted] = value
    predict(model, pa.table(now), START)
    found = look(shared_store, model, settings={"outliers": method})
    assert hints(found) == {"outlier_rate"}
    assert found["outlier_rate"].verdict is Verdict.WARNING
    named = {int(one.rsplit("-", 1)[1]) for one in found["outlier_rate"].details["prediction_ids"]}
    assert len(named) == 10
    assert len(named & set(planted.tolist())) >= 9
    strict = look(shared_store, model, settings={"outliers": method, "verdict": "alarm"})
    assert strict["outlier_rate"].verdict is Verdict.ALARM


def test_a_burst_of_near_duplicates_is_named(shared_store: Store, predict: Predict) -> None:
    """Rows that repeat each other but for a thousandth, close in time, are a hint; their share is the function's."""
    baselines.set_from_table(shared_store, "bursts", "1", pa.table(rows(1, 4000)), source="test")
    now = rows(2)
    burst = slice(700, 760)
    for name, tiny in (("size", 1e-4), ("weight", 1e-4), ("income", 1e-4)):
        now[name][burst] = now[name][700] + tiny * np.random.default_rng(3).normal(size=60)
    now["plan"][burst] = "pro"
    predict("bursts", pa.table(now), START)
    found = look(shared_store, "bursts")
    assert hints(found) == {"near_duplicate_rate"}
    named = {int(one.rsplit("-", 1)[1]) for one in found["near_duplicate_rate"].details["prediction_ids"]}
    assert named <= set(range(700, 760))
    numbers = np.column_stack([now[name] for name in ("size", "weight", "income")])
    spread = np.array([rows(1, 4000)[name].std() for name in ("size", "weight", "income")])
    shares = [near_duplicate_share(part, spread, least=5) for part in np.split(numbers, 100)]
    assert found["near_duplicate_rate"].value == pytest.approx(np.mean(shares), abs=2e-3)


@pytest.mark.parametrize("task", ["binary", "classes"])
def test_flipped_labels_are_named_with_their_direction(shared_store: Store, predict: Predict, task: str) -> None:
    """Labels turned over in one direction are a hint that says which, and names the rows; honest labels are none."""
    rng, model = np.random.default_rng(4), f"flips-{task}"
    classes = ["no", "yes"] if task == "binary" else ["cat", "dog", "owl"]

    def drawn(count: int) -> tuple[Any, Any]:
        logits = 3 * rng.normal(size=(count, len(classes)))
        odds = np.exp(logits)
        shares = odds / odds.sum(axis=1, keepdims=True)
        return shares, np.array([rng.choice(classes, p=share) for share in shares])

    def scores(shares: Any) -> pa.Array:
        return pa.array(
            [list(zip(classes, share, strict=True)) for share in shares], pa.map_(pa.string(), pa.float64())
        )

    def outputs(shares: Any) -> dict[str, Any]:
        labels = [classes[place] for place in shares.argmax(axis=1)]
        return {"label": labels} | ({"value": shares[:, 1]} if task == "binary" else {"scores": scores(shares)})

    start = START - timedelta(hours=10)
    for hour, flipped in ((-10, False), (0, False), (1, True)):
        shares, truth = drawn(1500)
        if flipped:
            hit = (truth == classes[-1]) & (rng.random(1500) < 0.3)
            truth = np.where(hit, classes[0], truth)
        moment = START + timedelta(hours=hour)
        predict(model, pa.table({"x": shares[:, 0]}), moment, **outputs(shares))
        ids = [f"{model}-{moment.timestamp()}-{row}" for row in range(1500)]
        stamps = pa.array([moment + timedelta(hours=1)] * 1500, pa.timestamp("ns", "UTC"))
        known = {"prediction_id": ids, "model": [model] * 1500, "timestamp": stamps, "label": truth}
        shared_store.insert("labels", pa.table(known))
    baselines.set_from_window(shared_store, model, "1", Window(start, start + timedelta(hours=1)))
    assert "label_flip_rate" not in hints(look(shared_store, model))
    found = look(shared_store, model, 1)["label_flip_rate"]
    assert found.verdict is Verdict.WARNING
    assert f"most labelled {classes[0]} where the model says {classes[-1]}" in found.reason
    assert found.details["asymmetry"] > found.details["baseline_asymmetry"]
    assert len(found.details["prediction_ids"]) == 10


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("all-null-now", np.arange(900.0), pa.nulls(900, pa.float64())),
        ("all-null-before", pa.nulls(900, pa.float64()), np.arange(900.0)),
        ("constant", np.ones(900), np.ones(900)),
        ("infinite", np.arange(900.0), np.full(900, np.inf)),
        ("text-for-numbers", np.arange(900.0), np.array([f"t{i}" for i in range(900)])),
        ("huge", np.tile([1e308, -1e308], 450), np.tile([5e-324, 1e308], 450)),
    ],
)
@pytest.mark.parametrize("method", ["isolation_forest", "robust_distance"])
def test_no_column_takes_the_run_down(
    shared_store: Store, predict: Predict, name: str, before: Any, after: Any, method: str
) -> None:
    """A degenerate column, alone or beside another, gives results or reasons."""
    for fine in (False, True):
        model = f"odd-{name}-{method}-{fine}"
        beside = {"fine": np.random.default_rng(6).random(900)} if fine else {}
        baselines.set_from_table(shared_store, model, "1", pa.table({"odd": before, **beside}), source="test")
        predict(model, pa.table({"odd": after, **beside}), START)
        found = look(shared_store, model, settings={"outliers": method})
        assert {"outlier_rate", "near_duplicate_rate"} <= set(found)
        assert all(result.reason for result in found.values())


def test_without_a_baseline_or_rows_there_is_not_enough_data(shared_store: Store) -> None:
    """No baseline, and an empty window: a reason and no hint."""
    assert {one.verdict for one in look(shared_store, "nobody").values()} == {Verdict.NOT_ENOUGH_DATA}
    baselines.set_from_table(shared_store, "silent", "1", pa.table(rows(1)), source="test")
    assert {one.verdict for one in look(shared_store, "silent").values()} == {Verdict.NOT_ENOUGH_DATA}


@pytest.mark.parametrize("times", [20.0, 2_000.0, 1e300])
@pytest.mark.parametrize("features", [3, 40])
def test_rows_many_times_the_usual_value_are_outlying(
    shared_store: Store, predict: Predict, times: float, features: int
) -> None:
    """Four rows in a hundred with one value out of all proportion, in one of few or of many features, are named."""
    model = f"far-{times:g}-{features}"
    rng = np.random.default_rng(3)
    before, after = ({f"x{i}": rng.lognormal(0, 0.5, 3000) for i in range(features)} for _ in range(2))
    baselines.set_from_table(shared_store, model, "1", pa.table(before), source="test")
    after["x1"][::25] *= times
    predict(model, pa.table(after), START)
    found = look(shared_store, model, settings={"min_change": 0.02})["outlier_rate"]
    assert found.verdict is Verdict.WARNING, found
    assert found.value == pytest.approx(0.04, abs=0.01)
    planted = {f"{model}-{START.timestamp()}-{row}" for row in range(0, 3000, 25)}
    assert set(found.details["prediction_ids"]) <= planted
