"""Answers of several parts are in the store whole, whatever their shape, and so is what was true of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

import modelspan
from modelspan_collector.store.connect import Store

Predicted = Callable[..., list[dict[str, Any]]]
BOX = {"x1": [1.0, 5.0], "y1": [2.0, 6.0], "x2": [3.0, 7.0], "y2": [4.0, 8.0]}
ONE: list[tuple[Any, str, str, list[str], dict[str, list[float]]]] = [
    ({"price": 12.5, "demand": 3}, "", "multioutput", [], {"price": [12.5], "demand": [3.0]}),
    ([12.5, 3.0], "regression", "multioutput", [], {"value": [12.5, 3.0]}),
    (np.array([0.2, 0.9]), "multioutput", "multioutput", [], {"value": [0.2, 0.9]}),
    ({"spam", "ad"}, "", "multilabel", ["ad", "spam"], {}),
    (set(), "", "multilabel", [], {}),
    (["spam"], "multilabel", "multilabel", ["spam"], {}),
    ([3, 17], "multilabel", "multilabel", ["3", "17"], {}),
    ({"spam": True, "ad": False}, "multilabel", "multilabel", ["spam"], {}),
    (["b", "a", "c"], "ranking", "ranking", ["b", "a", "c"], {}),
    ([("b", 0.9), ("a", 0.1)], "ranking", "ranking", ["b", "a"], {"score": [0.9, 0.1]}),
    ([{"id": 7, "score": 0.9}, {"id": 3, "score": 0.1}], "", "ranking", ["7", "3"], {"score": [0.9, 0.1]}),
    ({"items": [7, 3], "scores": [2.0, 1.0]}, "", "ranking", ["7", "3"], {"score": [2.0, 1.0]}),
    ({"b": 0.9, "a": 2.0}, "ranking", "ranking", ["a", "b"], {"score": [2.0, 0.9]}),
    ({"p10": 1.0, "p90": 9.0}, "", "quantile", [], {"0.1": [1.0], "0.9": [9.0]}),
    ({"0.1": [1.0, 2.0], "0.9": [8.0, 9.0]}, "", "quantile", [], {"0.1": [1.0, 2.0], "0.9": [8.0, 9.0]}),
    (
        {"boxes": np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), "labels": ["cat", "cat"], "scores": [0.9, 0.5]},
        "",
        "detection",
        ["cat", "cat"],
        {"score": [0.9, 0.5], **BOX},
    ),
    ([{"label": "cat", "score": 0.9, "box": [1, 2, 3, 4]}], "", "detection", ["cat"], {"score": [0.9], "x1": [1.0]}),
    (np.array([[0, 1], [1, 1]]), "segmentation", "segmentation", ["0", "1"], {"share": [0.25, 0.75]}),
    (["b", "a", "c"], "", "untold", ["b", "a", "c"], {}),
    ([12.5, 3.0, 4.0], "", "untold", [], {"value": [12.5, 3.0, 4.0]}),
    ([2**60 + 1, 7], "", "untold", ["1152921504606846977", "7"], {}),
    ([], "", "untold", [], {}),
]


@pytest.mark.swallows("nothing says what it is")
@pytest.mark.parametrize(("result", "task", "shape", "items", "outputs"), ONE, ids=lambda value: type(value).__name__)
def test_an_answer_is_stored_whole(
    predicted: Predicted, result: Any, task: str, shape: str, items: list[str], outputs: dict[str, list[float]]
) -> None:
    """Its shape is that of the task, else what its type leaves no doubt of; else it is untold, and kept."""
    (row,) = predicted(result, task=task)
    assert (row["shape"], row["items"]) == (shape, items)
    assert {**row["outputs"], **outputs} == row["outputs"]


def test_scores_by_label_are_scores_and_the_likely_ones_apply(predicted: Predicted) -> None:
    """Those of labels need not add up to one; from 0.5 on a label applies."""
    (row,) = predicted({"spam": 0.9, "ad": 0.7, "ham": 0.1}, task="multilabel")
    assert (row["items"], row["scores"]) == (["spam", "ad"], {"ad": 0.7, "ham": 0.1, "spam": 0.9})


TABLES: list[tuple[Any, dict[str, Any], list[tuple[str, list[str], dict[str, list[float]]]]]] = [
    (
        np.array([[12.5, 3.0], [13.5, 4.0]]),
        {"task": "multioutput", "classes": ["price", "demand"]},
        [
            ("multioutput", [], {"demand": [3.0], "price": [12.5]}),
            ("multioutput", [], {"demand": [4.0], "price": [13.5]}),
        ],
    ),
    (
        pd.DataFrame({"price": [12.5, 13.5], "demand": [3, None]}),
        {},
        [
            ("multioutput", [], {"demand": [3.0], "price": [12.5]}),
            ("multioutput", [], {"demand": [float("nan")], "price": [13.5]}),
        ],
    ),
    (
        np.array([[1, 0, 1], [0, 0, 0]]),
        {"task": "multilabel", "classes": ["a", "b", "c"]},
        [("multilabel", ["a", "c"], {}), ("multilabel", [], {})],
    ),
    ([{"a"}, {"b", "a"}], {}, [("multilabel", ["a"], {}), ("multilabel", ["a", "b"], {})]),
    (np.array([[7, 3], [3, 9]]), {"task": "ranking"}, [("ranking", ["7", "3"], {}), ("ranking", ["3", "9"], {})]),
    (
        (np.array([[7, 3], [3, 9]]), np.array([[0.9, 0.1], [0.8, 0.2]])),
        {"task": "ranking"},
        [("ranking", ["7", "3"], {"score": [0.9, 0.1]}), ("ranking", ["3", "9"], {"score": [0.8, 0.2]})],
    ),
    (
        np.arange(12.0).reshape(2, 3, 2),
        {"task": "quantile", "classes": [0.1, 0.9]},
        [
            ("quantile", [], {"0.1": [0.0, 2.0, 4.0], "0.9": [1.0, 3.0, 5.0]}),
            ("quantile", [], {"0.1": [6.0, 8.0, 10.0], "0.9": [7.0, 9.0, 11.0]}),
        ],
    ),
    (
        [{"boxes": [[1, 2, 3, 4]], "labels": ["cat"], "scores": [0.9]}, {"boxes": [], "labels": [], "scores": []}],
        {},
        [
            ("detection", ["cat"], {"score": [0.9], "x1": [1.0], "x2": [3.0], "y1": [2.0], "y2": [4.0]}),
            ("detection", [], {"x1": [], "x2": [], "y1": [], "y2": []}),
        ],
    ),
]


@pytest.mark.parametrize(("result", "options", "expected"), TABLES, ids=lambda value: type(value).__name__)
def test_the_answers_of_a_table_are_stored_row_by_row(
    predicted: Predicted, result: Any, options: dict[str, Any], expected: list[Any]
) -> None:
    """As they would be of single calls, a missing number among them."""
    found = predicted(result, rows=pd.DataFrame({"x": [1.0, 2.0]}), **options)
    assert repr([(row["shape"], row["items"], row["outputs"]) for row in found]) == repr(expected)  # NaN is itself


@pytest.mark.swallows("are no class scores for sure")
def test_columns_of_which_nothing_says_what_they_are_are_kept_and_said(predicted: Predicted) -> None:
    """Nothing was kept of them before."""
    found = predicted(np.array([[12.5, 3.0], [13.5, 4.0]]), rows=pd.DataFrame({"x": [1.0, 2.0]}))
    assert [(row["shape"], row["outputs"]) for row in found] == [
        ("untold", {"value": [12.5, 3.0]}),
        ("untold", {"value": [13.5, 4.0]}),
    ]


@pytest.mark.swallows("add up to more is taken for the scores of classes", "whose name sorts last")
def test_numbers_that_may_be_of_labels_are_named_as_taken_for_classes(predicted: Predicted) -> None:
    """They were class scores before without a word."""
    (row,) = predicted({"spam": 0.9, "ad": 0.7})
    assert (row["shape"], row["label"]) == ("", "spam")


TRUTHS: list[tuple[Any, list[str], dict[str, list[float]]]] = [
    (["a", "b"], ["a", "b"], {}),
    ({"b", "a"}, ["a", "b"], {}),
    ([], [], {}),
    ([1.0, 2.5], [], {"value": [1.0, 2.5]}),
    (np.array([0, 1, 1]), [], {"value": [0.0, 1.0, 1.0]}),
    ({"price": 12.0, "demand": 3}, [], {"demand": [3.0], "price": [12.0]}),
    ({"a": 0.2, "b": 1.0}, [], {"a": [0.2], "b": [1.0]}),
    ({"a": True, "b": False}, [], {"a": [1.0], "b": [0.0]}),
    ([("a", 3.0), ("b", 1.0)], ["a", "b"], {"score": [3.0, 1.0]}),
    ({"p10": 2, "p25": 1}, [], {"p10": [2.0], "p25": [1.0]}),  # products, as nothing is true of a quantile
    ({17: 3, 4: 1}, [], {"17": [3.0], "4": [1.0]}),
    ({}, [], {}),
]


def test_truths_are_stored_in_the_same_shapes(store: Store, sent: Callable[[], None]) -> None:
    """One by one, as a column of many, and corrected by a later one, as any label is."""
    for at, (truth, _, _) in enumerate(TRUTHS):
        modelspan.label(f"one-{at}", ["old"])
        modelspan.label(f"one-{at}", truth)
    modelspan.label([f"many-{at}" for at in range(len(TRUTHS))], [truth for truth, _, _ in TRUTHS])
    modelspan.label(pd.DataFrame({"prediction_id": ["t-0", "t-1"], "value": [["a"], ["a", "b"]]}))
    modelspan.label("scalar", 1.5)
    sent()
    rows = {row["prediction_id"]: row for row in store.rows("SELECT * FROM labels FINAL")}
    for at, (_, items, outputs) in enumerate(TRUTHS):
        for name in (f"one-{at}", f"many-{at}"):
            assert (rows[name]["items"], rows[name]["outputs"]) == (items, outputs)
            assert rows[name]["shape"] != ""
    assert rows["t-1"]["items"] == ["a", "b"]
    assert rows["t-0"]["label"] == "a"
    assert (rows["scalar"]["shape"], rows["scalar"]["value"]) == ("", 1.5)


def test_a_followed_estimator_of_several_labels_says_so(store: Store, sent: Callable[[], None]) -> None:
    """Its scores are of labels that apply beside each other, and its truths are rows of zeros and ones."""
    x = np.random.default_rng(2).normal(size=(200, 2))
    y = np.column_stack([x[:, 0] > 0, x[:, 1] > 0.5]).astype(int)
    model = modelspan.instrument(OneVsRestClassifier(LogisticRegression()).fit(x, y), model="m", version="1")
    model.predict_proba(np.array([[3.0, 3.0], [-3.0, 3.0], [-3.0, -3.0]]))
    sent()
    rows = store.rows("SELECT shape, items, mapKeys(scores) AS scored FROM predictions ORDER BY prediction_id")
    assert [row["items"] for row in rows] == [["0", "1"], ["1"], []]
    assert {(row["shape"], *row["scored"]) for row in rows} == {("multilabel", "0", "1")}
    assert store.rows("SELECT task, classes FROM models") == [{"task": "multilabel", "classes": ["0", "1"]}]
