"""What each kind of result becomes."""

from __future__ import annotations

import collections
import dataclasses
import enum
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from modelspan import _failsafe
from modelspan.capture import batches
from modelspan.capture.answers import Answer as Several
from modelspan.capture.outputs import NOTHING, Output, Told, read


class Answer(enum.Enum):
    YES = "yes"


@dataclasses.dataclass
class Answered:
    label: str
    score: float


Pair = collections.namedtuple("Pair", ["label", "score"])

SINGLE: list[tuple[Any, Any, Output]] = [
    (0.5, None, Output(value=0.5)),
    (3, None, Output(value=3.0)),
    (3, [1, 2, 3], Output(label="3")),
    (True, None, Output(label="true")),
    ("yes", None, Output(label="yes")),
    (Answer.YES, None, Output(label="yes")),
    (np.float32(0.5), None, Output(value=0.5)),
    (np.int64(1), [0, 1], Output(label="1")),
    (np.array([0.25]), None, Output(value=0.25)),
    (np.array([[0.25, 0.75]]), ["no", "yes"], Output(0.75, "yes", {"no": 0.25, "yes": 0.75})),
    ([0.2, 0.3, 0.5], ["a", "b", "c"], Output(None, "c", {"a": 0.2, "b": 0.3, "c": 0.5})),
    ({"a": 0.2, "b": 0.7, "c": 0.1}, None, Output(None, "b", {"a": 0.2, "b": 0.7, "c": 0.1})),
    ({"score": 0.7, "label": "yes"}, None, Output(0.7, "yes")),
    ({"label": "yes", "scores": {"no": 0.1, "yes": 0.9}}, None, Output(0.9, "yes", {"no": 0.1, "yes": 0.9})),
    *(
        ({labels: ["a", "b", "c"], scores: [0.1, 0.7, 0.2]}, None, Output(None, "b", {"a": 0.1, "b": 0.7, "c": 0.2}))
        for labels, scores in itertools.product(
            ["labels", "classes", "predictions", "label"], ["scores", "probabilities", "score"]
        )
    ),
    *(
        ({labels: [["cat"]], scores: np.array([0.9])}, None, Output(0.9, "cat"))
        for labels, scores in itertools.product(
            ["labels", "classes", "predictions", "label", "prediction"], ["scores", "probabilities", "score"]
        )
    ),
    ({"labels": "cat", "scores": 0.9}, None, Output(0.9, "cat")),
    ({"label": "a", "classes": ["a", "b"], "scores": [0.1, 0.9]}, None, Output(0.9, "a", {"a": 0.1, "b": 0.9})),
    ({"label": "a", "classes": ["a", "b"], "score": 0.9}, None, Output(0.9, "a")),
    (("yes", 0.9), None, Output(0.9, "yes")),
    (Answered("yes", 0.9), None, Output(0.9, "yes")),
    (Pair("yes", 0.9), None, Output(0.9, "yes")),
    (pd.Series([0.5]), None, Output(value=0.5)),
    (pd.DataFrame({"p": [0.5]}), None, Output(value=0.5)),
    (None, None, NOTHING),
    (object(), None, NOTHING),
]


@pytest.mark.parametrize(("result", "classes", "expected"), SINGLE, ids=lambda value: type(value).__name__)
@pytest.mark.swallows("whose name sorts last")
def test_single(result: Any, classes: Any, expected: Output) -> None:
    """A single row's result becomes value, label and scores by the documented rules."""
    assert read(result, Told(classes)) == expected


def columns(result: Any, rows: int = 2, classes: Any = None, task: str = "") -> tuple[Any, Any, Any]:
    told = batches.snapshot(result, rows, Told(classes, task)).columns()
    return (
        told.value and told.value.to_pylist() if told.value is not None else None,
        told.label.to_pylist() if told.label is not None else None,
        {name: scores.to_pylist() for name, scores in (told.scores or {}).items()},
    )


