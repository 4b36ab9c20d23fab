"""One misfit costs nothing beside it: the column, value or row alone is left out and named, and all else arrives.

Tables are made at random of columns that fit, in every encoding, and of misfits of every kind, sent to a running
collector, and read back from its store.
"""

from __future__ import annotations

import itertools
import json
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from collector_otlp import arrow, event, export
from databases import Databases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from modelspan_collector.config import CollectorConfig
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.write import stream

NOW = time.time_ns()
numbers = itertools.count()


@pytest.fixture(scope="module")
def running(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Collector, Store]]:
    """One collector for the module; each test writes of models of its own."""
    with databases.one() as store:
        collector = Collector(
            store,
            CollectorConfig(data=tmp_path_factory.mktemp("data"), grpc_port=0, http_port=0, segment_seconds=0.1),
        )
        collector.start()
        yield collector, store
        collector.stop()


class Column(NamedTuple):
    """A column of a random table, and what is to become of it."""

    values: pa.Array
    stored: list[Any] | None
    """What the store has of each row, None where that is missing; None altogether where the column is a misfit."""
    lost: int = 0
    """Values that are misfits: they are missing."""


def encoded(values: list[Any], kind: pa.DataType, how: str) -> pa.Array:
    """The same values in one of the encodings that Arrow has."""
    plain = pa.array(values, kind)
    if how == "runs":
        return pc.run_end_encode(plain)
    if how == "dictionary":
        return plain.dictionary_encode()
    return (
        plain.cast({"large": pa.large_string(), "view": pa.string_view()}[how]) if how in ("large", "view") else plain
    )


ENCODINGS = st.sampled_from(["plain", "large", "view", "dictionary", "runs"])
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
INTEGERS = st.none() | st.integers(-(2**53), 2**53)
FLOATS = st.none() | st.floats(allow_nan=True, width=32)
YEARS = st.none() | st.sampled_from([0, 1_000_000_000, 2**60, -(2**60)])
VECTORS = st.none() | st.lists(st.none() | st.integers(0, 9).map(float), max_size=3)


