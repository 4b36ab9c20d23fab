"""Values of any size and depth, also such as hold themselves, cost a call little and end no process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import modelspan
from modelspan import _failsafe, conventions
from modelspan.capture import arrays, inputs, values
from modelspan.records.encode import RECORD_BYTES
from modelspan.records.encode_batches import _spelt_out
from modelspan.testing import Answer, Receiver


def itself() -> list[Any]:
    held: list[Any] = []
    held.append(held)
    return held


def itself_twice() -> list[Any]:
    held: list[Any] = []
    held.extend([held, held])
    return held


def dict_of_itself() -> dict[str, Any]:
    held: dict[str, Any] = {}
    held.update({str(number): held for number in range(50)})
    return held


def deep() -> list[Any]:
    held: list[Any] = [1.0]
    for _ in range(100_000):
        held = [held]
    return held


def array_of_objects(value: Any) -> Any:
    """One object in an array, which NumPy would look into."""
    held = np.empty(1, dtype=object)
    held[0] = value
    return held


ENDLESS = [itself(), itself_twice(), dict_of_itself(), deep(), tuple(itself_twice())]
FORMS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: {"x": value},
    lambda value: [value, value],
    lambda value: [[1.0, value], [2.0, value]],
    lambda value: pd.Series([value, value]),
    lambda value: pd.DataFrame({"x": [value, value]}),
    lambda value: {"x": array_of_objects(value)},
    lambda value: (["a", "b"], value),
]


@pytest.mark.parametrize("endless", ENDLESS, ids=["itself", "twice", "dict", "deep", "tuple"])
@pytest.mark.parametrize("form", range(len(FORMS)))
@pytest.mark.swallows("has no place", "have no place", "is left out", "without the others", "could not be")
def test_what_holds_itself_is_bounded(form: int, endless: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """As an argument and as a result, of a row and of a table, it is left out, and the row arrives."""
    sdk(endpoint=receiver.endpoint)
    value = FORMS[form](endless)
    frame = pd.DataFrame({"age": [1.0, 2.0]})
    assert modelspan.observe(model="given")(lambda given: 0.5)(value) == 0.5
    assert modelspan.observe(model="returned")(lambda row: value)({"age": 1.0}) is value
    assert modelspan.observe(model="returned")(lambda rows: value)(frame) is value
    assert modelspan.flush(60)
    found = [row["modelspan.model.name"] for row in receiver.predictions()]
    assert found.count("returned") == 3 and 1 <= found.count("given") <= 2


@pytest.mark.swallows("are one embedding", "have no place")
def test_a_long_vector_is_one_embedding(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Up to the limit, numbers are a feature each; beyond, one embedding; of a size that nobody compares, nothing."""
    sdk(endpoint=receiver.endpoint)
    predict = modelspan.observe(model="m")(lambda vector: 0.5)
    for length in (arrays.MOST_UNNAMED, arrays.MOST_UNNAMED + 1, arrays.MOST_DIMENSIONS + 1):
        for vector in (np.ones(length), [1.0] * length, pd.Series(np.ones(length))):
            predict(vector)
    assert modelspan.flush(60)
    rows = receiver.predictions()
    told = [{name: value for name, value in row.items() if name.startswith("feature.")} for row in rows]
    found = [{name: value for name, value in row.items() if value is not None} for row in told]
    assert sorted(map(len, found)) == [0] * 3 + [1] * 3 + [arrays.MOST_UNNAMED] * 3
    assert [row for row in found if len(row) == 1] == [{"feature.vector": [1.0] * (arrays.MOST_UNNAMED + 1)}] * 3
    assert any(arrays.VECTOR in row.get("modelspan.left_out", "") for row in rows)


