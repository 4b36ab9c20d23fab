"""What the page of a prediction says of answers of several parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.views.prediction import read
from modelspan_analyzer.views.veil import Veil
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

AT = pa.array([datetime(2026, 1, 5, tzinfo=UTC)], pa.timestamp("ns", "UTC"))
OUTPUTS = pa.map_(pa.string(), pa.list_(pa.float64()))


def parts(items: list[str], outputs: dict[str, list[float]]) -> dict[str, Any]:
    """The columns of one answer, or truth."""
    return {"items": pa.array([items], pa.list_(pa.string())), "outputs": pa.array([list(outputs.items())], OUTPUTS)}


def kept(store: Store, shape: str, answer: dict[str, Any], truth: dict[str, Any] | None) -> None:
    """One prediction, and its label."""
    named = {"prediction_id": ["a"], "timestamp": AT, "shape": [shape]}
    store.insert("predictions", pa.table({"model": ["m"], "version": ["1"], **named, **answer}))
    if truth is not None:
        store.insert("labels", pa.table({**named, **truth}))


@pytest.mark.parametrize(
    ("shape", "answer", "truth", "said"),
    [
        (
            "ranking",
            parts(["7", "3", "9", "1", "4", "5", "2"], {}),
            parts([], {"value": [3.0, 8.0]}),
            ("7, 3, 9, 1, 4 and 2 more", "[3, 8]"),
        ),
        ("ranking", parts(["tea", "cup"], {"score": [0.9, 0.25]}), None, ("tea 0.9, cup 0.25", "")),
        (
            "multioutput",
            parts([], {"demand": [15.0], "returns": [2.5]}),
            parts([], {"demand": [17.0]}),
            ("demand 15, returns 2.5", "demand 17"),
        ),
        ("multilabel", parts([], {}), parts(["spam"], {}), ("none", "spam")),
        ("quantile", parts([], {"0.1": [1.0, 2.0]}), None, ("0.1 [1, 2]", "")),
    ],
    ids=["items and relevant ids", "scored items", "numbers by name", "no label", "steps"],
)
def test_a_prediction_says_its_parts_and_their_truth(
    store: Store, shape: str, answer: dict[str, Any], truth: dict[str, Any] | None, said: tuple[str, str]
) -> None:
    """The first few of them; an empty answer is one, and a label in parts is a label."""
    kept(store, shape, answer, truth)
    page = read(store, {"id": "a"}, AlertSettings(), Veil())
    assert page.said is not None
    assert (page.said.answer, page.said.truth) == said
    assert said[0] in page.sentence and ("no label has come yet" in page.sentence) is (truth is None)


def test_numbers_of_a_hidden_name_are_not_shown(store: Store) -> None:
    """Whatever rule came after the rows."""
    kept(store, "multioutput", parts([], {"demand": [15.0], "salary": [2.5]}), parts([], {"salary": [3.5]}))
    page = read(store, {"id": "a"}, AlertSettings(), Veil(Redaction(drop=("salary",)), ["salary"]))
    assert page.said is not None
    assert (page.said.answer, page.said.truth) == ("demand 15", "none")


def test_an_error_is_masked_as_any_text(store: Store) -> None:
    """On the page of its prediction, and among those of an incident."""
    named = {"model": ["m"], "version": ["1"], "prediction_id": ["a"], "timestamp": AT}
    store.insert("predictions", pa.table({**named, "error_type": ["Key4711Error"]}))
    page = read(store, {"id": "a"}, AlertSettings(), Veil(Redaction(mask=(r"\d+",))))
    assert page.said is not None
    assert page.said.answer == "Key***Error" and "4711" not in page.sentence
