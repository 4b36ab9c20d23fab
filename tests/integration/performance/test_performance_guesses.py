"""What stored answers and labels mean: one class in two spellings, whole numbers, scores that are no probabilities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from modelspan.conventions import positive_of
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.monitor import estimation
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.performance import measures
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 600
RNG = np.random.default_rng(5)
TRUTH = RNG.integers(0, 2, ROWS)
ANSWER = np.where(RNG.random(ROWS) < 0.8, TRUTH, 1 - TRUTH)
Look = Callable[..., dict[str, Result]]


@pytest.fixture
def look(store: Store) -> Look:
    """Stores answers and labels; gives what a monitor says, by metric."""

    def run(
        answers: dict[str, Any],
        labels: dict[str, Any],
        card: str = "",
        monitor: Callable[[MonitorContext], list[Result]] = performance,
        **settings: Any,
    ) -> dict[str, Result]:
        rows = len(next(iter(answers.values())))
        ids, stamps = [f"p{row}" for row in range(rows)], pa.array([START] * rows, pa.timestamp("ns", "UTC"))
        whole = {"model": ["m"] * rows, "version": ["1"] * rows, "timestamp": stamps, "prediction_id": ids}
        store.insert("predictions", pa.table({**whole, **answers}))
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, **labels}))
        if card:
            store.insert(
                "models", pa.table({"model": ["m"], "version": ["1"], "timestamp": stamps[:1], "task": [card]})
            )
        chosen = ModelSettings.model_validate(settings)
        baseline = baselines.active(store, "m", "1")
        return {r.metric: r for r in monitor(MonitorContext(store, "m", "1", WINDOW, baseline, chosen))}

    return run


def spelt(values: Any, words: tuple[str, str]) -> list[str]:
    """Zeros and ones in some spelling."""
    return [words[value] for value in values]


@pytest.mark.parametrize("answers", [("0", "1"), ("False", "True"), ("no", "yes"), ("0.0", "1.0")])
@pytest.mark.parametrize("truths", [("0", "1"), ("False", "True"), ("No", "Yes"), ("0.0", "1.0")])
def test_one_class_in_two_spellings_is_one_class(look: Look, answers: tuple[str, str], truths: tuple[str, str]) -> None:
    """Accuracy is scikit-learn's whatever the spellings, the task is binary, and what was taken for what is said."""
    found = look({"label": spelt(ANSWER, answers)}, {"label": spelt(TRUTH, truths)})
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(TRUTH, ANSWER))
    assert found["recall"].value == pytest.approx(metrics.recall_score(TRUTH, ANSWER))
    guess = found["labels_share"].details["guess"]
    assert (f"{truths[1]} is {answers[1]}" in guess) is (truths != answers)
    assert "task=" in guess


def test_classes_that_differ_stay_apart(look: Look) -> None:
    """Where one side knows both words, they are two classes."""
    words = np.array(["1", "True", "0"])[RNG.integers(0, 3, ROWS)]
    found = look({"label": words}, {"label": words})
    assert found["accuracy"].details["classes"] == ["0", "1", "True"]


@pytest.mark.parametrize("card", ["", "regression"])
def test_whole_numbers_are_measured_as_numbers(look: Look, card: str) -> None:
    """A regression that answers integers has error measures: by its card, else because so many different ones come."""
    actual = RNG.integers(0, 60, ROWS)
    answer = actual + RNG.integers(-3, 4, ROWS)
    found = look({"label": answer.astype(str)}, {"label": actual.astype(str)}, card)
    error = metrics.mean_absolute_error(actual, answer)
    assert found["mean_absolute_error"].value == pytest.approx(error)
    assert found["labels_share"].details["task"] == "regression"
    assert bool(found["labels_share"].details["guess"]) is not bool(card)


def test_few_whole_numbers_are_classes(look: Look) -> None:
    """Digits stay classes."""
    digits = RNG.integers(0, 10, ROWS).astype(str)
    assert look({"label": digits}, {"label": digits})["accuracy"].value == 1.0


MONITORS: dict[str, tuple[Callable[[MonitorContext], list[Result]], tuple[str, ...]]] = {
    "performance": (performance, ("brier", "log_loss", "expected_calibration_error")),
    "estimation": (estimation, ("cbpe",)),
    "concept": (concept, ("calibration_drift",)),
}


