"""What each kind of result becomes."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from modelspan.capture import batches
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
    (("yes", 0.9), None, Output(0.9, "yes")),
    (Answered("yes", 0.9), None, Output(0.9, "yes")),
    (Pair("yes", 0.9), None, Output(0.9, "yes")),
    (pd.Series([0.5]), None, Output(value=0.5)),
    (pd.DataFrame({"p": [0.5]}), None, Output(value=0.5)),
    (None, None, NOTHING),
    (object(), None, NOTHING),
]


@pytest.mark.parametrize(("result", "classes", "expected"), SINGLE, ids=lambda value: type(value).__name__)
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
    (None, None, (None, None, {})),
]


@pytest.mark.parametrize(("result", "classes", "expected"), BATCH, ids=lambda value: type(value).__name__)
def test_batch(result: Any, classes: Any, expected: tuple[Any, Any, Any]) -> None:
    """A batch's result becomes columns by the same rules."""
    assert columns(result, 2, classes) == expected


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
