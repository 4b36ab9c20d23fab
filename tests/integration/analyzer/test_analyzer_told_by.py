"""An outcome for the truth, in place of the label: in fairness, in concept drift, in what predictions are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pages import blocks

from modelspan_analyzer import kinds
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.why.explanation import Finding
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.selection import select
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
END = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW, BEFORE = Window(END - HOUR, END), Window(END - 2 * HOUR, END - HOUR)
TEXTS, NUMBERS = pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.float64())
ROWS = 3000
EXACT = 1e-9
Rows = dict[str, Any]


def loans(seed: int, window: Window) -> Rows:
    """Applications: a score, whether a person approved (the label), and whether it was paid back in the end."""
    rng = np.random.default_rng(seed)
    income = rng.normal(size=ROWS)
    score = 1 / (1 + np.exp(-1.5 * income))
    return {
        "ids": [f"{seed}-{row}" for row in range(ROWS)],
        "times": pa.array([window.start + row * (HOUR / ROWS) for row in range(ROWS)], pa.timestamp("ns", "UTC")),
        "income": income,
        "score": score,
        "town": rng.choice(["hill", "dale"], ROWS, p=[0.4, 0.6]),
        "approved": rng.random(ROWS) < score,
        "repaid": rng.random(ROWS) < score,
        "mood": rng.integers(1, 6, ROWS).astype(float),
    }


def insert(store: Store, of: Rows, answers: Callable[[Rows], dict[str, Any]] | None = None) -> None:
    """Predictions of the model `loan`."""
    told = answers(of) if answers else {"value": of["score"], "label": np.where(of["score"] >= 0.5, "1", "0")}
    store.insert(
        "predictions",
        pa.table({
            "model": ["loan"] * ROWS, "version": ["1"] * ROWS, "timestamp": of["times"], "prediction_id": of["ids"],
            "tags": pa.array([[("town", town)] for town in of["town"]], TEXTS),
            "numeric_features": pa.array([[("income", one)] for one in of["income"]], NUMBERS), **told,
        }),
    )  # fmt: skip


def tell(store: Store, of: Rows, outcome: str, told: np.ndarray, known: np.ndarray | None = None) -> None:
    """An outcome of the rows of which it is known; '' is the label."""
    known = np.ones(ROWS, bool) if known is None else known
    what = {"value": told[known]} if told.dtype.kind == "f" else {"label": told[known].astype(str)}
    ids = [one for one, here in zip(of["ids"], known, strict=True) if here]
    shared = {"timestamp": of["times"].filter(pa.array(known)), "outcome": [outcome] * len(ids)}
    store.insert("labels", pa.table({"prediction_id": ids, **shared, **what}))


def words(truth: np.ndarray) -> np.ndarray:
    return np.where(truth, "yes", "no")


def context(store: Store, *, compared: bool = True, **settings: Any) -> MonitorContext:
    baseline = baselines.set_from_window(store, "loan", "1", BEFORE) if compared else None
    return MonitorContext(store, "loan", "1", NOW, baseline, ModelSettings.model_validate(settings))


def by_place(found: list[Result]) -> dict[tuple[str, str], Result]:
    return {(one.metric, one.segment or one.feature): one for one in found}


def test_fairness_by_an_outcome_is_what_numpy_makes_of_it(store: Store) -> None:
    """Of the rows of which it is known; the label, which says otherwise, is not looked at."""
    of = loans(1, NOW)
    insert(store, of)
    known = np.random.default_rng(9).random(ROWS) < 0.7
    tell(store, of, "", words(of["approved"]))
    tell(store, of, "repaid", words(of["repaid"]), known)
    found = by_place(fairness(context(store, compared=False, fairness={"facets": ("town",), "outcome": "repaid"})))
    hill, answer = of["town"] == "hill", of["score"] >= 0.5

    def recall(here: np.ndarray) -> float:
        return float(answer[here & known & of["repaid"]].mean())

    def share(here: np.ndarray) -> float:
        return float(of["repaid"][here & known].mean())

    expected = {
        "recall_difference": recall(~hill) - recall(hill),
        "label_proportion_difference": share(~hill) - share(hill),
    }
    for metric, value in expected.items():
        assert found[metric, "town=hill"].value == pytest.approx(value, abs=EXACT), metric
        assert found[metric, "town=hill"].details["outcome"] == "repaid"
    share_known = found["outcome_share", ""]
    assert (share_known.value, share_known.verdict) == (pytest.approx(known.mean()), Verdict.NOT_COMPARED)
    assert "repaid is taken for the truth" in share_known.reason


def test_fairness_of_numbers_by_an_outcome(store: Store) -> None:
    """What a group is told less what it cost in the end, and not what somebody guessed at first."""
    of = loans(2, NOW)
    cost = np.exp(of["income"]) * np.where(of["town"] == "hill", 2.0, 1.0)
    insert(store, of, lambda rows: {"value": np.exp(rows["income"])})
    tell(store, of, "", np.exp(of["income"]))
    tell(store, of, "cost", cost)
    found = by_place(fairness(context(store, compared=False, fairness={"facets": ("town",), "outcome": "cost"})))
    error, hill = np.exp(of["income"]) - cost, of["town"] == "hill"
    expected = error[~hill].mean() - error[hill].mean()
    assert found["mean_error_difference", "town=hill"].value == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("monitor", [fairness, concept])
def test_an_outcome_that_is_the_label_by_another_name_says_the_same(
    store: Store, monitor: Callable[[MonitorContext], list[Result]]
) -> None:
    """To the last digit, verdicts, reasons and intervals too: nothing is read from the label by the way."""
    for seed, window in ((3, BEFORE), (4, NOW)):
        of = loans(seed, window)
        insert(store, of)
        tell(store, of, "", words(of["repaid"]))
        tell(store, of, "again", words(of["repaid"]))
    plain, named = (
        monitor(context(store, fairness={"facets": ("town",), "outcome": name}, concept={"outcome": name}))
        for name in ("", "again")
    )
    said = [one for one in named if one.metric != "outcome_share"]

    def bare(results: list[Result]) -> list[Result]:
        details = [{name: value for name, value in one.details.items() if name != "outcome"} for one in results]
        return [replace(one, details=told, baseline_id="") for one, told in zip(results, details, strict=True)]

    assert len(said) > 3
    assert all(one.details["outcome"] == "again" for one in said)
    assert bare(said) == bare(plain)


def test_concept_drift_of_an_outcome_alarms_where_labels_stay(store: Store) -> None:
    """Those of high income no longer pay back, whoever is approved; `why` asks of the rows that it went wrong for."""
    for seed, window in ((5, BEFORE), (6, NOW)):
        of = loans(seed, window)
        insert(store, of)
        tell(store, of, "", words(of["approved"]))
        turned = of["repaid"] & ~((of["income"] > 0.8) & (window == NOW))
        tell(store, of, "repaid", words(turned))
    labels, outcome = (by_place(concept(context(store, concept={"outcome": name}))) for name in ("", "repaid"))
    assert [key for key, one in labels.items() if one.verdict is Verdict.ALARM] == []
    alarm = outcome["concept_drift", "income"]
    assert alarm.verdict is Verdict.ALARM
    chosen = select(store, question(alarm))
    of_now = "SELECT sum({weight}) AS n {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')}"
    wrong = store.rows(chosen.fill(of_now), chosen.during(NOW))[0]["n"]
    assert wrong == ((of["score"] >= 0.5) != turned).sum()


def test_why_asks_of_answers_that_are_wrong_however_labels_are_spelt(store: Store) -> None:
    """Answers that are truth values, and labels that are ones and zeros: those alone that say something else."""
    of = loans(13, NOW)
    insert(store, of, lambda rows: {"label": np.where(rows["score"] >= 0.5, "True", "False")})
    tell(store, of, "", of["repaid"].astype(float))
    chosen = select(store, Finding("loan", NOW, kinds.WRONG))
    assert store.scalar(chosen.fill("SELECT sum({weight}) {source}"), chosen.parameters) == (
        ((of["score"] >= 0.5) != of["repaid"]).sum()
    )


@pytest.mark.parametrize("monitor", [fairness, concept])
@pytest.mark.parametrize("labelled", [True, False])
def test_an_outcome_of_another_kind_is_refused(
    store: Store, monitor: Callable[[MonitorContext], list[Result]], labelled: bool
) -> None:
    """Stars from 1 to 5 are not the truth of a yes or no: one error, which says what there is instead."""
    for seed, window in ((7, BEFORE), (8, NOW)):
        of = loans(seed, window)
        insert(store, of)
        if labelled:
            tell(store, of, "", words(of["repaid"]))
        tell(store, of, "mood", of["mood"])
    [refused] = monitor(context(store, fairness={"facets": ("town",), "outcome": "mood"}, concept={"outcome": "mood"}))
    assert (refused.metric, refused.verdict) == ("outcome_share", Verdict.ERROR)
    assert "mood" in refused.reason
    assert "metric of one's own" in refused.reason


def test_an_outcome_that_nobody_sent_is_not_looked_at_and_not_ok(store: Store) -> None:
    """As a name that is misspelt; no measure is told by labels then."""
    for seed, window in ((9, BEFORE), (10, NOW)):
        of = loans(seed, window)
        insert(store, of)
        tell(store, of, "", words(of["repaid"]))
    settings = {"fairness": {"facets": ("town",), "outcome": "repayed"}, "concept": {"outcome": "repayed"}}
    found = by_place([*fairness(context(store, **settings)), *concept(context(store, **settings))])
    assert found["outcome_share", ""].verdict is Verdict.NOT_ENOUGH_DATA
    assert found["outcome_share", ""].value == 0.0
    assert found["recall_difference", "town=hill"].value is None
    assert found["labelled_rows", ""].verdict is Verdict.NOT_ENOUGH_DATA


def test_what_predictions_brought_is_told_by_outcomes_without_any_label(store: Store) -> None:
    """The mean over the rows of which it is known, beside its bound."""
    of = loans(11, NOW)
    insert(store, of)
    brought, known = of["score"] * 100 - 30, np.random.default_rng(1).random(ROWS) < 0.4
    tell(store, of, "margin", brought, known)
    given = {"value_expression": "outcome('margin') - 2", "bounds": {"business_value": 40.0}}
    found = by_place(performance(context(store, compared=False, performance=given)))
    value = found["business_value", ""]
    assert value.value == pytest.approx(brought[known].mean() - 2, abs=EXACT)
    assert value.details["total"] == pytest.approx((brought[known] - 2).sum(), abs=1e-6)
    assert value.lower < value.value < value.upper
    assert (value.verdict, value.n) == (Verdict.ALARM, known.sum())
    few = {**given, "value_expression": "outcome('nothing')"}
    [none] = [
        one for one in performance(context(store, compared=False, performance=few)) if one.metric == "business_value"
    ]
    assert (none.verdict, none.n) == (Verdict.NOT_ENOUGH_DATA, 0)


def test_the_documented_settings_compare_groups_by_what_came_of_it(store: Store) -> None:
    """Through the runner, as rows like all others."""
    text = next(one.text for one in blocks("docs/outcomes.md", "yaml") if "outcome: repaid" in one.text)
    config = parse(text.replace("model: checkout", "model: loan").replace("tag.country", "tag.town"))
    of = loans(12, NOW)
    insert(store, of)
    tell(store, of, "repaid", words(of["repaid"]))
    tell(store, of, "margin", of["mood"])
    Runner(store, config).run_window("loan", "1", NOW)
    rows = store.rows(
        "SELECT signal, metric, value, JSONExtractString(details, 'outcome') AS outcome FROM monitor_results FINAL "
        "WHERE metric IN ('outcome_share', 'business_value') ORDER BY signal"
    )
    assert [(row["signal"], row["outcome"]) for row in rows] == [
        ("concept", "repaid"), ("fairness", "repaid"), ("performance", "")
    ]  # fmt: skip
    assert rows[2]["value"] == pytest.approx(of["mood"].mean(), rel=EXACT)
