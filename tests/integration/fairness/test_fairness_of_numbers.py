"""Fairness of a regression from the store: weights, late truths, odd rows, and what does not apply to numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer import kinds
from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading.baselines import set_from_window
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views.groups import facets
from modelspan_analyzer.views.period import Period
from modelspan_analyzer.why.explain import explain
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.selection import select
from modelspan_collector.store.connect import Store

START = datetime(2026, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = pa.map_(pa.string(), pa.string())
EXACT = 1e-9


def delays(seed: int, rows: int = 4000, *, night_late: float = 0.0) -> dict[str, np.ndarray]:
    """Predicted and true minutes of deliveries, in whole minutes, by shift and depot; night's are told too short."""
    generator = np.random.default_rng(seed)
    night, depot = generator.random(rows) < 0.25, generator.choice(["a", "b"], rows)
    truth = np.round(generator.gamma(4, 9, rows))
    told = np.round(truth + generator.normal(0, 6, rows) - night_late * night)
    weight = generator.choice([1.0, 5.0], rows)
    shift = np.where(night, "night", "day")
    return {"shift": shift, "depot": depot, "truth": truth, "told": told, "weight": weight}


def insert(store: Store, hour: int, of: dict[str, np.ndarray], *, labelled: slice = slice(None)) -> None:
    """One hour of predictions; the shift is a tag, the depot a feature."""
    rows = of["told"].size
    times = pa.array([START + HOUR * (hour + i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"{hour}-{i}" for i in range(rows)]
    columns = {
        "model": ["delay"] * rows,
        "version": ["1"] * rows,
        "timestamp": times,
        "prediction_id": ids,
        "value": of["told"],
        "sample_weight": of["weight"],
        "tags": pa.array([[("shift", one)] for one in of["shift"]], TEXTS),
        "categorical_features": pa.array([[("depot", one)] for one in of["depot"]], TEXTS),
    }
    store.insert("predictions", pa.table(columns))
    labels = {"prediction_id": ids, "model": ["delay"] * rows, "timestamp": times, "value": of["truth"]}
    store.insert("labels", pa.table(labels)[labelled])


def run(store: Store, hour: int, baseline: int | None = None, **given: object) -> dict[tuple[str, str], Result]:
    """The monitor on one hour by measure and group."""
    reference = (
        set_from_window(store, "delay", "1", Window(START + HOUR * baseline, START + HOUR * (baseline + 1)))
        if baseline is not None
        else None
    )
    settings = FairnessSettings.model_validate({"facets": ("shift", "depot"), **given})
    window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
    found = fairness(MonitorContext(store, "delay", "1", window, reference, ModelSettings(fairness=settings)))
    return {(one.metric, one.segment): one for one in found}


def test_values_are_numpys_with_weights(store: Store) -> None:
    """Means, errors and the crossing of two facets to the ninth digit; without a baseline nothing judges them."""
    of = delays(1)
    insert(store, 0, of)
    found = run(store, 0, intersections=(("shift", "depot"),))
    night = of["shift"] == "night"
    late = night & (of["depot"] == "b")
    error = of["told"] - of["truth"]

    def mean(values: np.ndarray, here: np.ndarray) -> float:
        return float(np.average(values[here], weights=of["weight"][here]))

    expected = {
        ("mean_prediction_difference", "shift=night"): mean(of["told"], ~night) - mean(of["told"], night),
        ("mean_error_difference", "shift=night"): mean(error, ~night) - mean(error, night),
        ("mean_absolute_error_difference", "shift=night × depot=b"): mean(abs(error), late) - mean(abs(error), ~late),
    }
    for key, value in expected.items():
        one = found[key]
        assert one.value == pytest.approx(value, abs=EXACT), key
        assert one.lower < value < one.upper
        assert one.verdict is Verdict.NOT_COMPARED
        assert "no baseline" in one.reason
    kish = of["weight"][night].sum() ** 2 / (of["weight"][night] ** 2).sum()
    assert found["mean_error_difference", "shift=night"].n == round(kish)


def test_errors_wait_for_labels_and_a_group_told_too_little_is_named(store: Store) -> None:
    """Before labels come the predictions speak alone; once in, the error names the shift, and not the depot."""
    insert(store, 0, delays(1))
    insert(store, 1, delays(2))
    insert(store, 2, delays(3, night_late=9.0), labelled=slice(0, 40))
    insert(store, 3, delays(3, night_late=9.0))
    quiet, waiting, known = (run(store, hour, baseline=0) for hour in (1, 2, 3))
    assert [key for key, one in quiet.items() if one.verdict is Verdict.ALARM] == []
    few = waiting["mean_error_difference", "shift=night"]
    assert (few.verdict, few.value) == (Verdict.NOT_ENOUGH_DATA, None)
    assert "labelled rows against" in few.reason
    assert waiting["mean_prediction_difference", "shift=night"].verdict is Verdict.ALARM
    alarm = known["mean_error_difference", "shift=night"]
    assert alarm.verdict is Verdict.ALARM
    assert alarm.value == pytest.approx(9.0, abs=1.0)
    assert alarm.n_baseline > 300
    assert {segment for (_, segment), one in known.items() if one.verdict is Verdict.ALARM} == {"shift=night"}


def test_why_asks_of_an_error_which_predictions_of_the_group_went_wrong(store: Store) -> None:
    """Late nights are wrong in depot b alone: the question marks these, and their depot is what goes with it."""
    fine, off = delays(1), delays(3)
    bad = (off["shift"] == "night") & (off["depot"] == "b")
    off["told"] = off["told"] - 40.0 * bad
    insert(store, 0, fine)
    insert(store, 1, off)
    found = run(store, 1, baseline=0)["mean_absolute_error_difference", "shift=night"]
    assert found.verdict is Verdict.ALARM
    finding = question(found)
    assert (finding.kind, finding.segment) == (kinds.WRONG, "shift=night")
    selection = select(store, replace(finding, baseline=Window(START, START + HOUR)))
    window = selection.during(found.window)
    asked = "p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}"
    per = f"SELECT p.categorical_features['depot'] AS depot, avg({{weight}}) AS w {{source}} AND {asked} GROUP BY depot"
    share = {row["depot"]: row["w"] for row in store.rows(selection.fill(per), window)}
    assert share["b"] > 0.7 > 0.1 > share["a"]
    (cause,) = explain(store, finding).causes
    assert (cause.kind, cause.attribute, cause.value) == ("feature", "depot", "b")
    words = describe.finding(found)
    assert "mean_absolute_error_difference (shift=night)" in words


def test_bounds_alarm_without_a_baseline(store: Store) -> None:
    """A difference that is surely outside of what somebody allows."""
    insert(store, 0, delays(4, night_late=9.0))
    found = run(store, 0, bounds={"mean_error_difference": (-3.0, 3.0), "prediction_quantile_90_difference": (-90, 90)})
    assert found["mean_error_difference", "shift=night"].verdict is Verdict.ALARM
    assert found["mean_error_difference", "shift=night"].threshold == 3.0
    assert found["prediction_quantile_90_difference", "shift=night"].verdict is Verdict.OK
    assert found["mean_error_difference", "depot=a"].verdict is Verdict.OK


def test_what_does_not_apply_is_refused_by_name(store: Store) -> None:
    """Each measure of classes that the settings name, and no other; and those of numbers by a model of classes."""
    insert(store, 0, delays(5))
    given = {"bounds": {"disparate_impact": (0.8, 1.25)}, "condition_on": "depot", "flip_rows": 100}
    found = run(store, 0, **given)
    for name in ("disparate_impact", "conditional_disparity", "flip_test"):
        assert found[name, ""].verdict is Verdict.SKIPPED
        assert "mean_prediction_difference" in found[name, ""].reason
    assert ("accuracy_difference", "") not in found
    classes = {**delays(6), "told": np.arange(4000) % 2 * 1.0, "truth": np.arange(4000) % 2 * 1.0}
    insert(store, 1, classes)
    of_classes = run(store, 1, bounds={"mean_error_difference": (-1.0, 1.0)})
    assert of_classes["mean_error_difference", ""].verdict is Verdict.SKIPPED
    assert "numbers, and this model predicts classes" in of_classes["mean_error_difference", ""].reason


def test_odd_rows_are_counted_and_left_out(store: Store) -> None:
    """Answers that are no finite number, and truths that are none, change no value and are named."""
    of = delays(7)
    odd = {**of, "told": of["told"].copy(), "truth": of["truth"].copy()}
    odd["told"][:30], odd["truth"][30:60] = np.inf, np.nan
    insert(store, 0, odd)
    found = run(store, 0)
    assert "30 of 4000 rows answer with no finite number" in found["rows_without_number", ""].reason
    night, kept = of["shift"] == "night", np.arange(4000) >= 60
    error, weight = abs(of["told"] - of["truth"]), of["weight"]
    expected = [np.average(error[kept & side], weights=weight[kept & side]) for side in (night, ~night)]
    measured = found["mean_absolute_error_difference", "shift=night"]
    assert measured.value == pytest.approx(expected[0] - expected[1], abs=EXACT)


def test_they_are_stored_and_shown_where_the_classifiers_are(store: Store) -> None:
    """Rows of `monitor_results` by the runner, and the groups of the model's page."""
    insert(store, 0, delays(8))
    insert(store, 1, delays(9, night_late=12.0))
    set_from_window(store, "delay", "1", Window(START, START + HOUR))
    window = Window(START + HOUR, START + 2 * HOUR)
    Runner(store, parse("defaults: {fairness: {facets: [shift]}}")).run_window("delay", "1", window)
    rows = store.rows("SELECT metric, verdict FROM monitor_results FINAL WHERE signal = 'fairness' AND segment != ''")
    assert {row["metric"] for row in rows if row["verdict"] == "alarm"} >= {"mean_error_difference"}
    found, _ = facets(store, "delay", "1", Period(window, 1, 0))
    shown = next(one for one in found if one.metric == "mean_error_difference")
    assert shown.alarms == 1
    assert [one.name for one in shown.groups] == ["shift=day", "shift=night"]
