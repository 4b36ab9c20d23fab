"""What monitors say of answers of several parts: values of references, where nothing is measured, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from modelspan_analyzer.config.measure_names import PERFORMANCE
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(START, START + HOUR)
BEFORE = Window(START - HOUR, START)
RNG = np.random.default_rng(11)
ROWS = 400
OUTPUTS = pa.map_(pa.string(), pa.list_(pa.float64()))
TEXTS = pa.list_(pa.string())
Found = dict[tuple[str, str], Result]
Look = Callable[..., Found]


def outputs(rows: list[dict[str, list[float]]]) -> pa.Array:
    """Numbers by name as the store has them."""
    return pa.array([list(row.items()) for row in rows], OUTPUTS)


@pytest.fixture
def stored(store: Store) -> Callable[..., None]:
    """Stores answers of a shape, with what was true of them, in a window."""

    def insert(shape: str, answers: dict[str, Any], truths: dict[str, Any], window: Window = WINDOW) -> None:
        rows = len(next(iter(answers.values())))
        ids = [f"{window.start:%H}-{row}" for row in range(rows)]
        stamps = pa.array([window.start] * rows, pa.timestamp("ns", "UTC"))
        whole = {"model": ["m"] * rows, "version": ["1"] * rows, "timestamp": stamps, "prediction_id": ids}
        store.insert("predictions", pa.table({**whole, "shape": [shape] * rows, **answers}))
        known = {"shape": [shape] * rows} if {"items", "outputs"} & truths.keys() else {}
        if truths:
            store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, **known, **truths}))

    return insert


@pytest.fixture
def look(store: Store) -> Look:
    """What the monitor of performance says of the window, by measure and output."""

    def run(**settings: Any) -> Found:
        chosen = ModelSettings.model_validate(settings)
        baseline = baselines.active(store, "m", "1")
        context = MonitorContext(store, "m", "1", WINDOW, baseline, chosen)
        found = {(one.metric, one.feature): one for one in performance(context)}
        assert {metric for metric, _ in found} <= {*PERFORMANCE, "labels_share", "answers"} | {
            f"{what}_at_{k}" for what in ("precision", "recall") for k in (5, 10)
        }
        return found

    return run


def value(found: Found, metric: str, of: str = "") -> float:
    """The value of a measure."""
    known = found[metric, of].value
    assert known is not None
    return known


# --- several outputs --------------------------------------------------------------------------------------

TRUE = RNG.normal(10, 3, (ROWS, 2))
NEAR = TRUE + RNG.normal(0, 1, (ROWS, 2))


def named(rows: np.ndarray) -> list[dict[str, list[float]]]:
    """Two outputs by name."""
    return [{"price": [price], "demand": [demand]} for price, demand in rows.tolist()]


@pytest.mark.parametrize(
    "spell", [named, lambda rows: [{"value": row} for row in rows.tolist()]], ids=["names", "vector"]
)
def test_each_output_is_a_regression_of_its_own(stored: Callable[..., None], look: Look, spell: Any) -> None:
    """And the mean over them is scikit-learn's uniform one."""
    stored("multioutput", {"outputs": outputs(spell(NEAR))}, {"outputs": outputs(spell(TRUE))})
    found = look()
    names = ["price", "demand"] if spell is named else ["value[1]", "value[2]"]
    for at, name in enumerate(names):
        assert value(found, "r_squared", name) == pytest.approx(metrics.r2_score(TRUE[:, at], NEAR[:, at]), abs=1e-9)
        assert value(found, "root_mean_squared_error", name) == pytest.approx(
            metrics.root_mean_squared_error(TRUE[:, at], NEAR[:, at]), abs=1e-9
        )
    assert value(found, "mean_absolute_error") == pytest.approx(metrics.mean_absolute_error(TRUE, NEAR), abs=1e-9)
    assert value(found, "mean_squared_error") == pytest.approx(metrics.mean_squared_error(TRUE, NEAR), abs=1e-9)
    whole = found["mean_absolute_error", ""]
    assert whole.lower is not None and whole.value is not None and whole.lower < whole.value
    assert found["labels_share", ""].value == 1.0
    assert "taken for multioutput" in found["labels_share", ""].reason