BATCH: list[tuple[Any, Any, tuple[Any, Any, Any]]] = [
    (np.array([0.1, 0.2]), None, ([0.1, 0.2], None, {})),
    ([0.1, 0.2], None, ([0.1, 0.2], None, {})),
    (np.array([0, 1]), [0, 1], (None, ["0", "1"], {})),
    (np.array(["a", "b"]), None, (None, ["a", "b"], {})),
    (["a", "b"], None, (None, ["a", "b"], {})),
    (pd.Series([0.1, 0.2]), None, ([0.1, 0.2], None, {})),
    (pl.Series([0.1, 0.2]), None, ([0.1, 0.2], None, {})),
    (pa.array([0.1, 0.2]), None, ([0.1, 0.2], None, {})),
    (pd.Series(["a", "b"], dtype="category"), None, (None, ["a", "b"], {})),
    (np.array([[0.1], [0.2]]), None, ([0.1, 0.2], None, {})),
    (
        np.array([[0.2, 0.8], [0.6, 0.4]]),
        ["n", "y"],
        ([0.8, 0.4], ["y", "n"], {"n": [0.2, 0.6], "y": [0.8, 0.4]}),
    ),
    (pd.DataFrame({"label": ["a", "b"], "score": [0.1, 0.2]}), None, ([0.1, 0.2], ["a", "b"], {})),
    ([{"label": "a", "score": 0.1}, {"label": "b", "score": 0.2}], None, ([0.1, 0.2], ["a", "b"], {})),
    ({"label": np.array(["a", "b"]), "score": np.array([0.1, 0.2])}, None, ([0.1, 0.2], ["a", "b"], {})),
    ({"classes": np.array([0, 1]), "probabilities": np.array([0.1, 0.2])}, None, ([0.1, 0.2], ["0", "1"], {})),
    (pd.DataFrame({"labels": ["a", "b"], "scores": [0.1, 0.2]}), None, ([0.1, 0.2], ["a", "b"], {})),
    (None, None, (None, None, {})),
]


@pytest.mark.parametrize(("result", "classes", "expected"), BATCH, ids=lambda value: type(value).__name__)
def test_batch(result: Any, classes: Any, expected: tuple[Any, Any, Any]) -> None:
    """A batch's result becomes columns by the same rules."""
    assert columns(result, 2, classes) == expected


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (
            {"labels": ["a", "b", "a"], "scores": [0.1, 0.2, 0.3]},
            Output(answer=Several("untold", ("a", "b", "a"), {"score": (0.1, 0.2, 0.3)})),
        ),
        (
            {"labels": ["a", "b"], "scores": [0.1, 0.2, 0.3]},
            Output(answer=Several("untold", ("a", "b"), {"scores": (0.1, 0.2, 0.3)})),
        ),
        ({"labels": ["a", "b"], "score": 0.3}, Output(0.3)),
        ({"label": ["a", "b"]}, Output(answer=Several("untold", ("a", "b")))),
    ],
)
@pytest.mark.swallows("labels of one prediction that are not the classes of as many scores")
def test_labels_that_are_not_of_the_scores_are_said(result: Any, kept: Output) -> None:
    """No label is dropped beside a score that is kept without a word of the options that settle it."""
    _failsafe.failures.clear()
    assert read(result) == kept
    (said,) = _failsafe.failures
    assert "prediction= takes the label from the result, score= the score" in said


@pytest.mark.swallows("a list of as many texts is left out")
def test_texts_of_an_unknown_name_beside_as_many_scores_are_said() -> None:
    """What may be the labels is not dropped without a word; a text that is no list may be anything."""
    _failsafe.failures.clear()
    assert read({"score": 0.9, "note": "cat"}) == Output(0.9) and not _failsafe.failures
    assert read({"names": ["cat"], "scores": [0.9]}) == Output(0.9)
    (said,) = _failsafe.failures
    assert "name them 'labels', or take the label with prediction= and the score with score=" in said


