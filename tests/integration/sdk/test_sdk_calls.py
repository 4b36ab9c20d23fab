"""Calls as people make them: each is as many rows as it predicts, once, and means what it says.

What a call returns, raises and costs is its own; what is recorded of it is a row for each prediction, and never another
one from its span; a line of the log where a part of it is left out, and no line of another library's.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from opentelemetry import trace
from opentelemetry.util._once import Once

import modelspan
from modelspan import _failsafe
from modelspan.testing import Answer, Receiver


class _Endless(dict[str, Any]):
    """A mapping that says it holds one thing, and never ends."""

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def items(self) -> Any:
        return ((str(number), 1.0) for number in itertools.count())


class _Colour(enum.Enum):
    RED = 7


_CLOCK = datetime.time(1, 2)


def _half(*_rows: Any) -> float:
    return 0.5


def _each(*rows: Any) -> list[float]:
    given = rows[0] if len(rows) == 1 else rows
    return [0.5] * (given.shape[0] if hasattr(given, "shape") else len(given))


def _scaled(threshold: float, row: float) -> float:
    return row * threshold


CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], list[dict[str, Any]]]] = {
    "a number that no double holds": (_half, ({"big": 10**400, "a": 1.0},), {}, [{"a": 1.0, "big": None}]),
    "a number that is its own item": (_half, ({"long": np.longdouble(0.5)},), {}, [{"long": 0.5}]),
    "a signalling NaN": (_half, ({"d": decimal.Decimal("sNaN"), "a": 1.0},), {}, [{"a": 1.0, "d": None}]),
    "lone surrogates": (lambda row: "\ud800", ({"\udfff": "\ud800"},), {"tags": {"\udc00": "\ud800"}}, [{"?": "?"}]),
    "a mapping without end": (_half, (_Endless(a=1.0),), {}, [{"0": 1.0}]),
    "a time of day, alone": (_half, ({"t": _CLOCK},), {}, [{"t": _CLOCK}]),
    "a time of day, in a table": (_each, ([{"t": _CLOCK}, {"t": _CLOCK}],), {}, [{"t": _CLOCK}] * 2),
    "an enum member": (_half, ({"e": _Colour.RED},), {}, [{"e": "7"}]),
    "flags beside numbers": (_each, ([[True, 1], [False, 2]],), {}, [{"f0": True, "f1": 1}, {"f0": False, "f1": 2}]),
    "lists beside numbers": (
        _each,
        ([[[1.0, 2.0], 1], [[3.0, 4.0], 2]],),
        {},
        [{"f0": [1.0, 2.0], "f1": 1}, {"f1": 2}],
    ),
    "a NumPy matrix": (_each, (np.asmatrix([[1.0, 2.0], [3.0, 4.0]]),), {}, [{"f0": 1.0, "f1": 2.0}, {"f0": 3.0}]),
    "a dictionary of keys": (_each, (scipy.sparse.dok_matrix(np.eye(2)),), {}, [{"f0": 1.0, "f1": 0.0}, {"f1": 1.0}]),
    "a sparse vector": (_half, (scipy.sparse.coo_array(np.array([0.0, 1.0])),), {}, [{"f0": 0.0, "f1": 1.0}]),
    "names that do not fit": (_each, (np.ones((2, 3)),), {"feature_names": ["a", "b"]}, [{}, {}]),
    "any number of rows": (_each, ({"a": 1.0}, {"a": 2.0}), {}, [{"a": 1.0}, {"a": 2.0}]),
    "any number of scalars": (_half, (1.0, 2.0), {}, [{"f0": 1.0, "f1": 2.0}]),
    "a partial": (functools.partial(_scaled, 0.5), (3.0,), {}, [{"threshold": 0.5, "row": 3.0}]),
    "names that are one as texts": (_half, ({1: 1.0, "1": 2.0},), {}, [{"1": 1.0}]),
    "names that are one as texts, of kinds": (_half, ({1: 1, "1": _CLOCK},), {}, [{"1": 1}]),
    "a name that is one joined by dots": (_half, ({"a.b": 1.0, "a": {"b": 2.0}},), {}, [{"a.b": 1.0}]),
    "a column as a tag": (_half, ({"a": 1.0},), {"tags": lambda row: {"ids": [1, 2], "b": 1}}, [{"a": 1.0}]),
    "tags that are none": (_half, ({"a": 1.0},), {"tags": lambda row: None}, [{"a": 1.0}]),
}
"""The function, its arguments, the decorator's, and features that each row has, among others."""


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.swallows("have no place", "cannot be converted", "feature_names has 2 names and the matrix 3 columns")
@pytest.mark.swallows(
    "of columns with the same name", "more than 65,536 features", "have no room for all", "is a list and is left out"
)
def test_a_call_is_a_row_for_each_prediction(
    case: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever people pass: as many rows as predictions, with their features, and a span that makes no further row."""
    monkeypatch.setenv("MODELSPAN_EXIT_TIMEOUT", "0.2")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)  # of this test alone: the process would keep it
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    function, arguments, options, expected = CALLS[case]
    modelspan.configure(endpoint=receiver.endpoint)
    try:
        observed = modelspan.observe(model="m", version="1", **options)(function)
        assert observed(*arguments) == function(*arguments)
        assert modelspan.flush(60)
    finally:
        modelspan.configure(disabled=True)
        trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined]
    rows = receiver.predictions()
    assert len(rows) == len(expected)
    for row, features in zip(rows, expected, strict=True):
        assert {name: row.get(f"feature.{name}") for name in features} == features
        assert row.get("value") == 0.5 or row.get("label") == "?" or function is CALLS["a partial"][0]
    spans = [span for span in receiver.spans() if span.name == "predict m"]
    assert all(any(each.key == "modelspan.recorded" for each in span.attributes) for span in spans)
    assert [record.name for record in caplog.records if record.name != "modelspan"] == []


@pytest.mark.parametrize("classes", [np.array(["no", "yes"]), np.array([0, 1]), ("no", "yes")], ids=repr)
def test_classes_and_names_are_any_sequence(classes: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """What estimators tell of themselves are arrays, without a truth: a decorator takes them, and so does a block."""
    sdk(endpoint=receiver.endpoint)
    names = np.array(["a", "b"])
    modelspan.observe(model="m", classes=classes, feature_names=names)(lambda row: [0.25, 0.75])([1.0, 2.0])
    with modelspan.prediction("m", classes=classes, feature_names=names) as p:
        p.features, p.value = [1.0, 2.0], [0.25, 0.75]
        p.scores = [0.25, 0.75]  # type: ignore[assignment]
    assert modelspan.flush(60)
    first, second = receiver.predictions()
    for row in (first, second):
        assert (row["feature.a"], row["feature.b"]) == (1.0, 2.0)
        assert row[f"score.{classes[1]}"] == 0.75


@pytest.mark.parametrize("many", [False, True], ids=["a row", "a table"])
def test_a_block_says_what_its_answers_are(many: bool, sdk: Callable[..., None], receiver: Receiver) -> None:
    """As the decorator does: a list may be anything, and the card says the same."""
    sdk(endpoint=receiver.endpoint)
    with modelspan.prediction("shop", task="ranking") as p:
        p.features = [{"visits": 1.0}] * 2 if many else {"visits": 1.0}
        p.value = [["tea", "cup"], ["cup"]] if many else ["tea", "cup"]
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert [row["shape"] for row in rows] == ["ranking"] * len(rows)
    assert [row["items"] for row in rows] == ([["tea", "cup"], ["cup"]] if many else [["tea", "cup"]])
    assert [card["task"] for card in receiver.models()] == ["ranking"]


def test_a_block_of_many_rows_takes_a_matrix_of_answers(sdk: Callable[..., None], receiver: Receiver) -> None:
    """With a column a level, as a function may return it."""
    sdk(endpoint=receiver.endpoint)
    with modelspan.prediction("load", task="quantile", classes=["0.1", "0.9"]) as p:
        p.features, p.value = [{"a": 1.0}, {"a": 2.0}], np.array([[1.0, 2.0], [3.0, 4.0]])
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert [(row["shape"], row["output.0.1"], row["output.0.9"]) for row in rows] == [
        ("quantile", [1.0], [2.0]),
        ("quantile", [3.0], [4.0]),
    ]


@pytest.mark.swallows("task is 'rank'; expected one of")
def test_a_task_that_there_is_not_costs_the_block_nothing(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A block is never failed by how it is described: it is said, and not followed."""
    sdk(endpoint=receiver.endpoint)
    with modelspan.prediction("shop", task="rank") as p:
        p.value = ["tea"]
    assert modelspan.flush(60)
    assert receiver.predictions() == []


BLOCKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "contributions in the order of the features": (
        {"attributions": np.array([0.1, 0.2])},
        {"attribution.a": 0.1, "attribution.b": 0.2},
    ),
    "too many contributions": ({"attributions": [0.1, 0.2, 0.3]}, {}),
    "contributions that are none": ({"attributions": "abc"}, {}),
    "a time before 1970": ({"timestamp": -5}, {"timestamp": datetime.datetime(1969, 12, 31, 23, 59, 55)}),
    "a label that is an object": ({"label": object()}, {"label": None}),
    "a label that is missing": ({"label": float("nan")}, {"label": None}),
    "tags that are a list": ({"tags": ["a"]}, {}),
    "an id that is a vector": ({"prediction_id": array.array("d", [1.0])}, {}),
    "an id that is a tuple": ({"prediction_id": (1, 2)}, {}),
}
"""What a block is told, and what its row says."""