@pytest.mark.parametrize("name", MONITORS)
def test_scores_that_are_no_probabilities_are_errors_where_probabilities_are_needed(
    look: Look, store: Store, name: str
) -> None:
    """Scores of 0 to 100: an error in a sentence with the option, never ok; what needs an order alone is measured."""
    monitor, metrics_named = MONITORS[name]
    score = 100 * np.clip(TRUTH * 0.3 + RNG.random(ROWS) * 0.7, 0, 1)
    table = pa.table(
        {"score": score, "answer": spelt(ANSWER, ("0", "1")), "truth": spelt(TRUTH, ("0", "1")), "x": score}
    )
    baselines.set_from_table(store, "m", "1", table, score="score", prediction="answer", label="truth", source="test")
    given = {"value": score, "label": spelt(ANSWER, ("0", "1"))}
    found = look(given, {"label": spelt(TRUTH, ("0", "1"))}, monitor=monitor)
    for metric in metrics_named:
        assert (found[metric].verdict, found[metric].value) == (Verdict.ERROR, None), metric
        assert "no probabilities" in found[metric].reason
        assert "--score-scale" in found[metric].reason
    if name == "performance":
        assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH, score))
        assert found["accuracy"].verdict is Verdict.NOT_COMPARED  # it is not in `alarm_on`


HALF = np.where(RNG.random(ROWS) < 0.5, TRUTH, 1 - TRUTH)


def test_answers_without_scores_alarm(look: Look, store: Store) -> None:
    """Answers that were right in four of five rows, and now are in half of them, alarm without a score to order by."""
    words = {"answer": spelt(ANSWER, ("0", "1")), "truth": spelt(TRUTH, ("0", "1")), "x": RNG.random(ROWS)}
    baselines.set_from_table(store, "m", "1", pa.table(words), prediction="answer", label="truth", source="test")
    found = look({"label": spelt(HALF, ("0", "1"))}, {"label": spelt(TRUTH, ("0", "1"))})
    assert found["balanced_accuracy"].verdict is Verdict.ALARM
    assert found["roc_auc"].verdict is Verdict.SKIPPED


def test_without_a_baseline_what_is_no_better_than_one_answer_is_said_to_be(look: Look) -> None:
    """Neither has a verdict: of answers that are right half of the time it is said, of better ones it is not."""
    found = look({"label": spelt(HALF, ("no", "yes"))}, {"label": spelt(TRUTH, ("no", "yes"))})
    assert found["balanced_accuracy"].verdict is Verdict.NOT_COMPARED
    assert found["balanced_accuracy"].reason.startswith(
        "it is not surely better than `best_constant`, 0.5; no baseline"
    )
    better = look({"label": spelt(ANSWER, ("no", "yes"))}, {"label": spelt(TRUTH, ("no", "yes"))})
    assert better["balanced_accuracy"].verdict is Verdict.NOT_COMPARED
    assert better["balanced_accuracy"].reason.startswith("no baseline")


@pytest.mark.parametrize("known", [("0", "1"), ("stays", "goes")], ids=["in the baseline too", "since the baseline"])
@pytest.mark.parametrize("monitor", [performance, estimation, concept])
def test_labels_that_name_no_class_of_the_answers_are_an_error(
    look: Look, store: Store, monitor: Any, known: tuple[str, str]
) -> None:
    """Answers of stays and goes, labels of 1 and 0: nothing is measured as if it were wrong, both are named."""
    given = {"answer": spelt(ANSWER, ("stays", "goes")), "truth": spelt(TRUTH, known), "x": RNG.random(ROWS)}
    baselines.set_from_table(store, "m", "1", pa.table(given), prediction="answer", label="truth", source="test")
    found = look({"label": given["answer"]}, {"label": spelt(TRUTH, ("0", "1"))}, monitor=monitor)
    if monitor is concept:
        assert {one.verdict for one in found.values()} == {Verdict.NOT_ENOUGH_DATA}
        return
    metric = {performance: "accuracy", estimation: "estimate"}[monitor]
    assert (found[metric].verdict, found[metric].value) == (Verdict.ERROR, None)
    assert found[metric].reason.startswith("answers say goes, stays, and labels 0, 1: no answer can be right")
    assert "balanced_accuracy" not in found