def test_labels_and_scores() -> None:
    """A pair of labels and scores for three rows is both."""
    assert columns((["a", "b", "a"], [0.1, 0.2, 0.3]), 3) == ([0.1, 0.2, 0.3], ["a", "b", "a"], {})


def test_wrong_length() -> None:
    """A result of another length than the table is no result of it."""
    with pytest.raises(ValueError, match="the table has 3 rows and the result 2"):
        batches.snapshot(np.array([1.0, 2.0]), 3)


def test_snapshot_is_a_copy() -> None:
    """What the caller does to its array afterwards does not change the record."""
    result = np.array([0.1, 0.2])
    taken = batches.snapshot(result, 2)
    result[:] = 9
    assert taken.columns().value.to_pylist() == [0.1, 0.2]


KINDS_SINGLE: list[tuple[Any, Told, Output]] = [
    ({"predicted": "cat", "prob": 0.3}, Told(), Output(0.3, "cat")),
    ({"prediction": 1, "probability": 0.9}, Told(), Output(0.9, "1")),
    ({"Prediction": 12.5, "confidence": 0.8}, Told(), Output(12.5)),
    ({"predicted_class": "a", "proba": 0.7}, Told(), Output(0.7, "a")),
    ({"predictedLabel": "a"}, Told(), Output(label="a")),
    ({"price": 10.0}, Told(), Output(value=10.0)),
    ({"grade": "A"}, Told(), Output(label="A")),
    ({"mean": 10.2, "std": 3.1}, Told(), Output(answer=Several("multioutput", (), {"mean": (10.2,), "std": (3.1,)}))),
    (
        {"mean": 0.2, "std": 0.1},
        Told(task="regression"),
        Output(answer=Several("multioutput", (), {"mean": (0.2,), "std": (0.1,)})),
    ),
    ({"a": 2.3, "b": -1.0}, Told(task="classification"), Output(-1.0, "a", {"a": 2.3, "b": -1.0})),
    ({"who": "cat", "where": 0.3}, Told(), Output(answer=Several("multioutput", (), {"where": (0.3,)}))),
    ([{"label": "P", "score": 0.9}, {"label": "N", "score": 0.1}], Told(), Output(0.9, "P", {"P": 0.9, "N": 0.1})),
    (("a", 0.9), Told(["a", "b"]), Output(0.9, "a")),
    ((1, 0.9), Told([0, 1]), Output(0.9, "1")),
    ([0.1, 0.9], Told([False, True]), Output(0.9, "true", {"false": 0.1, "true": 0.9})),
    (3, Told(task="classification"), Output(label="3")),
    (True, Told(task="regression"), Output(value=1.0)),
    (1.0, Told(["no", "yes"]), Output(value=1.0)),
]


@pytest.mark.parametrize(("result", "told", "expected"), KINDS_SINGLE, ids=str)
@pytest.mark.swallows("whose name sorts last", "those that are no numbers are left out: who")
def test_what_a_result_says_is_not_guessed(result: Any, told: Told, expected: Output) -> None:
    """Keys that say what they are count, whatever their spelling; what may be anything is no class score."""
    assert read(result, told) == expected


class Tensor:
    """An array of another library, as PyTorch's and JAX's are."""

    def __init__(self, values: Any) -> None:
        self._held = np.asarray(values)
        self.shape, self.ndim = self._held.shape, self._held.ndim

    def __repr__(self) -> str:
        return f"Tensor({self._held.tolist()})"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._held

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, at: Any) -> Tensor:
        return Tensor(self._held[at])