def rows_of(cells: st.SearchStrategy[Any], rows: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(cells, min_size=rows, max_size=rows)


def texts(rows: int) -> st.SearchStrategy[Column]:
    drawn = st.tuples(rows_of(TEXTS, rows), ENCODINGS)
    return drawn.map(lambda pair: Column(encoded(pair[0], pa.string(), pair[1]), pair[0]))


def categories(rows: int) -> st.SearchStrategy[Column]:
    """Categories whose values are no texts: integers, flags, floats, and times of which some have no text."""

    def integers(values: list[int | None]) -> Column:
        told = [None if value is None else str(value) for value in values]
        return Column(pa.array(values, pa.int64()).dictionary_encode(), told)

    def flags(values: list[bool | None]) -> Column:
        return Column(pa.array(values, pa.bool_()), [None if value is None else str(value).lower() for value in values])

    def times(values: list[int | None]) -> Column:
        names = {0: "1970-01-01T00:00:00Z", 1_000_000_000: "2001-09-09T01:46:40Z"}
        told = [None if value is None else names.get(value) for value in values]
        lost = sum(value is not None and value not in names for value in values)
        return Column(pa.array(values, pa.timestamp("s")).dictionary_encode(), told, lost)

    return st.one_of(
        rows_of(INTEGERS, rows).map(integers),
        rows_of(st.none() | st.booleans(), rows).map(flags),
        rows_of(YEARS, rows).map(times),
    )


def quantities(rows: int) -> st.SearchStrategy[Column]:
    def floats(values: list[float | None]) -> Column:
        told = [None if value is None or value != value else value for value in values]
        return Column(pa.array(values, pa.float64()), told)

    def integers(pair: tuple[list[int | None], str]) -> Column:
        told = [None if value is None else float(value) for value in pair[0]]
        return Column(encoded(pair[0], pa.int64(), pair[1]), told)

    def large(values: list[int | None]) -> Column:
        return Column(pa.array(values, pa.uint64()), [None if value is None else float(value) for value in values])

    return st.one_of(
        rows_of(FLOATS, rows).map(floats),
        st.tuples(rows_of(INTEGERS, rows), st.sampled_from(["plain", "runs"])).map(integers),
        rows_of(st.none() | st.integers(0, 2**64 - 1), rows).map(large),
    )


def vectors(rows: int) -> st.SearchStrategy[Column]:
    def built(values: list[list[float | None] | None]) -> Column:
        told = [None if value is None or None in value else value for value in values]
        lost = sum(value is not None and None in value for value in values)
        return Column(pa.array(values, pa.list_(pa.float64())), told, lost)

    return rows_of(VECTORS, rows).map(built)


def misfits(rows: int, *more: Callable[[int], pa.Array]) -> st.SearchStrategy[Column]:
    makers: list[Callable[[int], pa.Array]] = [
        lambda n: pa.array([{"a": 1}] * n, pa.struct([("a", pa.int64())])),
        lambda n: pa.array([b"x"] * n, pa.binary()),
        lambda n: pa.array([b"x"] * n, pa.binary()).dictionary_encode(),
        lambda n: pa.array([["x"]] * n, pa.list_(pa.string())),
        lambda n: pa.array([[[1]]] * n, pa.list_(pa.list_(pa.int8()))),
        lambda n: pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        lambda n: pa.array([(1, 2, 3)] * n, pa.month_day_nano_interval()),
        lambda n: pa.UnionArray.from_sparse(pa.array([0] * n, pa.int8()), [pa.array([1] * n)]),
        *more,
    ]
    return st.sampled_from(makers).map(lambda make: Column(make(rows), None))


def words(n: int) -> pa.Array:
    return pa.array(["much"] * n, pa.string())


class Sent(NamedTuple):
    """A random stream: its columns, and which of its rows can be taken."""

    rows: int
    columns: dict[str, Column]
    ids: list[str | None]
    times: list[int | None]

    @property
    def whole(self) -> list[int]:
        """The rows that have an id and a time."""
        return [at for at in range(self.rows) if self.ids[at] is not None and self.times[at] is not None]

    def table(self, model: str) -> pa.Table:
        """The stream as it is sent."""
        metadata = {"modelspan.schema": "1", "modelspan.model.name": model, "modelspan.model.version": "1"}
        columns = {
            "timestamp": pa.array(self.times, pa.timestamp("ns", "UTC")),
            "prediction_id": pa.array([None if each is None else f"{model}-{each}" for each in self.ids], pa.string()),
            **{name: column.values for name, column in self.columns.items()},
        }
        return pa.table(columns).replace_schema_metadata(metadata)

    def errors(self) -> Counter[tuple[str, str]]:
        """What `ingest_errors` has to say of it."""
        found: Counter[tuple[str, str]] = Counter()
        for name, column in self.columns.items():
            found["column_left_out", name] += self.rows if column.stored is None else 0
            found["value_left_out", name] += column.lost
        found["row_left_out", "timestamp"] += sum(each is None for each in self.times)
        timed = [at for at in range(self.rows) if self.times[at] is not None]
        found["row_left_out", "prediction_id"] += sum(self.ids[at] is None for at in timed)
        return +found


@st.composite
def streams(draw: st.DrawFn, columns: Callable[[int], dict[str, st.SearchStrategy[Column]]]) -> Sent:
    rows = draw(st.integers(1, 4))
    ids = [str(at) if at == 0 or draw(st.integers(0, 3)) else None for at in range(rows)]
    times = [NOW + at if at == 0 or draw(st.integers(0, 3)) else None for at in range(rows)]
    chosen = columns(rows)
    names = draw(st.lists(st.sampled_from(sorted(chosen)), unique=True, max_size=8))
    return Sent(rows, {name: draw(chosen[name]) for name in names}, ids, times)


def prediction_columns(rows: int) -> dict[str, st.SearchStrategy[Column]]:
    features = st.one_of(texts(rows), categories(rows), quantities(rows), vectors(rows), misfits(rows))
    return {
        **{f"feature.{name}": features for name in "abcdef"},
        "tag.region": st.one_of(texts(rows), misfits(rows)),
        "tag.plan": categories(rows),
        "attribution.a": st.one_of(quantities(rows), misfits(rows, words)),
        "error_type": texts(rows),
        "label": st.one_of(texts(rows), misfits(rows)),
        "score.yes": st.one_of(quantities(rows), misfits(rows, words)),
        "duration": misfits(rows, words),
        "unheard": misfits(rows, words),
    }


def label_columns(rows: int) -> dict[str, st.SearchStrategy[Column]]:
    return {
        "label": st.one_of(texts(rows), misfits(rows)),
        "value": st.one_of(quantities(rows), misfits(rows, words)),
        "unheard": misfits(rows, words),
    }


def send(collector: Collector, name: str, tables: list[pa.Table]) -> ExportLogsServiceResponse:
    """Send streams in one request, and wait until they are stored."""
    request = ExportLogsServiceRequest()
    for table in tables:
        request.MergeFrom(event(name, arrow(table)))
    answer = export(collector.grpc_port, LOGS, request.SerializeToString())
    collector.flush()
    return ExportLogsServiceResponse.FromString(answer)


def errors(store: Store, model: str) -> Counter[tuple[str, str]]:
    rows = store.rows(
        "SELECT kind, column_name, sum(count) AS n FROM ingest_errors WHERE model = {model:String} GROUP BY ALL",
        {"model": model},
    )
    return Counter({(row["kind"], row["column_name"]): row["n"] for row in rows if row["kind"] != "rounded"})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sent=st.lists(streams(prediction_columns), min_size=1, max_size=3))