@pytest.mark.parametrize("case", BLOCKS)
@pytest.mark.swallows(
    "is left out", "has no text, and one is made", "instants given as numbers", "could not be captured", "have no place"
)
def test_what_a_block_is_told_costs_nothing_beside_it(case: str, sdk: Callable[..., None], receiver: Receiver) -> None:
    """One attribute that does not fit leaves the row, and all else of it."""
    sdk(endpoint=receiver.endpoint)
    told, expected = BLOCKS[case]
    with modelspan.prediction("m", "1") as p:
        p.features, p.value = {"a": 1.0, "b": 2.0}, 0.5
        for name, value in told.items():
            setattr(p, name, value)
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["feature.a"], row["feature.b"], row["value"]) == (1.0, 2.0, 0.5)
    assert "array" not in row["prediction_id"]
    found = {name: row.get(name) for name in expected}
    if "timestamp" in found:
        found["timestamp"] = found["timestamp"].replace(tzinfo=None)
    assert found == expected


RESULTS: dict[str, tuple[Any, str | None, dict[str, float]]] = {
    "scores by flags": ({True: 0.2, False: 0.8}, "false", {"true": 0.2, "false": 0.8}),
    "scores by numbers": ({0.0: 0.2, 1.0: 0.8}, "1", {"0": 0.2, "1": 0.8}),
    "scores that are all NaN": ({"a": float("nan"), "b": float("nan")}, None, {}),
    "a score that is NaN": ([{"label": "a", "score": float("nan")}, {"label": "b", "score": 0.1}], "b", {"b": 0.1}),
    "a label that is NaN": ({"label": float("nan"), "score": 0.5}, None, {}),
    "an enum member": (_Colour.RED, "7", {}),
    "two labels": (["a", "b"], None, {}),
    "a label without a score": (("a", None), "a", {}),
    "counts": (collections.Counter(a=1), None, {}),
}
"""A result, and its label and scores."""