P2 = np.array([[0.2, 0.8], [0.6, 0.4]])
NO_SCORES: tuple[Any, Any, Any] = (None, None, {})
KINDS_BATCH: list[tuple[Any, Told, tuple[Any, Any, Any]]] = [
    ((np.array([0, 1]), np.array([0.2, 0.8])), Told(), ([0.2, 0.8], ["0", "1"], {})),
    ((["a", "b"], [0.2, 0.8]), Told(), ([0.2, 0.8], ["a", "b"], {})),
    ((["n", "y"], P2), Told(["n", "y"]), ([0.8, 0.4], ["n", "y"], {"n": [0.2, 0.6], "y": [0.8, 0.4]})),
    ((np.array([10.5, 12.0]), np.array([0.3, 0.2])), Told(), ([10.5, 12.0], None, {})),
    ([("a", 0.9), ("b", 0.2)], Told(), ([0.9, 0.2], ["a", "b"], {})),
    ((("a", 0.9), ("b", 0.2)), Told(), ([0.9, 0.2], ["a", "b"], {})),
    (P2, Told(), ([0.8, 0.4], ["1", "0"], {"0": [0.2, 0.6], "1": [0.8, 0.4]})),
    (np.array([[10.0, 20.0], [30.0, 40.0]]), Told(), NO_SCORES),
    (np.array([[10.0, 20.0], [30.0, 40.0]]), Told(task="regression"), ([10.0, 30.0], None, {})),
    (np.array([[1, 0], [0, 1]]), Told(), NO_SCORES),
    (np.array([[1, 0], [0, 1]]), Told(task="classification"), NO_SCORES),
    ([[10.0, 20.0], [30.0, 40.0]], Told(), NO_SCORES),
    (pd.DataFrame({"y1": [10.0, 20.0], "y2": [3.0, 4.0]}), Told(), NO_SCORES),
    (pd.DataFrame({"predicted": ["a", "b"], "prob": [0.1, 0.2]}), Told(), ([0.1, 0.2], ["a", "b"], {})),
    (np.array(["yes", 1], dtype=object), Told(), ([None, 1.0], ["yes", None], {})),
    (["yes", 1], Told(), ([None, 1.0], ["yes", None], {})),
    (np.array([0, 1]), Told(task="classification"), (None, ["0", "1"], {})),
    (np.array([0, 1]), Told(), ([0.0, 1.0], None, {})),
    (np.array([0.0, 1.0]), Told([0.0, 1.0]), (None, ["0", "1"], {})),
    (np.array([0.0, 0.5]), Told([0.0, 1.0]), ([0.0, 0.5], None, {})),
    (np.array([True, False]), Told(task="regression"), ([1.0, 0.0], None, {})),
    (Tensor([0.1, 0.2]), Told(), ([pytest.approx(0.1), pytest.approx(0.2)], None, {})),
    (Tensor(P2), Told(["n", "y"]), ([0.8, 0.4], ["y", "n"], {"n": [0.2, 0.6], "y": [0.8, 0.4]})),
    (np.array([[[0.1]], [[0.2]]]), Told(), ([0.1, 0.2], None, {})),
    (pd.Series(pd.Categorical([3, 1])), Told(), (None, ["3", "1"], {})),
    (["a\ud800", "b"], Told(), ([None, None], ["a?", "b"], {})),
]


@pytest.mark.parametrize(("result", "told", "expected"), KINDS_BATCH, ids=str)
@pytest.mark.swallows("are no class scores for sure", "the second is left out")
def test_what_a_table_of_results_says_is_not_guessed(result: Any, told: Told, expected: Any) -> None:
    """A batch follows the same rules; columns of which nobody says what they are, are no scores."""
    assert columns(result, 2, told.classes, told.task) == expected


ONE: list[Any] = [0.5, np.float64(0.5), {"score": 0.5}, [0.5], Tensor([0.5]), Tensor(0.5), np.array(0.5)]


@pytest.mark.parametrize("result", ONE)
def test_one_row_as_a_table(result: Any) -> None:
    """A function that is given one row as a table may return the prediction itself."""
    assert columns(result, 1)[0] == [0.5]


@pytest.mark.parametrize(
    "result", [0.5, {"score": 0.5}, np.zeros((2, 3, 4), complex), [object(), object()], [0.5] * 3, "yes"]
)
def test_a_result_that_is_none_of_the_table(result: Any) -> None:
    """It is refused in words that hold none of its values."""
    with pytest.raises(batches.UntoldError, match="result"):
        batches.snapshot(result, 2)