@pytest.mark.parametrize("share", [0.002, 0.2])
def test_a_label_of_no_class_of_the_model_leaves_it_one_of_two_classes(look: Look, store: Store, share: float) -> None:
    """Some labels are `disputed`: the others are measured, scores too; these are counted, many are a warning."""
    score = np.clip(TRUTH * 0.3 + RNG.random(ROWS) * 0.7, 0, 1)
    words = {"answer": spelt(ANSWER, ("no", "yes")), "truth": spelt(TRUTH, ("no", "yes")), "score": score}
    roles = {"score": "score", "prediction": "answer", "label": "truth"}
    baselines.set_from_table(store, "m", "1", pa.table({**words, "x": RNG.random(ROWS)}), **roles, source="test")
    odd = np.arange(ROWS) < share * ROWS
    truth = np.where(odd, "disputed", np.where(np.arange(ROWS) % 2 == 0, words["truth"], TRUTH.astype(str)))
    found = look({"label": words["answer"], "value": score}, {"label": truth})
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(TRUTH[~odd], ANSWER[~odd]))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH[~odd], score[~odd]))
    said = found["labels_share"]
    assert f"{odd.sum()} are labelled disputed, no class of the model, and left out" in said.reason
    assert (said.details["labelled"], said.details["left_out"]) == (ROWS - odd.sum(), odd.sum())
    assert said.verdict is (Verdict.WARNING if share > 0.05 else Verdict.OK)


def test_a_class_that_no_answer_names_stays_one_of_a_model_of_several(look: Look, store: Store) -> None:
    """What a model of three classes cannot answer is wrong, and not left out."""
    table = {"answer": NAMED[CHOSEN], "truth": NAMED[CHOSEN], "x": RNG.random(ROWS)}
    baselines.set_from_table(store, "m", "1", pa.table(table), prediction="answer", label="truth", source="test")
    truth = np.where(np.arange(ROWS) % 10 == 0, "another", NAMED[CHOSEN])
    assert look({"label": NAMED[CHOSEN]}, {"label": truth})["accuracy"].value == pytest.approx(0.9)


def test_scores_alone_and_labels_in_words_are_two_classes(look: Look) -> None:
    """A score from 0 to 1 with labels of yes and no is of a binary model, not of one that answers numbers."""
    score = np.clip(TRUTH * 0.3 + RNG.random(ROWS) * 0.7, 0, 1)
    found = look({"value": score}, {"label": spelt(TRUTH, ("no", "yes"))})
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH, score))
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(TRUTH, score >= 0.5))


def test_squares_of_few_rows_are_not_judged_where_the_baseline_has_heavy_tails(look: Look, store: Store) -> None:
    """One error in a hundred is ten times as large: 150 rows may have none, so that RMSE has no interval."""
    error = RNG.standard_normal(3000) * np.where(np.arange(3000) % 100 == 0, 10.0, 1.0)
    truth = 5 * RNG.standard_normal(3000)
    table = pa.table({"answer": truth + error, "truth": truth, "x": RNG.random(3000)})
    baselines.set_from_table(store, "m", "1", table, prediction="answer", label="truth", source="test")
    found = look({"value": truth[:150] + RNG.standard_normal(150)}, {"value": truth[:150]}, card="regression")
    assert found["mean_absolute_error"].verdict is Verdict.OK
    for metric in measures.OF_SQUARES:
        assert (found[metric].verdict, found[metric].lower) == (Verdict.NOT_ENOUGH_DATA, None)
        assert found[metric].reason.startswith("too few rows for errors with such heavy tails: 150, and ")


def test_a_percentage_of_zero_is_left_out_and_counted(look: Look) -> None:
    """MAPE is scikit-learn's over the rows that have one; the others are counted, and all of them give no number."""
    actual = np.where(np.arange(ROWS) % 10 == 0, 0.0, RNG.normal(100, 10, ROWS))
    answer = actual + RNG.normal(0, 5, ROWS)
    found = look({"value": answer}, {"value": actual})["mean_absolute_percentage_error"]
    kept = actual != 0
    assert found.value == pytest.approx(metrics.mean_absolute_percentage_error(actual[kept], answer[kept]))
    assert found.details["zero_truths_left_out"] == ROWS / 10
    assert f"{ROWS // 10} rows whose truth is 0 are left out" in found.reason