def test_one_output_that_gets_worse_alarms_by_its_name(stored: Callable[..., None], look: Look, store: Store) -> None:
    """The other one does not."""
    stored("multioutput", {"outputs": outputs(named(NEAR))}, {"outputs": outputs(named(TRUE))}, BEFORE)
    baselines.set_from_window(store, "m", "1", BEFORE)
    worse = NEAR + np.column_stack([np.zeros(ROWS), RNG.normal(0, 4, ROWS)])
    stored("multioutput", {"outputs": outputs(named(worse))}, {"outputs": outputs(named(TRUE))})
    found = look()
    assert found["mean_absolute_error", "demand"].verdict is Verdict.ALARM
    assert found["mean_absolute_error", "price"].verdict is Verdict.OK
    assert found["mean_absolute_error", ""].verdict is Verdict.ALARM


def test_labels_of_other_outputs_are_named(stored: Callable[..., None], look: Look) -> None:
    """Numbers in order do not meet numbers by name: nobody knows which is which."""
    vectors = outputs([{"value": row} for row in TRUE.tolist()])
    stored("multioutput", {"outputs": outputs(named(NEAR))}, {"outputs": vectors})
    one = look()["mean_absolute_error", ""]
    assert one.verdict is Verdict.ERROR
    assert f"labels are in for {ROWS} predictions, and none can be used" in one.reason
    assert "give labels as answers are, by name or in order" in one.reason


# --- several labels ---------------------------------------------------------------------------------------

TAGS = ["ad", "ham", "spam"]
HAS = RNG.random((ROWS, 3)) < [0.2, 0.5, 0.7]
SCORE = np.clip(HAS * 0.4 + RNG.random((ROWS, 3)) * 0.6, 0, 1)
SAID = SCORE >= 0.5


def sets(flags: np.ndarray) -> pa.Array:
    """The labels of rows."""
    return pa.array([[name for name, flag in zip(TAGS, row, strict=True) if flag] for row in flags], TEXTS)


def test_sets_of_labels_and_their_scores(stored: Callable[..., None], look: Look) -> None:
    """Together, each label by itself, and by its scores: the values of scikit-learn."""
    scores = pa.array([list(zip(TAGS, row, strict=True)) for row in SCORE.tolist()], pa.map_(pa.string(), pa.float64()))
    stored("multilabel", {"items": sets(SAID), "scores": scores}, {"items": sets(HAS)})
    found = look()
    assert value(found, "f1_macro") == pytest.approx(metrics.f1_score(HAS, SAID, average="macro"), abs=1e-9)
    assert value(found, "f1_micro") == pytest.approx(metrics.f1_score(HAS, SAID, average="micro"), abs=1e-9)
    assert value(found, "exact_match") == pytest.approx(metrics.accuracy_score(HAS, SAID), abs=1e-9)
    assert value(found, "hamming_loss") == pytest.approx(metrics.hamming_loss(HAS, SAID), abs=1e-9)
    assert value(found, "label_ranking_average_precision") == pytest.approx(
        metrics.label_ranking_average_precision_score(HAS, SCORE), abs=1e-9
    )
    for at, name in enumerate(TAGS):
        assert value(found, "f1", name) == pytest.approx(metrics.f1_score(HAS[:, at], SAID[:, at]), abs=1e-9)
        assert value(found, "roc_auc", name) == pytest.approx(metrics.roc_auc_score(HAS[:, at], SCORE[:, at]), abs=1e-9)


def test_truths_may_be_flags_by_label(stored: Callable[..., None], look: Look) -> None:
    """What is true is what is 1."""
    flags = outputs([{name: [float(flag)] for name, flag in zip(TAGS, row, strict=True)} for row in HAS])
    stored("multilabel", {"items": sets(SAID)}, {"outputs": flags})
    assert value(look(), "jaccard") == pytest.approx(
        metrics.jaccard_score(HAS, SAID, average="samples", zero_division=1.0), abs=1e-9
    )


# --- ranked lists -----------------------------------------------------------------------------------------


