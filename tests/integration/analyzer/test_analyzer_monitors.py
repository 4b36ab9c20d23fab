"""The monitors on data with known faults: each fault is named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.drift.prediction_drift import prediction_drift
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.quality import constraints, statistics_json
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.monitors.worst_slices.monitor import worst_slices
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 2_000
Predict = Callable[..., None]


def rows(seed: int, count: int = ROWS) -> dict[str, Any]:
    """Features of every kind, drawn from one population."""
    rng = np.random.default_rng(seed)
    return {
        "age": rng.normal(40, 10, count),
        "income": rng.lognormal(10, 1, count),
        "children": rng.integers(0, 5, count),
        "plan": rng.choice(["free", "basic", "pro"], count, p=[0.5, 0.3, 0.2]),
        "member": rng.random(count) < 0.3,
    }


def look(store: Store, model: str, settings: dict[str, Any] | None = None) -> MonitorContext:
    """The window as the monitors see it."""
    baseline = baselines.active(store, model, "1")
    return MonitorContext(store, model, "1", WINDOW, baseline, ModelSettings.model_validate(settings or {}))


def alarms(results: list[Result]) -> set[tuple[str, str]]:
    """What alarms, by metric and feature."""
    return {(result.metric, result.feature) for result in results if result.verdict is Verdict.ALARM}


def compare(store: Store, predict: Predict, model: str, before: Any, after: Any, **extra: Any) -> MonitorContext:
    """Store one set of rows as the baseline and the other as the window."""
    baselines.set_from_table(store, model, "1", pa.table(before), source="test")
    predict(model, pa.table(after), START, **extra)
    return look(store, model)


def test_no_change_no_alarm(shared_store: Store, predict: Predict) -> None:
    """Two samples of one population: every measure is there, and nothing alarms."""
    context = compare(shared_store, predict, "calm", rows(1), rows(2))
    found = data_drift(context)
    assert {result.metric for result in found if result.feature == "age"} == {
        "psi",
        "jensen_shannon_distance",
        "kolmogorov_smirnov",
        "wasserstein_distance",
        "normalized_wasserstein_distance",
    }
    assert {result.metric for result in found if result.feature == "plan"} == {
        "psi",
        "jensen_shannon_distance",
        "chi_squared",
    }
    assert alarms([*found, *data_quality(context)]) == set()


def test_a_shift_is_named(shared_store: Store, predict: Predict) -> None:
    """One shifted feature of five alarms, with the reason, and no other."""
    moved = rows(3)
    moved["age"] = moved["age"] + 8
    found = data_drift(compare(shared_store, predict, "shifted", rows(1), moved))
    assert alarms(found) == {("psi", "age")}
    reason = next(result.reason for result in found if result.verdict is Verdict.ALARM)
    assert "drift above the floor" in reason


def test_exact_measures_equal_those_of_the_values(shared_store: Store, predict: Predict) -> None:
    """Read from rows, Wasserstein and Kolmogorov-Smirnov are scipy's, to nine digits."""
    from scipy import stats

    before, after = rows(1), rows(4)
    context = compare(shared_store, predict, "exact", before, after)
    exact = look(shared_store, "exact", {"data_drift": {"exact": True}})
    for found in (data_drift(context), data_drift(exact)):
        values = {(result.metric, result.feature): result for result in found}
        expected = stats.wasserstein_distance(before["income"], after["income"])
        assert values["wasserstein_distance", "income"].value == pytest.approx(expected, rel=1e-9)
        test = stats.ks_2samp(before["age"], after["age"], method="asymp")
        assert values["kolmogorov_smirnov", "age"].value == pytest.approx(test.statistic, abs=1e-9)
        assert values["kolmogorov_smirnov", "age"].p_value == pytest.approx(test.pvalue, rel=1e-6)


def test_each_fault_of_quality_is_named(shared_store: Store, predict: Predict) -> None:
    """Missing values, wrong types, values out of range, unseen and vanished categories, a stuck feature."""
    rng = np.random.default_rng(5)
    broken = rows(5)
    broken["age"] = pa.array(broken["age"], mask=rng.random(ROWS) < 0.3)
    broken["income"] = np.where(rng.random(ROWS) < 0.1, 1e9 + broken["income"], broken["income"])
    broken["plan"] = np.where(broken["plan"] == "pro", "platinum", broken["plan"])
    broken["children"] = np.full(ROWS, 2)
    broken["member"] = np.where(broken["member"], 1.0, 0.0)
    found = data_quality(compare(shared_store, predict, "broken", rows(1), broken))
    assert alarms(found) == {
        ("null_rate", "age"),
        ("out_of_range_rate", "income"),
        ("unseen_category_rate", "plan"),
        ("vanished_category_rate", "plan"),
        ("constant", "children"),
        ("type_error_rate", "member"),
    }
    unseen = next(result for result in found if result.metric == "unseen_category_rate" and result.feature == "plan")
    assert unseen.details["categories"] == ["platinum"]