def test_a_percentage_of_zeros_alone_is_skipped(look: Look) -> None:
    """It says why, and the other measures stay."""
    found = look({"value": RNG.normal(3, 1, ROWS)}, {"value": np.zeros(ROWS)})
    assert found["mean_absolute_percentage_error"].verdict is Verdict.SKIPPED
    assert "all truths are 0" in found["mean_absolute_percentage_error"].reason
    assert found["mean_absolute_error"].value is not None


@pytest.mark.parametrize("expression", ["value value", "1 +", "lower(value)", "toFloat64(label)"])
def test_a_bad_expression_costs_its_measure_alone(look: Look, expression: str) -> None:
    """What the engine cannot compute is an error of the business value, in a sentence; all else is measured."""
    words = spelt(ANSWER, ("no", "yes"))
    settings = {"performance": {"value_expression": expression}}
    found = look({"label": words}, {"label": spelt(TRUTH, ("no", "yes"))}, **settings)
    assert found["business_value"].verdict is Verdict.ERROR
    assert 0 < len(found["business_value"].reason) < 400
    assert found["accuracy"].value is not None


def test_business_value_is_judged_by_its_bound(look: Look) -> None:
    """Without a bound it is not compared; below one it alarms."""
    rows = {"label": spelt(ANSWER, ("0", "1"))}, {"label": spelt(TRUTH, ("0", "1"))}
    cost = {"cost": {"1:1": 10.0, "0:1": -10.0}}
    found = look(*rows, performance=cost)["business_value"]
    assert found.verdict is Verdict.NOT_COMPARED
    assert "bounds" in found.reason
    bound = {**cost, "bounds": {"business_value": 100.0}}
    assert look(*rows, performance=bound)["business_value"].verdict is Verdict.ALARM


CLASSES = ("a", "b", "c")
CHOSEN = RNG.integers(0, 3, ROWS)
PROBABILITIES = np.eye(3)[np.where(RNG.random(ROWS) < 0.7, CHOSEN, (CHOSEN + 1) % 3)] * 0.5 + 0.5 / 3
OF_TWO = np.clip(TRUTH * 0.4 + RNG.random(ROWS) * 0.6, 0, 1)


def scored(classes: tuple[str, ...], shares: np.ndarray[Any, Any]) -> pa.Array:
    """Scores by class."""
    return pa.array(
        [list(zip(classes, row, strict=True)) for row in shares.tolist()], pa.map_(pa.string(), pa.float64())
    )


NAMED = np.array(CLASSES)
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "three classes, scores alone": ({"scores": scored(CLASSES, PROBABILITIES)}, {"label": NAMED[CHOSEN]}, ""),
    "three classes, labels alone": ({"label": NAMED[CHOSEN]}, {"label": NAMED[CHOSEN]}, ""),
    "three classes, as numbers": ({"value": CHOSEN}, {"label": CHOSEN.astype(str)}, "classification"),
    "three classes, no answer": ({"value": [None] * ROWS}, {"label": NAMED[CHOSEN]}, "classification"),
    "two classes, scores alone": (
        {"scores": scored(("bad", "good"), np.stack([OF_TWO, 1 - OF_TWO], axis=1))},
        {"label": spelt(TRUTH, ("good", "bad"))},
        "",
    ),
    "two classes, labels alone": ({"label": spelt(ANSWER, ("0", "1"))}, {"label": spelt(TRUTH, ("0", "1"))}, ""),
    "two classes, a score alone": ({"value": OF_TWO}, {"label": spelt(TRUTH, ("0", "1"))}, ""),
    "numbers": ({"value": OF_TWO * 100}, {"value": TRUTH * 50.0}, ""),
    "numbers, no answer": ({"label": [""] * ROWS}, {"value": TRUTH * 50.0}, "regression"),
}
APPLY = {
    "binary": {one.name for one in (*measures.BINARY, *measures.SCORES)}
    | {f"precision_at_{PerformanceSettings().cut_off}"},
    "multiclass": {one.name for one in measures.MULTICLASS} | {"roc_auc_macro"},
    "regression": {one.name for one in measures.REGRESSION},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_measure_that_applies_is_absent_without_a_word(look: Look, shape: str) -> None:
    """Whatever an answer consists of: each measure of the task is measured, or says what the rows lack."""
    answers, truth, card = SHAPES[shape]
    found = look(answers, truth, card)
    assert APPLY[found["labels_share"].details["task"]] <= found.keys()
    silent = [r.metric for r in found.values() if r.value is None and not r.reason]
    assert silent == []
    assert any(r.value is not None for r in found.values() if r.metric != "labels_share") is ("no answer" not in shape)


def test_the_class_of_scores_alone_is_the_highest_or_told_by_the_threshold(look: Look) -> None:
    """Accuracy is scikit-learn's of the argmax, and the result says that the classes were told so."""
    found = look(*SHAPES["three classes, scores alone"])
    predicted = NAMED[PROBABILITIES.argmax(axis=1)]
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(NAMED[CHOSEN], predicted))
    assert "highest score" in found["labels_share"].reason


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_two_classes_of_scores_alone_are_told_apart_by_the_threshold(look: Look, threshold: float) -> None:
    """Whichever of them is the positive one."""
    found = look(*SHAPES["two classes, scores alone"], performance={"threshold": threshold})
    answered = np.greater_equal(OF_TWO, threshold).astype(int)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(TRUTH, answered))
    assert "performance.threshold" in found["labels_share"].reason