def test_recommendations(stored: Callable[..., None], look: Look) -> None:
    """Against what was relevant, which may not have been shown; and what the lists are like without any label."""
    shown = [[f"i{at}" for at in RNG.permutation(30)[:12]] for _ in range(ROWS)]
    wanted = [[f"i{at}" for at in RNG.permutation(30)[: RNG.integers(0, 5)]] for _ in range(ROWS)]
    stored("ranking", {"items": pa.array(shown, TEXTS)}, {"items": pa.array(wanted, TEXTS)})
    found = look(performance={"cut_off": 5})
    hits = [[item in truth for item in items[:5]] for items, truth in zip(shown, wanted, strict=True)]
    some = [at for at in range(ROWS) if wanted[at]]
    assert value(found, "precision_at_5") == pytest.approx(np.mean([sum(hits[at]) / 5 for at in some]), abs=1e-9)
    assert value(found, "recall_at_5") == pytest.approx(
        np.mean([sum(hits[at]) / len(wanted[at]) for at in some]), abs=1e-9
    )
    best = [sum(1 / np.log2(rank + 2) for rank in range(min(5, len(wanted[at])))) for at in some]
    gained = [sum(hit / np.log2(rank + 2) for rank, hit in enumerate(hits[at])) for at in some]
    assert value(found, "ndcg") == pytest.approx(np.mean(np.divide(gained, best)), abs=1e-9)
    assert found["ndcg", ""].details["rows_left_out"] == ROWS - len(some)
    assert value(found, "catalogue_coverage") == 1.0
    assert 0 < value(found, "inter_list_diversity") < 1
    popular = {item: sum(item in truth for truth in wanted) / ROWS for truth in wanted for item in truth}
    least = min(popular.values())
    lists = [np.mean([popular.get(item, least) for item in items[:5]]) for items in shown]
    assert value(found, "mean_popularity") == pytest.approx(np.mean(lists), abs=1e-9)


def test_relevance_may_have_grades_and_lists_need_no_labels(stored: Callable[..., None], look: Look) -> None:
    """A list's own order of the relevant items counts where they are graded."""
    stored("ranking", {"items": pa.array([["a", "b", "c"]] * ROWS, TEXTS)}, {})
    assert value(look(), "inter_list_diversity") == pytest.approx(0.0)
    assert ("ndcg", "") not in look()


def test_grades(stored: Callable[..., None], look: Look) -> None:
    """The gain is the grade, by name or beside the item."""
    half = ROWS // 2
    grades = outputs([{"c": [3.0], "a": [1.0]}] * half + [{"score": [3.0, 1.0]}] * half)
    items = pa.array([[]] * half + [["c", "a"]] * half, TEXTS)
    stored("ranking", {"items": pa.array([["a", "b", "c"]] * ROWS, TEXTS)}, {"outputs": grades, "items": items})
    expected = metrics.ndcg_score([[1, 0, 3]], [[3, 2, 1]])
    assert value(look(), "ndcg") == pytest.approx(expected, abs=1e-9)


# --- quantiles --------------------------------------------------------------------------------------------

LEVELS = {"0.1": -1.2816, "0.5": 0.0, "0.9": 1.2816}


@pytest.mark.parametrize("steps", [1, 3])
def test_quantile_forecasts(stored: Callable[..., None], look: Look, steps: int) -> None:
    """Pinball loss, coverage and width, of all steps and of each."""
    actual = RNG.normal(0, 1, (ROWS, steps)) * np.arange(1, steps + 1)
    forecast = {name: np.repeat([np.arange(1, steps + 1) * z], ROWS, axis=0) for name, z in LEVELS.items()}
    rows = [{name: column[at].tolist() for name, column in forecast.items()} for at in range(ROWS)]
    truth = {"value": actual[:, 0]} if steps == 1 else {"outputs": outputs([{"value": row} for row in actual.tolist()])}
    stored("quantile", {"outputs": outputs(rows)}, truth)
    found = look()
    losses = [metrics.mean_pinball_loss(actual, forecast[name], alpha=float(name)) for name in LEVELS]
    assert value(found, "pinball_loss") == pytest.approx(np.mean(losses), abs=1e-9)
    held = (forecast["0.1"] <= actual) & (actual <= forecast["0.9"])
    assert value(found, "interval_coverage_80") == pytest.approx(held.mean(), abs=1e-9)
    assert value(found, "interval_width_80") == pytest.approx((forecast["0.9"] - forecast["0.1"]).mean(), abs=1e-9)
    assert value(found, "quantile_crossing") == 0.0
    if steps > 1:
        assert value(found, "interval_coverage_80", "step 3") == pytest.approx(held[:, 2].mean(), abs=1e-9)


