"""What a user can say, and what is said back: labels of every form, options and outputs that mean nothing."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hostile import Hostile

import modelspan
from modelspan import _failsafe
from modelspan.testing import Receiver

JANUARY = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
FEBRUARY = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("a", 1.0), [("a", 1.0, None)]),
        (("a", True), [("a", None, "true")]),
        ((uuid.UUID(int=1), np.int64(3)), [(str(uuid.UUID(int=1)), 3.0, None)]),
        ((["a", "b"], [1.0, None]), [("a", 1.0, None)]),
        ((["a", "b", "c"], [float("nan"), 1.0, None]), [("b", 1.0, None)]),
        ((["a", "b"], [None, "x"]), [("b", None, "x")]),
        ((["a", "b"], np.array([np.nan, 2.0])), [("b", 2.0, None)]),
        ((["a", "b"], pd.Series([pd.NA, True], dtype="boolean")), [("b", None, "true")]),
        ((["a"], [None]), []),
        (("a", None), []),
        (("a",), []),
        (("a", float("nan")), []),
        (("a", np.float32("nan")), []),
        (
            (pd.DataFrame({"prediction_id": ["a", "b"], "value": [np.nan, 1.0], "label": [None, None]}),),
            [("b", 1.0, None)],
        ),
        ((np.array(["a", "b"]), np.array([True, False])), [("a", None, "true"), ("b", None, "false")]),
        ((pd.Series(["a", "b"]), pd.Series(["x", "y"])), [("a", None, "x"), ("b", None, "y")]),
        ((pl.Series(["a"]), pl.Series([2])), [("a", 2.0, None)]),
        ((pd.DataFrame({"prediction_id": ["a", "b"], "value": [1, 2]}),), [("a", 1.0, None), ("b", 2.0, None)]),
        ((pl.DataFrame({"label": ["x"], "prediction_id": ["a"]}),), [("a", None, "x")]),
        ((pa.table({"prediction_id": ["a"], "value": [0.5]}),), [("a", 0.5, None)]),
        (([{"prediction_id": "a", "value": 1.0}],), [("a", 1.0, None)]),
        (("00042", 1.0), [("00042", 1.0, None)]),
        ((np.int64(42), "x"), [("42", None, "x")]),
        ((12345678901234567891, 1.0), [("12345678901234567891", 1.0, None)]),
        ((b"a", 1.0), [("a", 1.0, None)]),
        (([10**20, 10**20 + 1], [1.0, 2.0]), [(str(10**20), 1.0, None), (str(10**20 + 1), 2.0, None)]),
        ((np.array([7, 8]), [True, False]), [("7", None, "true"), ("8", None, "false")]),
        (([uuid.UUID(int=1)], [1.0]), [(str(uuid.UUID(int=1)), 1.0, None)]),
        ((pd.Series([42.0, None]), [1.0, 2.0]), [("42", 1.0, None)]),
        ((pd.Series([1.2345678901234567e19]), [1.0]), []),
        ((["a", None, "", "b"], [1.0, 2.0, 3.0, 4.0]), [("a", 1.0, None), ("b", 4.0, None)]),
        ((["a", "b"], True), [("a", None, "true"), ("b", None, "true")]),
        ((["a", "b"], ["yes", 1]), [("a", None, "yes"), ("b", 1.0, None)]),
        ((["a", "b"], ["x\ud800", "y"]), [("a", None, "x?"), ("b", None, "y")]),
        (("a", "x\ud800"), [("a", None, "x?")]),
        ((pd.DataFrame({"prediction_id": ["a"], "value": [None], "label": ["x"]}),), [("a", None, "x")]),
        (
            (pd.DataFrame({"prediction_id": ["a", "b"], "value": [1.0, None], "label": [None, "x"]}),),
            [("a", 1.0, None), ("b", None, "x")],
        ),
        (([{"prediction_id": 1, "label": 3}, {"prediction_id": 2, "label": 4}],), [("1", 3.0, None), ("2", 4.0, None)]),
    ],
    ids=str,
)
@pytest.mark.swallows("labels without a prediction id")
@pytest.mark.swallows("labels are left out: an outcome that is missing")
def test_labels_in_every_form(given: Any, told: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Single ones, columns of any library, and tables, by their names."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label(*given)
    assert modelspan.flush(60)
    assert [(row["prediction_id"], row["value"], row["label"]) for row in receiver.labels()] == told


def test_times_of_labels(sdk: Callable[..., None], receiver: Receiver) -> None:
    """One instant for all, a column of them, or a column of the table."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label("a", 1.0, timestamp=JANUARY)
    modelspan.label(["b", "c"], [1.0, 2.0], timestamp=[JANUARY, FEBRUARY])
    modelspan.label(pd.DataFrame({"prediction_id": ["d"], "value": [1.0], "timestamp": [FEBRUARY]}))
    assert modelspan.flush(60)
    times = {row["prediction_id"]: row["timestamp"] for row in receiver.labels()}
    assert times == {"a": JANUARY, "b": JANUARY, "c": FEBRUARY, "d": FEBRUARY}