@pytest.mark.swallows("are no class scores for sure")
def test_what_cannot_be_told_names_the_option() -> None:
    """The warning says once which option settles it."""
    _failsafe.failures.clear()
    assert columns(np.array([[10.0, 20.0], [30.0, 40.0]])) == columns(np.array([[1.0, 2.0], [3.0, 4.0]])) == NO_SCORES
    (said,) = _failsafe.failures
    assert "classes=" in said and "task=" in said and "prediction=" in said


NAMED: dict[str, Callable[[list[tuple[str, float]]], Any]] = {
    "dict": dict,
    "labelled": lambda pairs: [{"label": name, "score": score} for name, score in pairs],
    "side_by_side": lambda pairs: {"labels": [name for name, _ in pairs], "scores": [score for _, score in pairs]},
    "scores": lambda pairs: {"label": pairs[0][0], "scores": dict(pairs)},
    "frame": lambda pairs: pd.DataFrame({name: [score] for name, score in pairs}),
}
"""Answers that name the classes of their scores."""
TWO = [
    (["ham", "spam"], None, "spam"),
    (["legit", "fraud"], None, "fraud"),
    (["NEGATIVE", "POSITIVE"], None, "POSITIVE"),
    (["no", "yes"], None, "yes"),
    (["LABEL_0", "LABEL_1"], None, "LABEL_1"),
    (["spam", "ham"], ["spam", "ham"], "ham"),
    (["fraud", "legit"], ["fraud", "legit"], "legit"),
]


@pytest.mark.parametrize("shape", NAMED)
@pytest.mark.parametrize(("names", "classes", "of_value"), TWO, ids=str)
@pytest.mark.swallows("whose name sorts last")
def test_the_value_is_the_score_of_one_class_in_whichever_order_answers_have_them(
    shape: str, names: list[str], classes: Any, of_value: str
) -> None:
    """Answers that are sorted by score, in rows, calls and batches, have the same class's score as their value."""
    scores = [0.9, 0.2, 0.6, 0.4]
    answers = [
        NAMED[shape](sorted({names[0]: 1 - score, names[1]: score}.items(), key=lambda pair: sign * pair[1]))
        for score in scores
        for sign in (1, -1)
    ]
    wanted = [score if of_value == names[1] else 1 - score for score in scores for _ in range(2)]
    told = Told(classes, seen=set())
    assert [columns(answer, 1, classes)[0][0] for answer in answers] == wanted
    if shape != "frame":
        assert [read(answer, told).value for answer in answers] == wanted
        assert batches.snapshot(answers, len(answers), told).columns().value.to_pylist() == wanted


@pytest.mark.swallows("name more than two in all", "whose name sorts last")
def test_the_best_two_of_many_classes_have_no_value() -> None:
    """No class is in every answer, so no score is the value; label and scores are there, and the option is named."""
    _failsafe.failures.clear()
    told = Told(seen=set())
    read({"a": 0.7, "b": 0.2}, told)
    assert read([{"label": "b", "score": 0.6}, {"label": "c", "score": 0.3}], told) == Output(
        None, "b", {"b": 0.6, "c": 0.3}
    )
    assert read({"a": 0.7, "b": 0.2}, told).value is None
    assert any("classes= names two" in said for said in _failsafe.failures)
    assert read({"b": 0.6, "c": 0.3}, Told(["a", "b", "c"])).value is None


@pytest.mark.swallows("where they are sorted by score")
def test_scores_without_names_that_look_sorted_are_said() -> None:
    """What names no class cannot be put into order: that is said, and what it takes."""
    _failsafe.failures.clear()
    sorted_by_score = -np.sort(-np.random.default_rng(1).dirichlet([1, 1, 1], 20), axis=1)
    columns(sorted_by_score, 20, ["a", "b", "c"])
    assert not _failsafe.failures
    columns(sorted_by_score, 20)
    (said,) = _failsafe.failures
    assert "return them with their labels, or in the order of classes=" in said