@pytest.mark.parametrize("case", RESULTS)
@pytest.mark.swallows("has no place in a record", "whose name sorts last", "nothing says what it is")
def test_a_class_is_one_however_it_is_spelt(case: str, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Classes have one spelling wherever they come from, and none is made of what is missing."""
    result, label, scores = RESULTS[case]
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="m")(lambda row: result)({"a": 1.0})
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert row.get("label") == label
    found = {name.removeprefix("score."): value for name, value in row.items() if name.startswith("score.")}
    assert {name: value for name, value in found.items() if value == value} == scores


@pytest.mark.parametrize("result", [np.array([0.1, 0.5, 2.0]), pd.Series([0.1, 0.5, 2.0]), [0.1, 0.5, 2.0]])
@pytest.mark.swallows("nothing says what it is")
def test_several_values_for_one_record_say_how_each_row_gets_its_own(
    result: Any, sdk: Callable[..., None], receiver: Receiver
) -> None:
    """A frame beside another argument is no table of rows unless features= says so, which the warning names."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    modelspan.observe(model="m")(lambda settings, rows: result)({"depth": 1.0}, frame)
    (said,) = [each for each in _failsafe.failures if "nothing says what it is" in each]
    assert "3 values are a result a row, let features= return the rows as one table" in said
    observed = modelspan.observe(model="n", features=lambda settings, rows: rows)(lambda settings, rows: result)
    observed({"depth": 1.0}, frame)
    assert modelspan.flush(60)
    assert [row["value"] for row in receiver.predictions() if row["modelspan.model.name"] == "n"] == [0.1, 0.5, 2.0]


async def _later(row: Any) -> float:
    return 0.5


def _streamed(row: Any) -> Iterator[float]:
    yield 0.5


@pytest.mark.parametrize("function", [_later, _streamed])
@pytest.mark.parametrize("given", [{"a": 1.0}, pd.DataFrame({"a": [1.0]})], ids=["row", "table"])
@pytest.mark.swallows("is not there yet when the call returns it")
def test_what_comes_after_the_call_says_what_to_observe(
    function: Callable[..., Any], given: Any, sdk: Callable[..., None], receiver: Receiver
) -> None:
    """A plain wrapper around an async or generator function returns what is not there yet: the row says no output."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    result = modelspan.observe(model="m")(functools.wraps(function)(lambda row: function(row)))(given)
    result.close()
    (said,) = _failsafe.failures
    assert "observe the async or generator function itself" in said
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["feature.a"], row.get("value")) == (1.0, None)


@pytest.mark.parametrize(
    "given", [{"x": 1}, {"prediction_id": ["a"]}, pd.DataFrame({"prediction_id": ["a"]})], ids=repr
)
@pytest.mark.swallows("labels are left out: an id of type")
def test_a_table_is_no_id(given: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """A mapping or frame beside an outcome is not read as its keys."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    modelspan.label(given, 1)
    (said,) = _failsafe.failures
    assert "give the id, or a column of ids, and the outcome" in said
    assert modelspan.flush(60)
    assert receiver.tables("modelspan.labels") == []


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.swallows("refused records")
def test_a_flush_says_what_was_not_taken(status: int, sdk: Callable[..., None]) -> None:
    """Records that were refused are not delivered, and one flush says so; the next is of what came after."""
    refusing = [True]
    with Receiver(lambda _: Answer(status if refusing[0] else 200)) as receiver:
        sdk(endpoint=receiver.endpoint)
        predict = modelspan.observe(model="m")(_half)
        predict(1.0)
        assert not modelspan.flush(60)
        refusing[0] = False
        predict(2.0)
        assert modelspan.flush(60)