def forecasts(lower: float, upper: float, rows: int = ROWS) -> list[dict[str, list[float]]]:
    """The same 10 % and 90 % quantile in each row."""
    return [{"0.1": [lower], "0.9": [upper]}] * rows


def test_quantiles_that_cross_alarm_without_baseline_and_labels(stored: Callable[..., None], look: Look) -> None:
    """A 10 % quantile above the 90 % one is wrong whatever turns out to be true."""
    stored("quantile", {"outputs": outputs(forecasts(1.0, -1.0))}, {})
    found = look()
    one = found["quantile_crossing", ""]
    assert (one.verdict, one.value, one.threshold, one.n) == (Verdict.ALARM, 1.0, 0.05, ROWS)
    assert "100.0% of the forecasts have a quantile that lies below one of a lower level" in one.reason
    assert found["labels_share", ""].verdict is Verdict.NOT_ENOUGH_DATA
    accepted = look(performance={"bounds": {"quantile_crossing": 1.0}})
    assert accepted["quantile_crossing", ""].verdict is Verdict.OK


def test_few_quantiles_that_cross_are_told_and_do_not_alarm(stored: Callable[..., None], look: Look) -> None:
    """Levels that are fitted one by one cross in some rows; what is one but for rounding does not cross."""
    some, rounding = forecasts(1.0, -1.0, 8), forecasts(float(np.float32(0.3)), 0.3, 40)
    stored("quantile", {"outputs": outputs([*some, *rounding, *forecasts(-1.0, 1.0, ROWS - 48)])}, {})
    one = look()["quantile_crossing", ""]
    assert (one.verdict, one.value) == (Verdict.OK, 0.02)
    assert "2.0% of the forecasts" in one.reason


def test_a_step_that_always_crosses_alarms_by_its_name(stored: Callable[..., None], look: Look) -> None:
    """Among thirty steps it is too few of all forecasts to be seen."""
    rows = [{"0.1": [-1.0] * 29 + [2.0], "0.9": [1.0] * 30}] * ROWS
    stored("quantile", {"outputs": outputs(rows)}, {})
    found = look()
    assert found["quantile_crossing", ""].verdict is Verdict.OK
    assert found["quantile_crossing", "step 30"].verdict is Verdict.ALARM
    assert found["quantile_crossing", "step 1"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("reach", "verdict"),
    [(0.25, Verdict.ALARM), (1.15, Verdict.OK), (1.2816, Verdict.OK), (3.5, Verdict.WARNING)],
    ids=["holds a fifth", "nearly", "as it says", "holds all"],
)
def test_intervals_hold_what_they_say(stored: Callable[..., None], look: Look, reach: float, verdict: Verdict) -> None:
    """Surely and notably fewer is an alarm without a baseline, surely more a warning: they are too wide."""
    actual = np.random.default_rng(5).normal(0, 1, ROWS)
    stored("quantile", {"outputs": outputs(forecasts(-reach, reach))}, {"value": actual})
    one = look()["interval_coverage_80", ""]
    assert one.verdict is verdict
    assert "intervals that say 80% hold" in one.reason
    assert one.direction == ("above" if verdict is Verdict.WARNING else "below")
    assert one.threshold == pytest.approx(0.873 if verdict is Verdict.WARNING else 0.714, abs=1e-3)
    accepted = look(performance={"bounds": {"interval_coverage_80": 0.0}})
    assert accepted["interval_coverage_80", ""].verdict is Verdict.OK


def test_truths_at_the_end_of_an_interval_are_not_too_many(stored: Callable[..., None], look: Look) -> None:
    """Where most truths are 0, a right 10 % quantile is 0 too, and the interval holds more than 80 % of them."""
    generator = np.random.default_rng(6)
    actual = np.where(generator.random(ROWS) < 0.7, 0.0, generator.random(ROWS))
    stored("quantile", {"outputs": outputs(forecasts(0.0, 2 / 3))}, {"value": actual})
    one = look()["interval_coverage_80", ""]
    assert one.value is not None and one.value > 0.88
    assert one.verdict is Verdict.OK


