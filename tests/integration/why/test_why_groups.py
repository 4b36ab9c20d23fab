"""A group of which more goes wrong than before is a cause like any other, however much is wrong anyway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.results import Window
from modelspan_analyzer.why import Finding, explain

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = pa.map_(pa.string(), pa.string())
ROWS = 3000
"""Predictions an hour."""


@dataclass(frozen=True)
class Rates:
    """Shares that are wrong: in the group and of the others, before and since noon."""

    then: tuple[float, float]
    now: tuple[float, float]
    share: float = 0.1
    """Of the group."""


def fill(store, rates: Rates, *, tag: bool = True, failing: bool = False, hours: int = 1, seed: int = 0) -> None:
    """Predictions without traces of some hours before noon and one after it."""
    rng = np.random.default_rng([9100, seed])
    n = ROWS * (hours + 1)
    at = NOON - hours * HOUR + HOUR * (hours + 1) * np.sort(rng.random(n))
    north = rng.random(n) < rates.share
    chance = np.where(at >= NOON, np.where(north, *rates.now), np.where(north, *rates.then))
    bad = rng.random(n) < chance
    region = np.where(north, "north", rng.choice(["south", "east", "west"], n))
    other = [[("plan", one)] for one in rng.choice(["free", "pro"], n)]
    groups = [[("region", one)] for one in region]
    ids = pa.array([f"{seed}-{row}" for row in range(n)])
    stamps = pa.array(at.tolist(), pa.timestamp("ns", "UTC"))
    truth = rng.choice(["yes", "no"], n)
    said = np.where(bad, np.where(truth == "yes", "no", "yes"), truth)
    store.insert("predictions", pa.table({
        "model": ["m"] * n, "version": ["1"] * n, "timestamp": stamps, "prediction_id": ids,
        "label": np.full(n, "yes") if failing else said,
        "error_type": np.where(bad & failing, "ValueError", ""),
        "tags": pa.array(groups if tag else other, TEXTS),
        "categorical_features": pa.array(other if tag else groups, TEXTS),
    }))  # fmt: skip
    if not failing:
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": truth}))


def ask(store, kind: str = "wrong"):
    """What is said of the hour after noon."""
    return explain(store, Finding("m", Window(NOON, NOON + HOUR), kind))


@pytest.mark.parametrize("base", [0.05, 0.3, 0.55])
@pytest.mark.parametrize("tag", [True, False], ids=["a tag", "a feature"])
def test_a_group_gone_wrong_is_named_with_the_rates_of_both(store, base, tag):
    """A tenth of the traffic, from the rate of all to one higher by 28 points: named first, at any base rate."""
    fill(store, Rates((base, base), (base + 0.28, base)), tag=tag)
    said = ask(store)
    kind = "tag" if tag else "feature"
    assert [(one.kind, one.attribute, one.value) for one in said.causes] == [(kind, "region", "north")], said.sentence
    assert f" % of the predictions with `{kind}.region=north` were wrong (" in said.sentence
    assert " % of the others)" in said.sentence
    assert said.causes[0].q_value < 0.01


def test_the_rates_are_those_of_the_rows(store):
    """58 % of the group, 30 % of the others."""
    fill(store, Rates((0.3, 0.3), (0.58, 0.3), share=0.3))
    words = ask(store).sentence.split(" of the predictions with `tag.region=north` were wrong (")
    assert float(words[0].removesuffix(" %")) == pytest.approx(58, abs=4)
    assert float(words[1].split(" %")[0]) == pytest.approx(30, abs=3)


NO_GROUP = {
    "it was always worse": Rates((0.58, 0.3), (0.58, 0.3)),
    "all got worse alike": Rates((0.3, 0.3), (0.58, 0.58)),
    "it was always worse, and all got worse": Rates((0.4, 0.2), (0.55, 0.35)),
    "the difference is small": Rates((0.3, 0.3), (0.35, 0.3)),
    "nothing happened": Rates((0.3, 0.3), (0.3, 0.3)),
}


@pytest.mark.parametrize("why_not", NO_GROUP)
def test_no_group_is_named_where_none_got_worse_than_the_others(store, why_not):
    """Over several draws: a difference that was always there, or that all share, explains nothing."""
    for seed in range(3):
        fill(store, NO_GROUP[why_not], seed=seed)
        assert ask(store).causes == ()
        for table in ("predictions", "labels"):
            store.command(f"TRUNCATE TABLE {table}")


def test_without_a_time_before_the_others_alone_are_compared_with(store):
    """A first day has no before: what is worse than the others is named."""
    fill(store, Rates((0.0, 0.0), (0.58, 0.3)), hours=0)
    assert ask(store).causes[0].value == "north"


def test_failures_of_a_group_are_named_by_their_rates(store):
    """Not only wrong answers have groups."""
    fill(store, Rates((0.1, 0.1), (0.5, 0.1)), failing=True)
    assert "of the predictions with `tag.region=north` failed (" in ask(store, "errors").sentence


def test_the_group_of_the_question_is_no_answer_to_it(store):
    """Within a segment its own key says nothing."""
    fill(store, Rates((0.3, 0.3), (0.58, 0.3)))
    asked = Finding("m", Window(NOON, NOON + HOUR), "wrong", segment="tag.region=north")
    assert explain(store, asked).causes == ()


QUESTIONS = {
    "errors": ("error_type", "if(bad, 'ValueError', '')"),
    "missing": ("numeric_features", "if(bad, map('age', age), map('age', age, 'income', 1.))"),
    "slow": ("duration", "if(bad, 2., 0.02)"),
    "drift": ("categorical_features", "map('plan', if(bad, 'new', 'old'))"),
    "prediction_drift": ("value", "if(bad, 0.9, 0.1)"),
}


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("number", [True, False], ids=["a part of a number's range", "a tag"])
def test_without_traces_every_question_is_answered_by_its_group(store, kind, number):
    """Whatever is wrong: where it is so only of some region, or some age, that is said; of its own feature nothing."""
    where = "age < 30" if number else "region = 'north'"
    columns = {"numeric_features": "map('age', age)", **dict([QUESTIONS[kind]])}
    store.command(
        f"INSERT INTO predictions (model, version, timestamp, prediction_id, tags, {', '.join(columns)}) "
        "WITH toDateTime64('2026-03-02 11:00:00', 9, 'UTC') + toIntervalMillisecond(number * 1200) AS at, "
        "20 + cityHash64(number, 'age') % 40 AS years, toFloat64(years) AS age, "
        "['north', 'south', 'east', 'west'][cityHash64(number, 'region') % 4 + 1] AS region, "
        f"number >= 3000 AND {where} AND cityHash64(number, 'bad') % 10 < 8 AS bad "
        f"SELECT 'm', '1', at, toString(number), map('region', region), {', '.join(columns.values())} "
        "FROM numbers(6000)"
    )
    feature = {"missing": "income", "drift": "plan"}.get(kind, "")
    said = explain(store, Finding("m", Window(NOON, NOON + HOUR), kind, feature=feature))
    told = [(one.kind, one.attribute, one.value) for one in said.causes[:1]]
    assert told == ([("feature", "age", "below 30")] if number else [("tag", "region", "north")]), said.sentence
    counted = kind in ("errors", "missing")
    assert said.sentence.startswith("at least ") is not counted, "what only a comparison tells is bounded, not counted"
    assert said.sentence.endswith("; none of them has a trace that could say more.")