def test_a_misfit_among_predictions_is_left_out_alone_and_named(
    running: tuple[Collector, Store], sent: list[Sent]
) -> None:
    """All else of the stream arrives with its values, and so do the other streams of the request."""
    collector, store = running
    models = [f"m{next(numbers)}" for _ in sent]
    answer = send(
        collector, "modelspan.predictions", [each.table(model) for each, model in zip(sent, models, strict=True)]
    )
    assert answer.partial_success.rejected_log_records == 0
    assert bool(answer.partial_success.error_message) == any(each.errors() for each in sent)
    for each, model in zip(sent, models, strict=True):
        rows = store.rows("SELECT * FROM predictions WHERE model = {model:String} ORDER BY timestamp", {"model": model})
        assert [row["prediction_id"] for row in rows] == [f"{model}-{each.ids[at]}" for at in each.whole]
        for at, row in zip(each.whole, rows, strict=True):
            assert stored(row) == expected(each, at)
        assert errors(store, model) == each.errors()


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """What the store has of a row, by the names of the columns that were sent."""
    maps = row["numeric_features"] | row["categorical_features"] | row["embeddings"]
    return {
        **{f"feature.{name}": value for name, value in maps.items()},
        **{f"tag.{name}": value for name, value in row["tags"].items()},
        **{f"score.{name}": value for name, value in row["scores"].items()},
        **{f"attribution.{name}": value for name, value in row["attributions"].items()},
        "label": row["label"],
        "error_type": row["error_type"],
        "missing": row["null_features"],
        "duration": row["duration"],
    }