def test_a_promise_is_kept_to_beside_a_baseline_that_broke_it_too(
    stored: Callable[..., None], look: Look, store: Store
) -> None:
    """And labels that cannot be used are still a fault where crossing was measured without them."""
    actual = {"value": np.random.default_rng(5).normal(0, 1, ROWS)}
    stored("quantile", {"outputs": outputs(forecasts(-0.25, 0.25))}, actual, BEFORE)
    baselines.set_from_window(store, "m", "1", BEFORE)
    stored("quantile", {"outputs": outputs(forecasts(-0.25, 0.25))}, {"items": pa.array([["a"]] * ROWS, TEXTS)})
    assert look()["pinball_loss", ""].verdict is Verdict.ERROR
    stored("quantile", {"outputs": outputs(forecasts(-0.25, 0.25))}, actual)
    assert look()["interval_coverage_80", ""].verdict is Verdict.ALARM


# --- what is not measured -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["detection", "segmentation", "untold"])
def test_what_no_measure_takes_is_said(stored: Callable[..., None], look: Look, shape: str) -> None:
    """With where it can be read; where nothing says what it is, it is not looked at, until somebody does."""
    stored(shape, {"items": pa.array([["cat"]] * ROWS, TEXTS)}, {"items": pa.array([["dog"]] * ROWS, TEXTS)})
    one = look()["answers", ""]
    assert one.verdict is (Verdict.NOT_ENOUGH_DATA if shape == "untold" else Verdict.SKIPPED)
    assert f"the shape {shape}" in one.reason and "predictions.items" in one.reason
    assert ("task=" in one.reason) is (shape == "untold")


def test_whole_numbers_that_are_taken_for_numbers_are_named(
    store: Store, stored: Callable[..., None], look: Look
) -> None:
    """A card settles it."""
    whole = RNG.integers(0, 5, ROWS).astype(float)
    stored("", {"value": whole}, {"value": whole})
    found = look()
    assert found["mean_absolute_error", ""].value == 0.0
    assert "whole numbers, and are taken for numbers, not for classes" in found["labels_share", ""].reason
    card = {"model": ["m"], "version": ["1"], "timestamp": pa.array([START], pa.timestamp("ns", "UTC"))}
    store.insert("models", pa.table({**card, "task": ["classification"]}))
    assert value(look(), "accuracy") == 1.0


def test_anomaly_scores_are_measured_by_their_order(store: Store, stored: Callable[..., None], look: Look) -> None:
    """They are no probabilities; labels say which rows were anomalies."""
    score, odd = RNG.normal(0, 5, ROWS), RNG.random(ROWS) < 0.2
    score[odd] += 5
    stored("", {"value": score}, {"label": np.where(odd, "true", "false")})
    card = {"model": ["m"], "version": ["1"], "timestamp": pa.array([START], pa.timestamp("ns", "UTC"))}
    store.insert("models", pa.table({**card, "task": ["anomaly"]}))
    found = look()
    assert value(found, "roc_auc") == pytest.approx(metrics.roc_auc_score(odd, score), abs=1e-9)
    assert value(found, "average_precision") == pytest.approx(metrics.average_precision_score(odd, score), abs=1e-9)
    for name in ("brier", "accuracy"):
        assert found[name, ""].verdict is Verdict.SKIPPED and "by their order alone" in found[name, ""].reason
    assert [one for one in found.values() if one.verdict is Verdict.ERROR] == []
    refused = [one for one in Runner(store).run_window("m", "1", WINDOW) if "anomaly scores" in one.reason]
    assert {one.signal for one in refused} == {"performance", "estimation", "fairness", "concept"}


SIGNS = np.where(RNG.random(ROWS) < 0.2, -1.0, 1.0)
"""As scikit-learn's detectors say it: -1 is what is unusual."""


def card(store: Store, task: str) -> None:
    """What the model says of itself."""
    stamp = pa.array([START], pa.timestamp("ns", "UTC"))
    store.insert("models", pa.table({"model": ["m"], "version": ["1"], "timestamp": stamp, "task": [task]}))


