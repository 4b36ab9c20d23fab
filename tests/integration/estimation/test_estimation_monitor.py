"""The estimation monitor through the store, for every kind of model, and the record of its estimates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.outcome_settings import EstimationSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.monitor import estimation
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading.baselines import set_from_window
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NUMBERS, TEXTS = pa.map_(pa.string(), pa.float64()), pa.map_(pa.string(), pa.string())


def insert(store: Store, hour: int, columns: dict[str, Any], truth: dict[str, Any]) -> None:
    """An hour of predictions; the labels are kept apart, to come when a test says so."""
    rows = len(next(iter(columns.values())))
    when = pa.array([START + HOUR * (hour + i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"h{hour}-{i}" for i in range(rows)]
    said = {"model": ["m"] * rows, "version": ["1"] * rows, "timestamp": when, "prediction_id": ids}
    store.insert("predictions", pa.table({**said, **columns}))
    if truth:
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, **truth}))


def context(store: Store, hour: int, **settings: Any) -> MonitorContext:
    """An hour against the first one."""
    reference = set_from_window(store, "m", "1", Window(START, START + HOUR))
    window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
    given = ModelSettings(estimation=EstimationSettings(**settings))
    return MonitorContext(store, "m", "1", window, reference, given)


def by_metric(results: list[Result], estimator: str) -> dict[str, Result]:
    """The results of one estimator."""
    return {r.metric: r for r in results if r.feature == estimator}


def features(**columns: np.ndarray) -> pa.Array:
    """Numeric features as the store keeps them."""
    rows = np.column_stack(list(columns.values())).tolist()
    return pa.array([list(zip(columns, row, strict=True)) for row in rows], NUMBERS)


def binary(generator: np.random.Generator, share: float, rows: int = 3000) -> tuple[dict[str, Any], np.ndarray]:
    """Scores that ignore a kind of customer who is worse than his score."""
    kind = (generator.random(rows) < share).astype(float)
    score = generator.random(rows)
    chance = np.clip(score + np.where(kind > 0, -0.3, 0.1), 0.02, 0.98)
    truth = (generator.random(rows) < chance).astype(int)
    label = (score > 0.5).astype(int).astype(str)
    return {"value": score, "label": label, "numeric_features": features(kind=kind, score=score)}, truth


def test_estimates_follow_the_inputs(store: Store) -> None:
    """Where the mix of customers moves, what their scores are worth is learnt of such a mix; so is the third opinion.

    Over all of the baseline the precision would be estimated more than 0.1 too high. Features that are beyond those of
    the baseline leave it at that, which is said; without drift nothing is weighted.
    """
    generator = np.random.default_rng(0)
    before, truth = binary(generator, 0.2, 4000)
    insert(store, 0, before, {"label": truth.astype(str)})
    now, later = binary(generator, 0.8)
    insert(store, 1, now, {})
    insert(store, 2, {**now, "numeric_features": features(kind=np.full(3000, 7.0), score=now["value"])}, {})
    results = estimation(context(store, 1, importance_weighted=True))
    plain, weighted = (by_metric(results, name)["precision"] for name in ("cbpe", "importance_weighted"))
    realised = later[now["label"] == "1"].mean()
    assert abs(weighted.value - realised) < 0.05
    assert plain.lower < realised < plain.upper
    guessed = by_metric(estimation(context(store, 2)), "cbpe")["precision"]
    assert abs(guessed.value - realised) > 0.1
    said = "scores are taken to be worth what they are in all of the baseline: kind is beyond that of the baseline"
    assert said in guessed.reason
    assert "taken to be worth" not in plain.reason


def test_losses_are_of_the_rows_that_weights_stand_for(store: Store) -> None:
    """Of rows with large errors one in ten was recorded, and counts as ten: the estimated error is that of all."""
    generator = np.random.default_rng(12)
    for hour in (0, 1):
        rough = (generator.random(8000) < 0.5).astype(float)
        recorded = (rough == 0) | (generator.random(8000) < 0.1)
        rough = rough[recorded]
        noise = generator.normal(size=rough.size) * np.where(rough > 0, 5.0, 1.0)
        value = 20 + generator.normal(size=rough.size)
        weight = np.where(rough > 0, 10.0, 1.0)
        columns = {"value": value, "numeric_features": features(rough=rough), "sample_weight": weight}
        insert(store, hour, columns, {"value": value + noise} if hour == 0 else {})
    found = by_metric(estimation(context(store, 1)), "dle")["mean_absolute_error"]
    assert found.value == pytest.approx(np.average(np.abs(noise), weights=weight), rel=0.15)


def test_the_record_of_estimates_is_kept(store: Store) -> None:
    """Two windows whose labels came: errors, bias and held intervals are those of the stored results."""
    generator = np.random.default_rng(1)
    for hour in range(4):
        columns, truth = binary(generator, 0.2)
        insert(store, hour, columns, {"label": truth.astype(str)})
    gaps, held = [], []
    for hour in (1, 2):
        given = context(store, hour)
        results = [*estimation(given), *performance(given)]
        write_results(store, results, f"run{hour}")
        estimate, realised = (by_metric(results, name)["accuracy"] for name in ("cbpe", ""))
        gaps.append(estimate.value - realised.value)
        held.append(estimate.lower <= realised.value <= estimate.upper)
    assert "track_record" not in by_metric(estimation(context(store, 1)), "cbpe")["accuracy"].details
    found = by_metric(estimation(context(store, 3)), "cbpe")
    record = found["accuracy"].details["track_record"]
    assert record["windows"] == 2
    assert record["error"] == pytest.approx(np.abs(gaps).mean())
    assert record["bias"] == pytest.approx(np.mean(gaps))
    assert record["held"] == np.mean(held)
    assert found["roc_auc"].details["track_record"]["error"] < 0.03


def test_an_estimate_does_not_argue_with_the_labels_that_are_in(store: Store) -> None:
    """Where a model is better than its scores say, its estimate alarms, and steps back once half of the labels are in.

    Scores that moved to the middle promise less; the truth follows them as if they had not.
    """
    generator = np.random.default_rng(5)
    before, truth = binary(generator, 0.0)
    insert(store, 0, before, {"label": truth.astype(str)})
    score = 0.5 + (before["value"] - 0.5) * 0.3
    insert(store, 1, {**before, "value": score}, {})
    alone = by_metric(estimation(context(store, 1)), "cbpe")["roc_auc"]
    assert alone.verdict is Verdict.ALARM
    ids = [f"h1-{i}" for i in range(1600)]
    when = pa.array([START + HOUR] * 1600, pa.timestamp("ns", "UTC"))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, "label": truth[:1600].astype(str)}))
    given = context(store, 1)
    told = by_metric(estimation(given), "cbpe")["roc_auc"]
    realised = by_metric(performance(given), "")["roc_auc"]
    assert realised.verdict is Verdict.OK
    assert told.value == alone.value < realised.lower
    assert told.verdict is Verdict.NOT_COMPARED
    assert told.reason.startswith("labels are in for 1600 of 3000 predictions, which are judged instead")


def test_a_baseline_that_has_no_such_scores_is_too_small(store: Store) -> None:
    """Where the window's scores lie beyond the baseline's, an estimate says so and is no number."""
    generator = np.random.default_rng(6)
    before, truth = binary(generator, 0.2)
    insert(store, 0, {**before, "value": before["value"] / 2}, {"label": truth.astype(str)})
    insert(store, 1, {**before, "value": 0.5 + before["value"] / 2}, {})
    found = by_metric(estimation(context(store, 1)), "cbpe")["accuracy"]
    assert (found.verdict, found.value, found.lower) == (Verdict.NOT_ENOUGH_DATA, None, None)
    assert found.n_baseline == 3000
    assert found.reason.startswith(
        "cannot tell: 3000 of the window's 3000 rows have scores of which the baseline has few"
    )


def test_losses_of_a_regression_are_estimated(store: Store) -> None:
    """Noise grows along a feature: where that feature rises, the estimated error alarms and is near the true one."""
    generator = np.random.default_rng(2)
    errors = []
    for hour, low in enumerate((0.0, 0.0, 0.6)):
        x = generator.uniform(low, 1, 3000)
        noise = generator.normal(size=3000) * (0.5 + 4 * x)
        columns = {"value": 20 + 3 * x, "numeric_features": features(x=x)}
        insert(store, hour, columns, {"value": 20 + 3 * x + noise} if hour == 0 else {})
        errors.append(np.abs(noise).mean())
    quiet, noisy = (by_metric(estimation(context(store, hour)), "dle") for hour in (1, 2))
    assert {"mean_absolute_error", "root_mean_squared_error"} <= quiet.keys()
    for found, error in ((quiet, errors[1]), (noisy, errors[2])):
        assert found["mean_absolute_error"].value == pytest.approx(error, rel=0.1), found["mean_absolute_error"].reason
    assert quiet["mean_absolute_error"].verdict is Verdict.OK
    insert(store, 3, {"value": 20 + 3 * x, "numeric_features": features(x=x + 0.1)}, {})
    gone = by_metric(estimation(context(store, 3)), "dle")["mean_absolute_error"]
    assert (gone.verdict, gone.value, gone.lower) == (Verdict.NOT_COMPARED, None, None)
    assert gone.reason.startswith("x is beyond that of the baseline in ")
    assert noisy["mean_absolute_error"].verdict is Verdict.ALARM


def test_many_classes_are_estimated(store: Store) -> None:
    """Three classes with true scores: accuracy, macro F1 and AUC lie near what the labels say later."""
    generator = np.random.default_rng(3)
    classes = np.array(["a", "b", "c"])
    truths = []
    for hour, sharpness in enumerate((3.0, 3.0, 1.0)):
        scores = generator.dirichlet(np.full(3, 1 / sharpness), 4000)
        place = (generator.random((4000, 1)) > scores.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        pairs = pa.array([list(zip(classes.tolist(), row, strict=True)) for row in scores.tolist()], NUMBERS)
        chosen = scores.argmax(axis=1)
        columns = {"label": classes[chosen], "scores": pairs}
        insert(store, hour, columns, {"label": classes[place]} if hour == 0 else {})
        truths.append((place == chosen).mean())
    quiet, blurred = (by_metric(estimation(context(store, hour)), "cbpe") for hour in (1, 2))
    for found, accuracy in ((quiet, truths[1]), (blurred, truths[2])):
        assert found["accuracy"].value == pytest.approx(accuracy, abs=0.025)
    assert quiet["roc_auc_macro"].value > blurred["roc_auc_macro"].value
    judged = {name: r.verdict for name, r in quiet.items() if r.verdict is not Verdict.NOT_COMPARED}
    assert judged == {"f1_macro": Verdict.OK}
    assert blurred["f1_macro"].verdict is Verdict.ALARM