def expected(each: Sent, at: int) -> dict[str, Any]:
    """What the store is to have of a row: the values of all that fits."""
    values = {name: column.stored[at] for name, column in each.columns.items() if column.stored is not None}
    missing = sorted(name[8:] for name, value in values.items() if name.startswith("feature.") and value is None)
    present = {name: value for name, value in values.items() if value is not None}
    return {"label": "", "error_type": "", "duration": None, "missing": missing} | present


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sent=streams(label_columns))
def test_a_misfit_among_labels_is_left_out_alone_and_named(running: tuple[Collector, Store], sent: Sent) -> None:
    """What is known of the others arrives, and so does no row that says neither a number nor a class."""
    collector, store = running
    model = f"m{next(numbers)}"
    send(collector, "modelspan.labels", [sent.table(model)])
    rows = store.rows("SELECT * FROM labels WHERE model = {model:String} ORDER BY timestamp", {"model": model})
    nothing = [None] * sent.rows
    classes, values = (
        (sent.columns[name].stored if name in sent.columns else None) or nothing for name in ("label", "value")
    )
    said = [at for at in sent.whole if classes[at] or values[at] is not None]
    assert [row["prediction_id"] for row in rows] == [f"{model}-{sent.ids[at]}" for at in said]
    assert [(row["label"], row["value"]) for row in rows] == [(classes[at] or "", values[at]) for at in said]
    silent = Counter({("row_left_out", "label"): len(sent.whole) - len(said)})
    assert errors(store, model) == sent.errors() + silent


@pytest.mark.parametrize(
    "silent",
    [
        {},
        {"label": pa.array([""])},
        {"label": pa.nulls(1)},
        {"label": pa.array([""]).dictionary_encode()},
        {"value": pa.nulls(1, pa.float64())},
        {"value": pa.nulls(1)},
        {"value": pa.array([float("nan")])},
        {"value": pa.nulls(1, pa.int64()), "label": pa.array([None], pa.string())},
    ],
    ids=lambda columns: " ".join(f"{name} {column.type}" for name, column in columns.items()) or "none",
)
def test_a_label_that_says_nothing_does_not_replace_one_that_does(
    running: tuple[Collector, Store], silent: dict[str, pa.Array]
) -> None:
    """It is left out and named, and what was known stays known."""
    collector, store = running
    model = f"m{next(numbers)}"
    for at, columns in enumerate(({"label": pa.array(["yes"])}, silent)):
        made = {name: Column(column, None) for name, column in columns.items()}
        send(collector, "modelspan.labels", [Sent(1, made, ["0"], [NOW + at]).table(model)])
    known = store.rows("SELECT label, value FROM labels FINAL WHERE model = {m:String}", {"m": model})
    assert known == [{"label": "yes", "value": None}]
    assert errors(store, model) == {("row_left_out", "label"): 1}


def predictions(rows: int, model: str, **columns: Any) -> pa.Table:
    """A stream of whole rows with a feature that fits, and columns beside it."""
    fits = {"feature.kept": Column(pa.array([1.0] * rows), None)}
    beside = {name: Column(column, None) for name, column in columns.items()}
    return Sent(rows, fits | beside, [str(at) for at in range(rows)], [NOW + at for at in range(rows)]).table(model)


@pytest.mark.parametrize("width", [0, 3, 17])
@pytest.mark.parametrize("fixed", [True, False])
def test_ids_of_another_width_are_none(running: tuple[Collector, Store], width: int, fixed: bool) -> None:
    """An id that cannot be one costs neither its row nor the others."""
    collector, store = running
    model = f"m{next(numbers)}"
    wrong, right = b"\x01" * width, b"\x02" * 16
    ids = pa.array([wrong, wrong], pa.binary(width)) if fixed else pa.array([wrong, right], pa.binary())
    send(collector, "modelspan.predictions", [predictions(2, model, trace_id=ids)])
    found = store.rows("SELECT trace_id FROM predictions WHERE model = {m:String} ORDER BY timestamp", {"m": model})
    assert [row["trace_id"] for row in found] == ["", "" if fixed else right.hex()]
    assert errors(store, model) == (
        {("column_left_out", "trace_id"): 2} if fixed else {("value_left_out", "trace_id"): 1}
    )