@pytest.mark.parametrize("named", [False, True], ids=["scores", "scores beside classes"])
def test_labels_of_minus_one_are_the_anomalies(
    store: Store, stored: Callable[..., None], look: Look, named: bool
) -> None:
    """Scores are the higher, the less usual a row is, whichever way labels are written; classes beside them are right
    or wrong, and the scores no probabilities then either."""
    score = RNG.normal(0, 2, ROWS) - 2 * SIGNS
    said = np.where(score > 2, "-1", "1")
    stored("", {"value": score, **({"label": said} if named else {})}, {"value": SIGNS})
    card(store, "anomaly")
    found = look()
    assert value(found, "roc_auc") == pytest.approx(metrics.roc_auc_score(SIGNS == -1, score), abs=1e-9)
    assert value(found, "average_precision") == pytest.approx(metrics.average_precision_score(SIGNS < 0, score))
    assert found["brier", ""].verdict is Verdict.SKIPPED
    if named:
        assert value(found, "recall") == pytest.approx(metrics.recall_score(SIGNS == -1, said == "-1"))
    assert [one for one in found.values() if one.verdict is Verdict.ERROR] == []


@pytest.mark.parametrize(("task", "positive"), [("anomaly", -1), ("", 1)])
def test_answers_of_minus_one_and_one_are_classes(
    store: Store, stored: Callable[..., None], look: Look, task: str, positive: int
) -> None:
    """As `predict` of an isolation forest, or of a classifier of signs, gives them: no amounts, and no scores."""
    said = np.where(RNG.random(ROWS) < 0.9, SIGNS, -SIGNS)
    stored("", {"value": said}, {"value": SIGNS})
    if task:
        card(store, task)
    found = look()
    assert "the numbers -1 and 1 are taken for classes" in found["labels_share", ""].reason
    assert value(found, "recall") == pytest.approx(metrics.recall_score(SIGNS, said, pos_label=positive))
    assert value(found, "balanced_accuracy") == pytest.approx(metrics.balanced_accuracy_score(SIGNS, said))


def test_scores_of_an_order_that_is_surely_upside_down_are_an_error(
    store: Store, stored: Callable[..., None], look: Look
) -> None:
    """Those of scikit-learn are the lower, the less usual a row is: nobody may read that as a bad model."""
    stored("", {"value": RNG.normal(0, 2, ROWS) + 2 * SIGNS}, {"value": SIGNS})
    card(store, "anomaly")
    found = look()
    assert found["roc_auc", ""].verdict is Verdict.ERROR
    assert "with the other sign" in found["roc_auc", ""].reason


def test_zeros_and_ones_have_the_names_of_the_cards_classes(
    store: Store, stored: Callable[..., None], look: Look
) -> None:
    """As indicator matrices of scikit-learn have them; a row of another length names nothing, and is left out."""
    stamp = pa.array([START], pa.timestamp("ns", "UTC"))
    card = {"model": ["m"], "version": ["1"], "timestamp": stamp, "task": ["multilabel"], "classes": [TAGS]}
    store.insert("models", pa.table(card))
    flags = [{"value": row} for row in HAS.astype(float).tolist()]
    flags[:10] = [{"value": [1.0, 0.0]}] * 10
    stored("multilabel", {"items": sets(SAID)}, {"outputs": outputs(flags)})
    found = look()
    macro = metrics.f1_score(HAS[10:], SAID[10:], average="macro")
    assert value(found, "f1_macro") == pytest.approx(macro, abs=1e-12)
    assert value(found, "exact_match") == pytest.approx(metrics.accuracy_score(HAS[10:], SAID[10:]))
    assert found["f1_macro", ""].details["rows_left_out"] == 10


def test_lists_without_a_label_are_not_left_out(store: Store, stored: Callable[..., None], look: Look) -> None:
    """Their labels are late; those to which nothing was relevant are, and are counted."""
    stored("ranking", {"items": pa.array([["a", "b"]] * ROWS, TEXTS)}, {})
    known = range(ROWS - 2)
    truths = [[] if row < 40 else ["a"] for row in known]
    stamps = pa.array([START] * len(known), pa.timestamp("ns", "UTC"))
    table = {"prediction_id": [f"00-{row}" for row in known], "timestamp": stamps, "shape": ["ranking"] * len(known)}
    store.insert("labels", pa.table({**table, "items": pa.array(truths, TEXTS)}))
    one = look()["ndcg", ""]
    assert (one.value, one.n, one.details["rows_left_out"]) == (1.0, ROWS - 42, 40)


def test_masked_ids_are_an_error(stored: Callable[..., None], look: Look) -> None:
    """All are alike, and all would be hits."""
    stored("ranking", {"items": pa.array([["***"] * 3] * ROWS, TEXTS)}, {"items": pa.array([["***"]] * ROWS, TEXTS)})
    assert "ids of items are masked" in look()["hit_rate", ""].reason


