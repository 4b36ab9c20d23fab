"""Small tables of many calls are read together, and say what each says by itself."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext

from modelspan._failsafe import failures
from modelspan._observer import Observer, Options
from modelspan._runtime import Runtime
from modelspan._settings import Settings
from modelspan.capture import batches, held
from modelspan.capture.inputs import read
from modelspan.capture.tables import Held, Table
from modelspan.features import convert
from modelspan.records.call import Call, Stream
from modelspan.records.encode_batches import encode_batches
from modelspan.records.groups import Group, grouped

OBSERVER = Observer(Options(model="m", redact={"secret*": "drop", "zip": "hash"}))
OBSERVER._bind(Runtime(Settings(redact_key=b"any")))
TRACED = SpanContext(2**127 + 1, 2**63 + 1, False)
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


class Plan(enum.Enum):
    """Categories as applications have them."""

    BASIC = "basic"


OBJECTS: dict[str, list[Any]] = {
    "text": ["a", "é", ""],
    "flag": [True, False],
    "whole": [1, 2**53 + 1],
    "number": [0.5, float("inf"), -0.0],
    "decimal": [decimal.Decimal("1.5"), decimal.Decimal("2")],
    "instant": [datetime.datetime(2026, 1, 31, 12), datetime.datetime(2026, 1, 31, 12, tzinfo=BERLIN)],
    "day": [datetime.date(2026, 1, 31)],
    "vector": [[0.5, 1.0], np.array([1.0])],
    "enum": [Plan.BASIC],
    "id": [uuid.UUID(int=7)],
    "nothing": [None, float("nan"), pd.NA, pd.NaT],
    "unfit": [b"x", {"a": 1}, [["a"]]],
}
ANYTHING = st.sampled_from([value for several in OBJECTS.values() for value in several])
DTYPES = [
    "float64",
    "float32",
    "int64",
    "int8",
    "uint64",
    "bool",
    "Int64",
    "boolean",
    "string",
    "str",
    "datetime64[ns]",
]
DTYPES += ["timedelta64[us]", "datetime64[us, Europe/Berlin]", "category", "period", "interval", "Sparse[float64]"]
NAMES = ["a", "b", "zip", "secret_a", "a.b"]


def column(kind: str, rows: int, numbers: Sequence[int]) -> Any:
    """A column of a dtype of pandas, of values made of numbers."""
    few = np.array(numbers[:rows])
    if kind == "int category":
        return pd.Series(few, dtype="category")
    if kind in ("string", "str", "category"):
        return pd.Series([None if number == 0 else f"t{number}" for number in few], dtype=kind)
    if kind == "period":
        return pd.Series(pd.PeriodIndex.from_ordinals(few, freq="M"))
    if kind == "interval":
        return pd.Series(pd.arrays.IntervalArray.from_arrays(few, few + 1.0))
    if kind.startswith("datetime64[us,"):
        return pd.Series(pd.to_datetime(few * 10**15)).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    return pd.Series(few % 2 == 0 if kind == "boolean" else few).astype(kind)


def pandas_frames(draw: st.DrawFn) -> Callable[[int], pd.DataFrame]:
    """Frames of the same columns, whose objects and categories differ."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))  # some twice
    kinds = [draw(st.sampled_from(["object", "object", "int category", *DTYPES])) for _ in names]
    objects = st.sampled_from(OBJECTS[draw(st.sampled_from(list(OBJECTS)))]) if draw(st.booleans()) else ANYTHING

    def frame(rows: int) -> pd.DataFrame:
        columns = []
        for kind in kinds:
            if kind == "object":
                columns.append(pd.Series([draw(objects) for _ in range(rows)], dtype="object"))
            else:
                columns.append(column(kind, rows, [draw(st.integers(0, 3)) for _ in range(rows)]))
        return pd.concat(columns, axis=1, keys=range(len(names))).set_axis(names, axis=1)

    return frame


@st.composite
def several_tables(draw: st.DrawFn) -> list[tuple[Any, Any]]:
    """Tables as calls of one function are given them, and a result for each."""
    kind = draw(st.sampled_from(["pandas", "pandas", *OTHERS]))
    make = pandas_frames(draw) if kind == "pandas" else lambda rows: OTHERS[kind](draw, rows)
    counts = draw(st.lists(st.integers(1, 3), min_size=2, max_size=6))
    return [(make(rows), draw(results(rows))) for rows in counts]


def rows_of(draw: st.DrawFn, rows: int, row: st.SearchStrategy[Any]) -> list[Any]:
    return [draw(row) for _ in range(rows)]