def test_what_the_sdk_left_out_is_named_too(running: tuple[Collector, Store]) -> None:
    """The stream's metadata says which columns its sender left out; whatever else stands there costs nothing."""
    collector, store = running
    told = {"owner": "objects of type Owner have no place", "holed": "1 values: of type set", "tag.x": "no text"}
    lacking = {"column_left_out": ["feature.owner", "tag.x"], "value_left_out": ["feature.holed"]}
    for said, found in (
        (json.dumps(told), {(kind, name): 1 + (kind[0] == "c") for kind, named in lacking.items() for name in named}),
        ("{", {}),
        ("[1]", {}),
        ("[" * 100_000, {}),
        ('{"\\ud800": null}', {("column_left_out", "feature.?"): 2}),
    ):
        model = f"m{next(numbers)}"
        table = predictions(2, model, **{"feature.holed": pa.array(["a", None])})
        table = table.replace_schema_metadata({**table.schema.metadata, b"modelspan.left_out": said.encode()})
        assert not send(collector, "modelspan.predictions", [table]).HasField("partial_success")
        assert store.scalar("SELECT count() FROM predictions WHERE model = {m:String}", {"m": model}) == 2
        assert errors(store, model) == found


def test_more_features_than_16_bits_can_count(running: tuple[Collector, Store]) -> None:
    """A row of 40,000 features arrives with each of them."""
    collector, store = running
    model = f"m{next(numbers)}"
    wide = {f"feature.f{at}": pa.array([float(at)]) for at in range(40_000)}
    send(collector, "modelspan.predictions", [predictions(1, model, **wide)])
    query = "SELECT length(numeric_features) AS n, numeric_features['f39999'] AS last FROM predictions"
    assert store.rows(f"{query} WHERE model = {{m:String}}", {"m": model}) == [{"n": 40_001, "last": 39_999.0}]


def test_very_many_features_wait_beside_few(running: tuple[Collector, Store]) -> None:
    """Rows of 33,000 features and of one, in one insert, are stored each: they held up all that was behind them."""
    collector, store = running
    wide, narrow, after = (f"m{next(numbers)}" for _ in range(3))
    features = {f"feature.f{at}": pa.array([float(at)]) for at in range(33_000)}
    send(collector, "modelspan.predictions", [predictions(1, narrow), predictions(1, wide, **features)])
    send(collector, "modelspan.predictions", [predictions(2, after)])
    query = (
        "SELECT model, count() AS n FROM predictions WHERE model IN ({a:String}, {b:String}, {c:String}) GROUP BY model"
    )
    found = {row["model"]: row["n"] for row in store.rows(query, {"a": wide, "b": narrow, "c": after})}
    assert found == {wide: 1, narrow: 1, after: 2}


def test_more_names_than_an_insert_has_room_for_cost_only_themselves(running: tuple[Collector, Store]) -> None:
    """Of one model's categorical features those stay that most rows have, however many streams the names come in; the
    others are counted, and the rows, its numbers and other models' features lose nothing.
    """
    collector, store = running
    crowded, other = f"m{next(numbers)}", f"m{next(numbers)}"
    ids_in_names = [{f"feature.user_{part}_{number}": ["x"] for number in range(1100)} for part in range(4)]
    streams_of_ids = [predictions(1, crowded, **names, **{"feature.n": [1.0]}) for names in ids_in_names]
    usual = predictions(3, crowded, **{"feature.plan": ["a", "b", "c"]})
    beside = predictions(1, other, **{f"feature.c{number}": ["x"] for number in range(50)})
    send(collector, "modelspan.predictions", [*streams_of_ids, usual, beside])
    kept = store.rows(
        "SELECT model, count() AS rows, uniqExactArray(mapKeys(categorical_features)) AS names, "
        "countIf(mapContains(categorical_features, 'plan')) AS plans, "
        "countIf(mapContains(numeric_features, 'n')) AS numbers "
        "FROM predictions WHERE model IN {models:Array(String)} GROUP BY model ORDER BY rows DESC",
        {"models": [crowded, other]},
    )
    whole = {"model": crowded, "rows": 7, "names": 4096, "plans": 3, "numbers": 4}
    assert kept == [whole, {"model": other, "rows": 1, "names": 50, "plans": 0, "numbers": 0}]
    assert [(kind, name) for kind, name in errors(store, crowded)] == [
        ("column_left_out", "(features beyond the most)")
    ]
    assert not errors(store, other)