def test_feature_names_make_a_long_vector_features(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Who names them means them."""
    sdk(endpoint=receiver.endpoint)
    names = [f"gene{number}" for number in range(2000)]
    modelspan.observe(model="m", feature_names=names)(lambda vector: 0.5)(np.ones(2000))
    modelspan.observe(model="m", feature_names=names)(lambda matrix: [0.5])(np.ones((1, 2000)))
    assert modelspan.flush(60)
    assert [row["feature.gene1999"] for row in receiver.predictions()] == [1.0, 1.0]


@pytest.mark.swallows("without the others")
def test_more_features_than_are_kept(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Of a row with very many features the first are kept, and it is said."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    row = inputs.row_of({str(number): 1.0 for number in range(values.MOST_FEATURES + 5)})
    assert len(row.names) == values.MOST_FEATURES
    assert [said for said in _failsafe.failures if "features are recorded without" in said]


def test_rows_of_many_features_arrive(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Thousands of features, some missing, cost time in proportion: as a row, as objects, and as a table."""
    sdk(endpoint=receiver.endpoint)
    wide: dict[str, Any] = {f"f{number}": None if number % 2 else 1.0 for number in range(9_000)}
    predict = modelspan.observe(model="m")(lambda given: 0.5)
    predict(wide)
    predict({**wide, "when": pd.Timestamp("2026-01-01")})
    predict(pd.DataFrame([wide]))
    assert modelspan.flush(60)
    assert [row["feature.f8998"] for row in receiver.predictions()] == [1.0, 1.0, 1.0]


@pytest.mark.swallows("are one embedding")
def test_large_rows_wait_in_bounded_memory(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Embeddings that together hold more than may wait drop the oldest rows, and every row is accounted for."""
    from modelspan._pipeline import Pipeline
    from modelspan._runtime import current
    from modelspan._settings import from_environment

    sdk(endpoint=receiver.endpoint)
    settings = from_environment(
        {"MODELSPAN_MAX_BYTES": str(2**22), "MODELSPAN_FLUSH_INTERVAL": "60"}, receiver.endpoint
    )
    pipeline = Pipeline(settings, {}, current().metrics)
    held = current().pipeline
    current().pipeline = pipeline
    try:
        with pipeline.working:  # nothing is encoded meanwhile
            for _ in range(50):
                modelspan.observe(model="m")(lambda vector: 0.5)(np.ones(50_000))
            assert pipeline._heavy_bytes <= 2**22
        assert not pipeline.flush(20)  # all that was kept is sent, and what was dropped is said
        told = pipeline.tally.read()
    finally:
        current().pipeline = held
        pipeline.shutdown(1)
    assert told["dropped"] > 20 and told["sent"] + told["dropped"] == 50


@pytest.mark.swallows("have no place")
def test_very_many_columns_without_a_place_are_few_lines(
    sdk: Callable[..., None], receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the first of them; the record names all."""
    sdk(endpoint=receiver.endpoint)
    with caplog.at_level(logging.WARNING, "modelspan"):
        modelspan.observe(model="m")(lambda row: 0.5)({f"left{number}": b"x" for number in range(500)} | {"age": 1.0})
        assert modelspan.flush(60)
    assert len(caplog.records) < 60
    assert receiver.predictions()[0]["modelspan.left_out"].count("left") == 500


LARGE: dict[str, Callable[[int], Any]] = {
    "numbers": lambda rows: pd.DataFrame(np.random.default_rng(0).normal(size=(rows, 500))),
    "an array of numbers": lambda rows: np.random.default_rng(0).normal(size=(rows, 500)),
    "categories of long texts": lambda rows: pd.DataFrame(
        {f"c{number}": pd.Categorical.from_codes(np.arange(rows) % 2, ["a" * 1_000, "b"]) for number in range(8)}
    ),
    "long texts": lambda rows: pd.DataFrame(
        {f"t{number}": [f"{row:01000}" for row in range(rows)] for number in range(8)}
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_batch_larger_than_the_buffer_arrives_whole(
    kind: str, sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes in records of bounded bytes, once each row is spelt out, that wait for one another, whatever is in it."""
    monkeypatch.setenv("MODELSPAN_MAX_BYTES", str(2**20))
    sdk(endpoint=receiver.endpoint)
    rows = 10_000
    modelspan.observe(model="m")(lambda table: np.zeros(len(table)))(LARGE[kind](rows))
    assert modelspan.flush(60)
    tables = receiver.tables(conventions.EVENT_PREDICTIONS)
    assert sum(table.num_rows for table in tables) == rows
    sizes = [sum(_spelt_out(column.combine_chunks()) for column in table.columns) for table in tables]
    assert max(sizes) <= 1.1 * RECORD_BYTES and len(tables) > 1
    assert not [said for said in _failsafe.failures if "dropped" in said]


@pytest.mark.swallows("rows were dropped", "status 503", "had not been sent")
def test_rows_that_find_no_room_are_said_once(sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more waits than may, the log names the option; the counts are in the metric."""
    monkeypatch.setenv("MODELSPAN_MAX_BYTES", "1000")
    _failsafe.failures.clear()
    with Receiver(lambda request: Answer(503)) as busy:
        sdk(endpoint=busy.endpoint)
        predict = modelspan.observe(model="m")(lambda table: np.zeros(len(table)))
        for _ in range(5):
            predict(np.ones((100, 3)))
        modelspan.configure(disabled=True)
    assert [said for said in _failsafe.failures if "MODELSPAN_MAX_BYTES" in said]