OTHERS: dict[str, Callable[[st.DrawFn, int], Any]] = {
    "lists of numbers": lambda draw, rows: rows_of(draw, rows, st.tuples(st.floats(), st.integers(0, 9)).map(list)),
    "lists of anything": lambda draw, rows: rows_of(draw, rows, st.tuples(st.text(max_size=2), ANYTHING).map(list)),
    "mappings": lambda draw, rows: rows_of(
        draw, rows, st.fixed_dictionaries({"a": ANYTHING}, optional={"b": st.booleans() | st.floats()})
    ),
    "floats": lambda draw, rows: np.array(rows_of(draw, rows, st.tuples(st.floats(), st.floats()))),
    "integers": lambda draw, rows: np.array(rows_of(draw, rows, st.tuples(st.integers(0, 9), st.integers(0, 9)))),
    "texts": lambda draw, rows: np.array(rows_of(draw, rows, st.tuples(st.text("ab"), st.text("ab")))),
    "objects": lambda draw, rows: np.array([[draw(ANYTHING), None] for _ in range(rows)], dtype="O"),
    "tensors": lambda draw, rows: np.full((rows, 2, 2), draw(st.floats(0, 1)), "float32"),
    "records": lambda draw, rows: np.array([(draw(st.floats()), "é")] * rows, [("a", "f8"), ("b", "U2")]),
    "polars": lambda draw, rows: pl.DataFrame(
        {"a": rows_of(draw, rows, st.floats()), "b": ["x"] * rows, "c": [datetime.date(2026, 1, 1)] * rows}
    ),
    "polars categories": lambda draw, rows: pl.DataFrame(
        {"a": pl.Series(rows_of(draw, rows, st.text("ab")), dtype=pl.Categorical), "b": [[1.0]] * rows}
    ),
    "polars objects": lambda draw, rows: pl.DataFrame(
        {"a": pl.Series(rows_of(draw, rows, st.just(Plan.BASIC)), dtype=pl.Object)}
    ),
    "Arrow": lambda draw, rows: pa.table(
        {"a": rows_of(draw, rows, st.integers(0, 9)), "b": pa.array(["x"] * rows).dictionary_encode()}
    ),
}


def results(rows: int) -> st.SearchStrategy[Any]:
    shares = st.lists(st.floats(0, 1), min_size=rows, max_size=rows)
    return st.one_of(
        shares,
        shares.map(np.array),
        shares.map(lambda scores: np.column_stack([scores, 1 - np.array(scores)])),
        shares.map(lambda scores: np.column_stack([scores, scores])),
        shares.map(lambda scores: [{"label": "x", "score": score} for score in scores]),
        st.lists(st.sampled_from(["yes", "no"]), min_size=rows, max_size=rows).map(np.array),
        st.lists(st.sampled_from([1, 0.5, True, None, "x"]), min_size=rows, max_size=rows),
        st.just((["yes"] * rows, [0.25] * rows)),
        st.none(),
    )


def call_of(table: Table, result: Any, number: int) -> Call:
    """A call that has ended, as an observer leaves it."""
    call = Call(OBSERVER, Stream("m", "1", "primary"), 1_700_000_000_000_000_000 + number, 42 * number)
    call.table, call.duration, call.context, call.kept = table, 0.001, TRACED if number % 2 else None, True
    call.tags = {"site": "a"} if number % 3 else {}
    try:
        call.outputs = batches.snapshot(result, table.rows, OBSERVER.told)
    except batches.UntoldError:
        call.outputs = None
    return call


def taken(given: Any) -> Table:
    found = read(given, None)
    assert isinstance(found, Table)
    return found


def by_itself(given: Any) -> Table:
    """The table as one that is too large to be read with others is read."""
    if isinstance(given, pd.DataFrame):
        return Table(len(given), 0, Held(given.copy(), held.read_pandas))
    found = taken(given)
    found.held = found.held._replace(alike=None)
    return found


def stored(groups: Sequence[Group]) -> list[str]:
    """Rows as they are stored, with what has no value left out, in an order of their own."""
    rows = []
    for record in encode_batches(groups, lambda _stream, _features: None):
        assert record.body
        table = pa.ipc.open_stream(record.body).read_all()
        columns = {
            name: (told.column.to_pylist() if (told := convert(column)).place else column.to_pylist())
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        rows += [
            sorted((name, column[at]) for name, column in columns.items() if column[at] is not None)
            for at in range(table.num_rows)
        ]
    return sorted(map(repr, rows))


@given(several_tables())
@settings(max_examples=40, deadline=None)
def test_tables_read_together_say_the_same(drawn: list[tuple[Any, Any]]) -> None:
    """Values, types, missing ones, categories, ids, outputs, scores and tags are those of each table alone."""
    together = [call_of(taken(table), result, at) for at, (table, result) in enumerate(drawn)]
    alone = [call_of(by_itself(table), result, at) for at, (table, result) in enumerate(drawn)]
    assert stored(grouped(together)) == stored(grouped(alone))
    failures.clear()  # misfits are meant here, and told once each


def test_objects_of_two_kinds_stay_what_they_are() -> None:
    """An instant beside a date keeps its time of day, and a flag beside a number is none."""
    noon = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
    given = pd.DataFrame({"when": [noon.date(), noon], "mixed": [True, 0.5]}, dtype="object")
    rows = stored(grouped([call_of(taken(given), None, 1)]))
    assert sum(f"('feature.when', {noon.timestamp()})" in row for row in rows) == 1
    assert sum("('feature.mixed', 'true')" in row for row in rows) == 1


def test_frames_of_one_row_share_a_group() -> None:
    """What a service makes of its requests is one group, whichever categories each row has; other types are another."""
    frames = [pd.DataFrame({"plan": pd.Categorical([plan]), "age": [age]}) for plan, age in (("a", 1), ("b", 2))]
    others = [pd.DataFrame({"plan": ["a"], "age": [1.0]}), pd.DataFrame([[1.0, 2.0]], columns=["plan", "age"])]
    groups = grouped([call_of(taken(frame), [0.5], at) for at, frame in enumerate([*frames, *others])])
    assert [len(group.calls) for group in groups] == [2, 1, 1]