def test_very_many_numbers_are_converted_as_few_are(running: tuple[Collector, Store]) -> None:
    """Columns of one type are converted together, and still told apart: missing values, and those that lose digits."""
    collector, store = running
    model = f"m{next(numbers)}"
    many = {f"feature.f{number}": pa.array([number, None], pa.int64()) for number in range(150)}
    floats = {f"feature.g{number}": pa.array([None, number / 2]) for number in range(150)}
    exact = predictions(2, model, **many, **floats)
    rounded = exact.append_column("feature.big", pa.array([2**60 + 1, 0], pa.int64()))
    send(collector, "modelspan.predictions", [exact, rounded])
    rows = store.rows(
        "SELECT numeric_features AS f, length(null_features) AS missing FROM predictions "
        "WHERE model = {m:String} ORDER BY timestamp, mapContains(f, 'big')",
        {"m": model},
    )
    first, second = {f"f{n}": float(n) for n in range(150)}, {f"g{n}": n / 2 for n in range(150)}
    assert sorted(len(row["f"].keys() - {"kept"}) for row in rows) == [150, 150, 151, 151]
    assert all(row["f"].items() >= (first if "f1" in row["f"] else second).items() for row in rows)
    assert {row["missing"] for row in rows} == {150}
    told = store.rows("SELECT kind, column_name FROM ingest_errors WHERE model = {m:String}", {"m": model})
    assert told == [{"kind": "rounded", "column_name": "feature.big"}]


def test_a_column_of_broken_bytes_is_left_out_alone(running: tuple[Collector, Store]) -> None:
    """A dictionary whose indices lead nowhere is no reason to refuse the columns beside it."""
    collector, store = running
    model = f"m{next(numbers)}"
    lost = pa.DictionaryArray.from_arrays(pa.array([0, 9], pa.int8()), pa.array(["a"]), safe=False)
    send(collector, "modelspan.predictions", [predictions(2, model, **{"feature.lost": lost})])
    assert (
        store.scalar("SELECT sum(numeric_features['kept']) FROM predictions WHERE model = {m:String}", {"m": model})
        == 2
    )
    assert errors(store, model) == {("column_left_out", "feature.lost"): 2}


@pytest.mark.parametrize("how", ["plain", "large", "view", "dictionary", "runs"])
def test_text_that_is_not_utf8_is_repaired_in_any_encoding(how: str) -> None:
    """Half a character costs itself: it becomes U+FFFD, and neither column nor row is left out."""
    sent = predictions(2, "m", **{"feature.name": encoded(["RenXYZ", "Ann"], pa.string(), how)})
    found = stream.read("modelspan.predictions", arrow(sent).replace(b"RenXYZ", b"Ren\xed\xa0\x80"))
    assert (found.repaired, found.left_out) == (1, [])
    assert found.table["feature.name"].to_pylist() == ["Ren\ufffd\ufffd\ufffd", "Ann"]


def test_a_second_column_of_a_name_is_left_out(running: tuple[Collector, Store]) -> None:
    """The first one counts, and the other is named."""
    collector, store = running
    model = f"m{next(numbers)}"
    table = predictions(1, model).append_column("feature.kept", pa.array([2.0]))
    send(collector, "modelspan.predictions", [table])
    assert store.scalar("SELECT numeric_features['kept'] FROM predictions WHERE model = {m:String}", {"m": model}) == 1
    assert errors(store, model) == {("column_left_out", "feature.kept"): 1}