@pytest.mark.parametrize("labels", [("NEGATIVE", "POSITIVE"), ("fraud", "legit")])
@pytest.mark.parametrize("of", ["the answer", "the positive class", "the other class"])
def test_a_score_is_of_the_positive_class_whichever_class_it_came_for(
    look: Look, labels: tuple[str, str], of: str
) -> None:
    """A value that is the score of the answer, or of the other class, is turned round, and that is said."""
    positive = positive_of(labels)
    (negative,) = set(labels) - {positive}
    truth = np.where(TRUTH == 1, positive, negative)
    answer = np.where(OF_TWO >= 0.5, positive, negative)
    values = {"the answer": np.where(answer == positive, OF_TWO, 1 - OF_TWO), "the other class": 1 - OF_TWO}
    value = values.get(of, OF_TWO)
    found = look({"label": answer, "value": value}, {"label": truth})
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH, OF_TWO))
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(TRUTH, OF_TWO))
    said = {"the answer": "the class that was answered", "the other class": f"of {negative}, whose answers"}
    for each, words in said.items():
        assert (words in found["labels_share"].reason) is (each == of)


def test_scores_of_a_high_threshold_stay_scores_of_the_positive_class(look: Look) -> None:
    """The values of its two answers do not overlap, though no answer's may be below a half."""
    score = 0.5 + OF_TWO / 2
    found = look({"label": np.where(score >= 0.8, "1", "0"), "value": score}, {"label": TRUTH.astype(str)})
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(TRUTH, score))
    assert "answered" not in found["labels_share"].reason


def test_classes_that_answers_give_as_numbers_are_classes(look: Look) -> None:
    """Where the card says so."""
    assert look(*SHAPES["three classes, as numbers"])["accuracy"].value == 1.0


@pytest.mark.filterwarnings("error")
def test_amounts_whose_squares_no_number_holds_are_said(look: Look, store: Store) -> None:
    """On either side: the reason is the amounts', and neither a missing label nor a warning of NumPy's."""
    actual = RNG.random(ROWS)
    huge = np.where(np.arange(ROWS) % 2, 1e308, -1e308)
    rows = pa.table({"p": huge, "y": actual, "x": actual})
    baselines.set_from_table(store, "m", "1", rows, prediction="p", label="y", source="test")
    found = look({"value": actual}, {"value": actual + 0.5})
    squared = found["mean_squared_error"]
    assert (squared.verdict, squared.value) == (Verdict.NOT_COMPARED, pytest.approx(0.25))
    assert squared.reason == "nothing to compare with: on the baseline's rows it is beyond what a number can hold"


@pytest.mark.filterwarnings("error")
def test_amounts_of_a_window_whose_squares_no_number_holds_are_said(look: Look) -> None:
    """The measure is left out with its reason."""
    huge = np.where(np.arange(ROWS) % 2, 1e308, -1e308)
    squared = look({"value": huge}, {"value": RNG.random(ROWS)})["mean_squared_error"]
    assert (squared.verdict, squared.reason) == (
        Verdict.SKIPPED,
        "on these rows it is beyond what a number can hold",
    )