def test_ids_of_two_kinds_are_an_error(stored: Callable[..., None], look: Look) -> None:
    """Lists of names and labels by number meet nowhere, which is no recommendation that nobody wanted."""
    shown = [[f"sku-{item}" for item in row] for row in ids(ROWS, 10)]
    stored("ranking", {"items": pa.array(shown, TEXTS)}, {"value": RNG.integers(0, 40, ROWS).astype(float)})
    one = look()["ndcg", ""]
    assert (one.verdict, one.value) == (Verdict.ERROR, None)
    assert "no item that is relevant by a label was ever shown: lists hold sku-" in one.reason


def test_lists_that_are_all_empty_show_nothing_that_is_relevant(stored: Callable[..., None], look: Look) -> None:
    """A recommender that gives no items any more is not skipped: it hits nothing."""
    stored("ranking", {"items": pa.array([[]] * ROWS, TEXTS)}, {"items": pa.array([["a"]] * ROWS, TEXTS)})
    found = look()
    assert (value(found, "ndcg"), value(found, "hit_rate"), value(found, "recall_at_10")) == (0.0, 0.0, 0.0)


def test_labels_of_several_parts_beside_numbers_are_an_error(stored: Callable[..., None], look: Look) -> None:
    """They are not labels that are late: nothing would ever use them."""
    stored(
        "",
        {"value": RNG.normal(0, 1, ROWS)},
        {"outputs": outputs([{"value": [1.0, 2.0]}] * ROWS), "shape": ["untold"] * ROWS},
    )
    one = look()["labels_share", ""]
    assert one.verdict is Verdict.ERROR
    assert f"{ROWS} have a label of several numbers or texts, which no answer is" in one.reason


def ids(rows: int, count: int) -> list[list[int]]:
    """Lists of different whole numbers."""
    return [RNG.permutation(40)[:count].tolist() for _ in range(rows)]


@pytest.mark.parametrize("answers_too", [False, True], ids=["truths", "answers too"])
def test_items_that_are_whole_numbers_are_ids(stored: Callable[..., None], look: Look, answers_too: bool) -> None:
    """A list of numbers says nothing of what it is: beside ranked items, they are ids of items."""
    shown, relevant = ids(ROWS, 10), ids(ROWS, 3)
    numbers = {"outputs": outputs([{"value": [float(one) for one in row]} for row in relevant])}
    texts = {"items": pa.array([[str(one) for one in row] for row in shown], TEXTS)}
    if answers_too:
        texts = {"outputs": outputs([{"value": [float(one) for one in row]} for row in shown])}
    stored("ranking", texts, numbers)
    hits = [bool({*row} & {*true}) for row, true in zip(shown, relevant, strict=True)]
    assert value(look(), "hit_rate") == pytest.approx(np.mean(hits), abs=1e-12)


def test_flags_without_names_name_no_label(stored: Callable[..., None], look: Look) -> None:
    """Rows whose truth is zeros and ones alone are left out, and counted; ids of labels are their names."""
    said = pa.array([["3"]] * ROWS, TEXTS)
    flags = [{"value": [1.0, 0.0]} if row < 100 else {"value": [3.0]} for row in range(ROWS)]
    stored("multilabel", {"items": said}, {"outputs": outputs(flags)})
    found = look()
    assert (value(found, "exact_match"), found["f1_macro", ""].details["rows_left_out"]) == (1.0, 100)


def test_signals_of_one_number_or_class_say_that_they_do_not_apply(store: Store, stored: Callable[..., None]) -> None:
    """All others run, and nothing fails."""
    for window in (BEFORE, WINDOW):
        stored("multilabel", {"items": sets(SAID)}, {"items": sets(HAS)}, window)
    baselines.set_from_window(store, "m", "1", BEFORE)
    results = Runner(store).run_window("m", "1", WINDOW)
    assert [one for one in results if one.verdict is Verdict.ERROR] == []
    refused = {one.signal: one for one in results if one.metric == "answers"}
    assert refused.keys() >= {"estimation", "fairness", "concept"}
    for one in refused.values():
        assert one.verdict is Verdict.SKIPPED and "of the shape multilabel" in one.reason
    assert {one.signal for one in results if one.feature == "items.set"} == {"prediction_drift"}