def beside(columns: dict[str, Any]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return predictions(rows, f"m{next(numbers)}", **columns)


def test_a_category_of_many_intervals_stays_within_bounds() -> None:
    """What is bounded is what rows become, not what a dictionary holds: thousands of bins are no misfit."""
    bins = pa.array([{"left": float(at), "right": at + 1.0} for at in range(5_000)])
    told = {"ARROW:extension:name": "pandas.interval", "ARROW:extension:metadata": '{"closed": "right"}'}
    column = pa.DictionaryArray.from_arrays(pa.array([4_999] * 2**14, pa.int16()), bins)
    table = predictions(2**14, "m").append_column(pa.field("feature.bin", column.type, metadata=told), column)
    found = stream.read("modelspan.predictions", arrow(table))
    assert found.left_out == []
    assert found.table["feature.bin"][0].as_py() == "(4999, 5000]"


def views(rows: int, text: bytes) -> pa.Array:
    """Texts that share their bytes: each is a length, a beginning, and where the rest stands."""
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    return pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(view * rows), pa.py_buffer(text)])


AMPLIFIERS: dict[str, Callable[[], dict[str, Any]]] = {
    "a vector of nothing": lambda: {"feature.x": pa.nulls(1, pa.list_(pa.null(), 2**30))},
    "columns of nothing": lambda: {f"feature.f{at}": pa.nulls(2**14) for at in range(2**12)},
    "a dictionary of nothing": lambda: {
        "feature.x": pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.nulls(2**30))
    },
    "more columns than any model has": lambda: {f"feature.f{at}": pa.array([True]) for at in range(2**17)},
    "one text for many rows": lambda: {
        "feature.x": pa.DictionaryArray.from_arrays(pa.array([0] * 2**14, pa.int8()), pa.array(["x" * 2**16]))
    },
    "runs of one text": lambda: {"feature.x": pa.RunEndEncodedArray.from_arrays([2**14], ["x" * 2**16])},
    "runs of one vector": lambda: {
        "feature.x": pa.RunEndEncodedArray.from_arrays([2**14], pa.array([[0.0] * 2**14], pa.list_(pa.float32())))
    },
    "runs of one structure": lambda: {
        "feature.x": pa.RunEndEncodedArray.from_arrays([2**14], pa.array([{"a": "x" * 2**16}]))
    },
    "views of one text": lambda: {"feature.x": views(2**14, b"x" * 2**16)},
    "views of one list": lambda: {
        "feature.x": pa.ListViewArray.from_arrays(
            pa.array([0] * 2**14, pa.int32()), pa.array([2**16] * 2**14, pa.int32()), pa.nulls(2**16)
        )
    },
}


def test_very_many_batches_are_refused() -> None:
    """Each batch of a stream costs some work, however few rows it has."""
    table = predictions(1, "m")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for _ in range(50_000):
            writer.write_table(table)
    with pytest.raises(stream.StreamError, match="send smaller batches"):
        stream.read("modelspan.predictions", sink.getvalue().to_pybytes())


@pytest.mark.parametrize("kind", AMPLIFIERS)
def test_what_would_grow_beyond_bounds_is_refused_before_it_does(kind: str) -> None:
    """A few kilobytes on the wire never become gigabytes: the column, or else the stream, is refused with a reason."""
    body = arrow(beside(AMPLIFIERS[kind]()))
    try:
        found = stream.read("modelspan.predictions", body)
    except stream.StreamError as error:
        assert "send smaller batches" in str(error)
    else:
        assert [misfit.column for misfit in found.left_out] == ["feature.x"]
        assert "send smaller batches" in found.left_out[0].reason
        assert "feature.x" not in found.table.column_names