def test_schema_changes_are_named(shared_store: Store, predict: Predict) -> None:
    """A missing feature, a new one, and one that came back under another name."""
    changed = rows(6)
    changed["years"] = changed.pop("age")
    changed.pop("plan")
    changed["noise"] = np.random.default_rng(6).random(ROWS)
    found = data_quality(compare(shared_store, predict, "schema", rows(1), changed))
    assert alarms(found) == {("missing_feature", "age"), ("missing_feature", "plan")}
    assert [result.details["now"] for result in found if result.details.get("now")] == ["years"]
    assert [result.feature for result in found if result.metric == "new_feature"] == ["noise"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("all-null-now", np.arange(300.0), pa.nulls(300, pa.float64())),
        ("all-null-before", pa.nulls(300, pa.float64()), np.arange(300.0)),
        ("constant", np.ones(300), np.ones(300)),
        ("infinite", np.arange(300.0), np.full(300, np.inf)),
        ("text-for-numbers", np.arange(300.0), np.array([f"t{i}" for i in range(300)])),
        ("numbers-for-text", np.array([f"t{i % 7}" for i in range(300)]), np.arange(300.0)),
        ("many-categories", np.array([f"u{i}" for i in range(300)]), np.array([f"v{i}" for i in range(300)])),
        ("tiny", np.array([1.0, 2.0]), np.arange(300.0)),
        ("huge", np.array([1e308, -1e308] * 150), np.array([5e-324, 1e308] * 150)),
        ("embeddings", pa.array([[0.1, 0.2]] * 300), pa.array([[0.3, 0.2]] * 300)),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_no_column_takes_the_run_down(
    shared_store: Store, predict: Predict, name: str, before: Any, after: Any, exact: bool
) -> None:
    """A degenerate column gives results, each with a verdict, and the healthy column beside it is measured."""
    model = f"{name}-{exact}"
    rng = np.random.default_rng(8)
    baselines.set_from_table(
        shared_store, model, "1", pa.table({"odd": before, "fine": rng.random(len(before))}), source="test"
    )
    predict(model, pa.table({"odd": after, "fine": rng.random(len(after))}), START)
    context = look(shared_store, model, {"data_drift": {"exact": exact}})
    found = [*data_drift(context), *data_quality(context), *prediction_drift(context)]
    assert any(result.feature == "fine" for result in found)
    assert all(result.verdict is not Verdict.ERROR for result in found)


def test_an_empty_window_is_not_enough_data(shared_store: Store) -> None:
    """No prediction at all: not enough data, never an alarm of drift."""
    baselines.set_from_table(shared_store, "silent", "1", pa.table(rows(1)), source="test")
    found = data_drift(look(shared_store, "silent"))
    assert alarms(found) == set()


def test_presets_and_thresholds_alarm_by_value(shared_store: Store, predict: Predict) -> None:
    """Another product's defaults, or fixed thresholds, decide by the measure's value alone."""
    moved = rows(9)
    moved["age"] = moved["age"] + 3
    compare(shared_store, predict, "preset", rows(1), moved)
    azure = data_drift(look(shared_store, "preset", {"data_drift": {"preset": "azure"}}))
    assert ("normalized_wasserstein_distance", "age") in alarms(azure)
    fixed = data_drift(look(shared_store, "preset", {"data_drift": {"thresholds": {"kolmogorov_smirnov": 0.05}}}))
    assert ("kolmogorov_smirnov", "age") in alarms(fixed)


def test_an_unused_feature_ranks_below_a_used_one(shared_store: Store, predict: Predict) -> None:
    """Of two features that drift alike, the one that the prediction follows comes first."""
    rng = np.random.default_rng(10)
    before = {"used": rng.normal(size=ROWS), "unused": rng.normal(size=ROWS)}
    table = pa.table({**before, "value": before["used"] + 0.1 * rng.normal(size=ROWS)})
    baselines.set_from_table(shared_store, "ranked", "1", table, score="value", source="test")
    predict("ranked", pa.table({name: rng.normal(1, 1, ROWS) for name in before}), START)
    found = {result.feature: result for result in data_drift(look(shared_store, "ranked")) if result.metric == "psi"}
    assert found["used"].details["priority"] > 5 * found["unused"].details["priority"]


def test_drift_in_one_slice_is_found_there(shared_store: Store, predict: Predict) -> None:
    """A shift of one plan's customers alarms in that plan's slice and in no other."""
    before, after = rows(11, 6000), rows(12, 6000)
    after["age"] = np.where(after["plan"] == "pro", after["age"] + 12, after["age"])
    compare(shared_store, predict, "sliced", before, after)
    found = slices(look(shared_store, "sliced", {"segments": ("feature.plan",)}))
    assert {(result.segment, result.feature) for result in found if result.verdict is Verdict.ALARM} == {
        ("feature.plan=pro", "age")
    }


def test_the_worst_slice_is_discovered(shared_store: Store, predict: Predict) -> None:
    """Where two attributes meet the answers moved: that pair comes first; where nothing moved, nothing is found."""
    before, after = rows(13, 8000), rows(14, 8000)
    rng = np.random.default_rng(15)
    score, score_now = rng.normal(size=8000), rng.normal(size=8000)
    baselines.set_from_table(
        shared_store, "worst", "1", pa.table({**before, "score": score}), score="score", source="test"
    )
    affected = (after["plan"] == "pro") & after["member"]
    predict("worst", pa.table(after), START, value=pa.array(score_now + 1.5 * affected))
    found = worst_slices(look(shared_store, "worst"))
    assert found[0].segment == "feature.member=true & feature.plan=pro"
    baselines.set_from_table(
        shared_store, "even", "1", pa.table({**before, "score": score}), score="score", source="test"
    )
    predict("even", pa.table(after), START, value=pa.array(score_now))
    (none,) = [result for result in worst_slices(look(shared_store, "even")) if result.metric == "worst_slice"]
    assert (none.verdict, none.segment, none.details["tried"] > 5) == (Verdict.OK, "", True)


def test_prediction_drift_of_value_and_label(shared_store: Store, predict: Predict) -> None:
    """A model that answers differently alarms in its value and in its label."""
    rng = np.random.default_rng(16)
    table = pa.table({**rows(1), "score": rng.beta(2, 5, ROWS), "class": rng.choice(["no", "yes"], ROWS, p=[0.8, 0.2])})
    baselines.set_from_table(shared_store, "answers", "1", table, prediction="class", score="score", source="test")
    answers = {"value": rng.beta(5, 2, ROWS), "label": rng.choice(["no", "yes"], ROWS, p=[0.4, 0.6])}
    predict("answers", pa.table(rows(2)), START, **answers)
    assert alarms(prediction_drift(look(shared_store, "answers"))) == {("psi", "value"), ("psi", "label")}


def test_constraints_are_suggested_exchanged_and_checked(shared_store: Store, predict: Predict, tmp_path: Path) -> None:
    """A baseline fulfils what it suggests; the file reads back as it was; a broken window names each rule."""
    broken = rows(17)
    broken["age"] = pa.array(-np.abs(broken["age"]), mask=np.arange(ROWS) % 4 == 0)
    broken["plan"] = np.where(broken["plan"] == "pro", "platinum", broken["plan"])
    broken.pop("member")
    before = {**rows(1), "age": np.abs(rows(1)["age"])}
    context = compare(shared_store, predict, "constrained", before, broken)
    assert context.reference is not None
    suggested = constraints.suggest(context.reference)
    text = constraints.to_json(suggested)
    assert constraints.from_json(text) == suggested
    assert not any(one.broken for one in constraints.check(suggested, context.reference))
    (tmp_path / "constraints.json").write_text(text)
    settings = {"data_quality": {"constraints": str(tmp_path / "constraints.json")}}
    found = data_quality(look(shared_store, "constrained", settings))
    assert {
        ("completeness_check", "age"),
        ("data_type_check", "age"),
        ("categorical_values_check", "plan"),
        ("missing_column_check", "member"),
    } <= alarms(found)
    settings = {"data_quality": {"constraints": str(tmp_path / "moved.json")}}
    found = data_quality(look(shared_store, "constrained", settings))
    assert [one.verdict for one in found if one.metric == "constraints"] == [Verdict.ERROR]
    assert ("null_rate", "age") in alarms(found), "a file that cannot be read takes nothing else with it"
    described = json.loads(statistics_json.to_json(context.reference))
    age = next(feature for feature in described["features"] if feature["name"] == "age")["numerical_statistics"]
    assert age["mean"] == pytest.approx(before["age"].mean())
    assert sum(bucket["count"] for bucket in age["distribution"]["kll"]["buckets"]) == pytest.approx(ROWS)


def test_a_wrong_constraints_file_is_explained() -> None:
    """What is no constraints.json says what one holds."""
    with pytest.raises(constraints.ConstraintsError, match="expected an object with `features`"):
        constraints.from_json("[]")
