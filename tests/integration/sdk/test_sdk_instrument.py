"""Estimators: nested calls of every kind count once, fitting may come later, copies work."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import modelspan
from modelspan.testing import Receiver

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]] * 5)
Y = np.array(["no", "no", "yes", "yes"] * 5)


class Server:
    """An object with a method of each kind; all of them call `score`."""

    def score(self, age: float) -> float:
        return age / 100

    async def serve(self, age: float) -> float:
        await asyncio.sleep(0)
        return self.score(age)

    def stream(self, age: float) -> Iterator[float]:
        yield self.score(age)
        yield self.score(age) + 1

    async def stream_async(self, age: float) -> AsyncIterator[float]:
        yield self.score(age)
        await asyncio.sleep(0)
        yield self.score(age) + 1


METHODS = ["score", "serve", "stream", "stream_async"]


async def use(server: Server, method: str) -> list[float]:
    """All results of a method, whatever its kind."""
    if method == "serve":
        return [await server.serve(50.0)]
    if method == "stream_async":
        return [item async for item in server.stream_async(50.0)]
    told: Any = getattr(server, method)(50.0)
    return list(told) if method == "stream" else [told]


@pytest.mark.parametrize("method", METHODS)
def test_nested_calls_are_one(method: str, sdk: Callable[..., None], receiver: Receiver) -> None:
    """A method of any kind that calls another observed one is one call, with its own arguments and results."""
    sdk(endpoint=receiver.endpoint)
    server = modelspan.instrument(Server(), "m", methods=METHODS)
    assert asyncio.run(use(server, method)) == asyncio.run(use(Server(), method))
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert row["feature.age"] == 50.0
    assert row["value"] == (1.5 if "stream" in method else 0.5)


def test_consumer_of_a_stream_is_outside(sdk: Callable[..., None], receiver: Receiver) -> None:
    """What the consumer calls between two items of a stream is a call of its own."""
    sdk(endpoint=receiver.endpoint)
    server = modelspan.instrument(Server(), "m", methods=METHODS)
    for _ in server.stream(50.0):
        server.score(20.0)
    assert modelspan.flush(60)
    assert sorted(row["value"] for row in receiver.predictions()) == [0.2, 0.2, 1.5]


@pytest.mark.swallows("does not answer", "had not been sent")
def test_a_stream_is_closed(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A stream that is given up early runs its clean-up."""
    sdk(endpoint=receiver.endpoint)
    closed: list[bool] = []

    class Streaming:
        def stream(self, age: float) -> Iterator[float]:
            try:
                yield 1.0
            finally:
                closed.append(True)

    streaming = modelspan.instrument(Streaming(), "m", methods=["stream"])
    items = streaming.stream(1.0)
    assert next(items) == 1.0
    items.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_fitted_later(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Classes that are learnt, or learnt anew, after instrumenting name the scores."""
    sdk(endpoint=receiver.endpoint)
    estimator = modelspan.instrument(LogisticRegression(), "m", feature_names=["a", "b"])
    estimator.fit(X, Y).predict_proba(X[:1])
    estimator.fit(X, np.where(Y == "no", "red", "blue")).predict_proba(X[:1])
    assert modelspan.flush(60)
    first, second = receiver.predictions()
    assert {"score.no", "score.yes"} <= set(first)
    assert {"score.blue", "score.red"} <= set(second)


@pytest.mark.parametrize(
    "copied", [clone, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))], ids=["clone", "deepcopy", "pickle"]
)
def test_copies_are_plain(copied: Callable[[Any], Any], sdk: Callable[..., None], receiver: Receiver) -> None:
    """Clones and copies, also as steps of a pipeline, work and are not observed; the original stays so."""
    sdk(endpoint=receiver.endpoint)
    estimator = modelspan.instrument(LogisticRegression().fit(X, Y), "m")
    plain = copied(estimator)
    plain.fit(X, Y)
    piped = copied(make_pipeline(StandardScaler(), estimator)).fit(X, Y)
    assert list(plain.predict(X)) == list(piped.predict(X)) == list(Y)
    assert modelspan.flush(60)
    assert receiver.predictions() == []
    assert list(estimator.predict(X[:1])) == ["no"]
    assert modelspan.flush(60)
    assert [row["label"] for row in receiver.predictions()] == ["no"]


def test_shallow_copy(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A shallow copy shares the methods of the original, as it shares all else, and is observed with it."""
    sdk(endpoint=receiver.endpoint)
    estimator = modelspan.instrument(LogisticRegression().fit(X, Y), "m")
    shallow = copy.copy(estimator)
    assert list(shallow.predict(X)) == list(Y)
    assert modelspan.flush(60)
    assert [row["label"] for row in receiver.predictions()] == list(Y)


def test_searched(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A search over an instrumented estimator fits clones, and calls none of ours."""
    sdk(endpoint=receiver.endpoint)
    estimator = modelspan.instrument(LogisticRegression(), "m")
    assert GridSearchCV(estimator, {"C": [0.1, 1.0]}, cv=2).fit(X, Y).best_score_ > 0
    assert modelspan.flush(60)
    assert receiver.predictions() == []


def test_names_and_ids_are_cut(sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of features, classes and tags, and the caller's ids, are no longer than any text; labels still join."""
    monkeypatch.setenv("MODELSPAN_MAX_STRING_LENGTH", "10")
    sdk(endpoint=receiver.endpoint)
    long = "x" * 50
    classes = ["a" * 50, "b" * 50]
    observe = modelspan.observe("m", classes=classes, prediction_id=lambda row: long, tags={long: long})
    observe(lambda row: [0.2, 0.8])({long: 1.0})
    told = modelspan.prediction_id()
    many = modelspan.observe("m", prediction_id=lambda table: [f"{number}{long}" for number in range(2)])
    many(lambda table: [0.1, 0.2])([{"a": 1.0}, {"a": 2.0}])
    with modelspan.prediction("m", prediction_id=long) as block:
        block.value = 0.5
        assert block.prediction_id == "x" * 10
    modelspan.label(long, long)
    modelspan.label([f"{number}{long}" for number in range(2)], [long, long])
    modelspan.register("m", classes=classes)
    assert modelspan.flush(60)
    assert told == "x" * 10
    rows = receiver.predictions()
    single = next(row for row in rows if "score.aaaaaaaaaa" in row)
    assert set(single) >= {"score.bbbbbbbbbb", "feature.xxxxxxxxxx", "tag.xxxxxxxxxx"}
    assert single["prediction_id"] == told
    labels = receiver.labels()
    assert {row["prediction_id"] for row in labels} == {row["prediction_id"] for row in rows}
    assert {len(row["label"]) for row in labels} == {10}
    assert receiver.models()[0]["classes"] == ["a" * 10, "b" * 10]


@pytest.mark.swallows(
    "is left out", "are no class scores for sure", "the first is recorded", "below 0 are in no metric"
)
def test_several_outputs(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A model of several outputs is observed: its rows arrive, and what they have no place for is said."""
    sdk(endpoint=receiver.endpoint)
    labels = np.column_stack([Y, Y])
    estimator = modelspan.instrument(
        MultiOutputClassifier(LogisticRegression()).fit(X, labels), "m", feature_names=["a", "b"]
    )
    assert estimator.predict(X[:3]).tolist() == labels[:3].tolist()
    assert len(estimator.predict_proba(X[:3])) == 2
    regressor = modelspan.instrument(LinearRegression().fit(X, X * 10), "r", feature_names=["a", "b"])
    regressor.predict(X[:3])
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert [row["modelspan.model.name"] for row in rows] == ["m"] * 6 + ["r"] * 3
    assert [row["feature.b"] for row in rows] == [1.0, 0.0, 1.0] * 3
    assert not any(name.startswith("score.") for row in rows for name in row)
    assert [round(row["value"]) for row in rows[6:]] == [0, 10, 20]


@pytest.mark.parametrize(
    ("estimator", "target", "told"),
    [
        (LogisticRegression(), [0, 0, 1, 1], ("label", "1")),
        (LogisticRegression(), [False, False, True, True], ("label", "true")),
        (LogisticRegression(), [0.0, 0.0, 1.0, 1.0], ("label", "1")),
        (LinearRegression(), [0, 0, 1, 1], ("value", None)),
    ],
)
def test_what_an_estimator_says_that_it_does(
    estimator: Any, target: Any, told: tuple[str, Any], sdk: Callable[..., None], receiver: Receiver
) -> None:
    """Classes are labels, in the spelling of their scores; numbers of a regression are values."""
    sdk(endpoint=receiver.endpoint)
    fitted = modelspan.instrument(clone(estimator).fit(X[:4], target), "m")
    fitted.predict(X[2:4])
    if told[0] == "label":
        fitted.predict_proba(X[2:4])
    assert modelspan.flush(60)
    rows = receiver.predictions()
    assert {row.get("label") for row in rows} == {told[1]}
    if told[0] == "label":
        assert f"score.{told[1]}" in rows[-1]