INSTANTS: list[Any] = [
    JANUARY,
    JANUARY.replace(tzinfo=None),
    datetime.date(2026, 1, 1),
    "2026-01-01",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:00Z",
    "2026-01-01 00:00:00 UTC",
    np.datetime64("2026-01-01"),
    np.datetime64("2026-01-01T00:00:00.000000000"),
    pd.Timestamp("2026-01-01", tz="Europe/Zurich") + pd.Timedelta(hours=1),
    JANUARY.timestamp(),
    int(JANUARY.timestamp()) * 1000,
    int(JANUARY.timestamp()) * 10**9,
    np.int64(int(JANUARY.timestamp())),
]


@pytest.mark.parametrize("instant", INSTANTS, ids=repr)
@pytest.mark.swallows("instants given as numbers")
def test_instants_of_every_kind(instant: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Of labels, predictions and tables of them, one or a column: the same instant, in UTC where no zone is told."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label("a", 1.0, timestamp=instant)
    for column in ([instant], pd.Series([instant]), np.array([instant])):
        modelspan.label(["b"], [1.0], timestamp=column)
        modelspan.label({"prediction_id": np.array(["c"]), "value": np.array([1.0]), "timestamp": column})
    with modelspan.prediction("m", timestamp=instant) as p:
        p.value = 1.0
    with modelspan.prediction("m", timestamp=[instant]) as p:
        p.features, p.value = pd.DataFrame({"age": [1.0]}), [1.0]
    assert modelspan.flush(60)
    assert {row["timestamp"] for row in receiver.labels() + receiver.predictions()} == {JANUARY}
    assert (len(receiver.labels()), len(receiver.predictions())) == (7, 2)


@pytest.mark.parametrize(
    "instant", [datetime.datetime(2300, 1, 1), "soon", None, float("nan"), 10**30, object], ids=str
)
@pytest.mark.swallows("instants given as numbers", "are taken as now")
def test_an_instant_that_cannot_be_told_is_now(instant: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """The label arrives, as do those beside it; only its time is that of its sending."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label("a", 1.0, timestamp=JANUARY)
    modelspan.label("b", 1.0, timestamp=instant)
    modelspan.label(["c", "d"], [1.0, 2.0], timestamp=[JANUARY, instant])
    assert modelspan.flush(60)
    times = {row["prediction_id"]: row["timestamp"] for row in receiver.labels()}
    assert times["a"] == times["c"] == JANUARY
    assert times["b"].year >= 2026 and times["b"] != JANUARY and times["d"] != JANUARY


@pytest.mark.parametrize(
    "ids", [[1, 2], np.array([1, 2]), pd.Series(["1", "2"]), ["1", None], [uuid.UUID(int=1), ""]], ids=str
)
def test_ids_of_a_table_are_texts(ids: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Whatever they are counted in; a row whose id is missing has a generated one."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="m", prediction_id=lambda frame: ids)(lambda frame: [0.5, 0.5])(
        pd.DataFrame({"a": [1.0, 2.0]})
    )
    told = modelspan.prediction_ids()
    assert modelspan.flush(60)
    found = [row["prediction_id"] for row in receiver.predictions()]
    assert found == told and len(set(found)) == 2
    for own, text in zip(ids, found, strict=True):
        assert text == str(own) or (not own and len(text) == 36)


@pytest.mark.parametrize("name", [None, "", "  ", float("nan")])
def test_a_model_without_a_name(name: Any) -> None:
    """It is an error where the function is decorated, which says what is expected."""
    with pytest.raises(ValueError, match="expected a name, such as"):
        modelspan.observe(model=name)


@pytest.mark.parametrize(
    ("given", "told"), [(3, "3"), (1.5, "1.5"), (None, ""), (np.int64(7), "7"), ("\ud800", "?"), (lambda row: 3, "3")]
)
def test_versions_are_texts(given: Any, told: str, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Whatever a registry counts in; names of models, too."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model=5, version=given)(lambda row: 0.5)({"age": 1.0})  # type: ignore[arg-type]
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["modelspan.model.name"], row["modelspan.model.version"]) == ("5", told)


def test_the_task_travels_on_the_card(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Said at the function, it is on the model's card; a card that is registered has it, and stays as it is."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="told", version="1", task="regression")(lambda row: 3)({"age": 1.0})
    assert modelspan.flush(60)
    modelspan.register("owned", "1", owner="team")
    modelspan.observe(model="owned", version="1", task="classification", classes=[0, 1])(lambda row: 1)({"age": 1.0})
    assert modelspan.flush(60)
    cards = {(row["modelspan.model.name"], row["owner"]): row["task"] for row in receiver.models()}
    assert cards[("told", "")] == "regression" and ("owned", "team") in cards and ("owned", "") not in cards
    assert [row.get("value") for row in receiver.predictions()] == [3.0, None]


@pytest.mark.parametrize(
    "options",
    [{"task": "guessing"}, {"role": "canary"}, {"sample_rate": 2}, {"redact": {"email": "mask"}}],
    ids=lambda each: next(iter(each)),
)
def test_options_that_mean_nothing(options: Any) -> None:
    """They are an error where the function is decorated, which says what is expected; never at a call."""
    with pytest.raises(ValueError, match="expected"):
        modelspan.observe(model="m", **options)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://collector"])
def test_an_endpoint_that_cannot_be_used(endpoint: str) -> None:
    """It is an error at start-up, rather than records that never arrive."""
    with pytest.raises(ValueError, match="expected http://host:port"):
        modelspan.configure(endpoint=endpoint)


@pytest.mark.parametrize(
    "result", [object(), [1.0, 2.0, 3.0], np.array([[0.2, 0.8]])], ids=["object", "list", "matrix"]
)
@pytest.mark.swallows("has no place", "nothing says what it is")
def test_an_output_without_a_place_is_named(result: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """The features arrive, and one warning says what to do."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    modelspan.observe(model="m")(lambda row: result)({"age": 1.0})
    assert modelspan.flush(60)
    assert [row["feature.age"] for row in receiver.predictions()] == [1.0]
    (said,) = _failsafe.failures
    assert "classes=" in said and type(result).__name__ in said


@pytest.mark.swallows("is left out")
def test_an_output_of_another_length(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A list of fewer results than the table has rows is left out; the rows arrive."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="m")(lambda rows: [0.5])([{"age": 1.0}, {"age": 2.0}])
    assert modelspan.flush(60)
    assert [(row["feature.age"], row.get("value")) for row in receiver.predictions()] == [(1.0, None), (2.0, None)]


@pytest.mark.parametrize("rows", [1, 3])
def test_small_batches_share_a_record(rows: int, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Calls of few rows and the same columns are one record, each row with the id of its own call."""
    sdk(endpoint=receiver.endpoint)
    predict = modelspan.observe(model="m", version="1")(lambda frame: frame["age"] / 100)
    told = []
    for number in range(50):
        predict(pd.DataFrame({"age": [float(number)] * rows, "city": ["x"] * rows}))
        told += modelspan.prediction_ids()
    assert modelspan.flush(60)
    found = receiver.predictions()
    assert [row["prediction_id"] for row in found] == told
    assert [row["value"] for row in found] == [number / 100 for number in range(50) for _ in range(rows)]
    assert len(receiver.tables("modelspan.predictions")) <= 2  # the encoder may have woken up in between


def test_calls_load_nothing(run: Callable[..., Any], receiver: Receiver) -> None:
    """What the background needs is loaded by `configure`: a call never waits for an import in another thread."""
    found = run(
        """
import json, sys
import modelspan
modelspan.configure()
before = set(sys.modules)
predict = modelspan.observe(model="m")(lambda row: 0.5)
predict({"age": 1.0})
predict({"age": 1, "city": "x"})
assert modelspan.flush(60)
print(json.dumps(sorted(set(sys.modules) - before)))
""",
        OTEL_METRICS_EXPORTER="none",
    )
    assert found == []
    assert len(receiver.predictions()) == len(receiver.spans()) == 2


def test_all_that_a_block_can_be_told(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Each documented attribute of `prediction` reaches the record, set inside the block or before it."""
    sdk(endpoint=receiver.endpoint)
    with modelspan.prediction("m", tags={"channel": "web"}) as p:
        p.features = {"age": 1.0}
        p.value, p.label, p.scores = 0.9, "yes", {"yes": 0.9, "no": 0.1}
        p.attributions, p.tags = {"age": 0.5}, {"region": "eu", "member": True}
        p.timestamp, p.prediction_id = JANUARY, "own"
        assert p.prediction_id == "own"
    assert modelspan.flush(60)
    (row,) = receiver.predictions()
    assert (row["prediction_id"], row["timestamp"], row["tag.region"], row["tag.member"]) == (
        "own",
        JANUARY,
        "eu",
        "true",
    )
    assert (row["value"], row["label"], row["score.no"], row["attribution.age"]) == (0.9, "yes", 0.1, 0.5)


@pytest.mark.parametrize("name", ["tag", "feature", "prediction", "Value", "model", "id"])
@pytest.mark.swallows("does not answer", "had not been sent")
def test_an_unknown_attribute_of_a_block_is_an_error(name: str, sdk: Callable[..., None]) -> None:
    """What nobody would read is refused where it is written, with the names that there are; disabled or not."""
    for disabled in (True, False):
        sdk(disabled=disabled)
        with (
            modelspan.prediction("m") as p,
            pytest.raises(AttributeError, match=f"no {name!r}; it has features, value"),
        ):
            setattr(p, name, 1.0)


@pytest.mark.swallows("could not be captured", "are taken as now")
def test_a_part_of_a_block_that_cannot_be_read_costs_no_other(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Tags that are none, and features that fail, leave the value and the id as they are."""
    sdk(endpoint=receiver.endpoint)
    with modelspan.prediction("m", prediction_id="own") as p:
        p.features, p.tags, p.timestamp, p.value = Hostile(), 5, "never", 0.5  # type: ignore[assignment]
    assert modelspan.flush(60)
    assert [(row["prediction_id"], row["value"]) for row in receiver.predictions()] == [("own", 0.5)]


FILMS = ["a good film", "a bad film", "so so"]


@pytest.mark.parametrize(
    "texts", [FILMS, tuple(FILMS), pd.Series(FILMS), np.array(FILMS)], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("results", [["pos", "neg", "neg"], np.array([0.9, 0.2, 0.4])], ids=["labels", "scores"])
def test_a_list_of_texts(texts: Any, results: Any, sdk: Callable[..., None], receiver: Receiver) -> None:
    """With a result for each it is so many predictions; with one for all it is a row of features."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="many")(lambda given: results)(texts)
    assert len(modelspan.prediction_ids()) == 3
    modelspan.observe(model="one")(lambda given: 0.5)(texts)
    assert modelspan.flush(60)
    many = [row for row in receiver.predictions() if row["modelspan.model.name"] == "many"]
    (one,) = [row for row in receiver.predictions() if row["modelspan.model.name"] == "one"]
    assert [row["feature.text"] for row in many] == FILMS
    assert [row["label"] if isinstance(results, list) else row["value"] for row in many] == list(results)
    assert (one["feature.f1"], one["value"]) == ("a bad film", 0.5)
