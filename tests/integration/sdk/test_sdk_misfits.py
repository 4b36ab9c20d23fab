"""One misfit costs nothing beside it: random tables with random misfits, of every library, through the SDK.

What has no place is left out alone, named in the record's metadata and in the warnings; all else arrives, the rows of
other calls too, and the collector's gate takes it.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hostile import Hostile, RudeHostile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modelspan
from modelspan.capture import values
from modelspan.testing import Receiver
from modelspan_collector.write.left_out import told_by_sender
from modelspan_collector.write.stream import read


class Colour(enum.Enum):
    RED = "red"


KEPT: dict[str, Callable[[int], list[Any]]] = {
    "numbers": lambda rows: [1.5] * rows,
    "integers": lambda rows: list(range(rows)),
    "large": lambda rows: [2**63 + number for number in range(rows)],
    "flags": lambda rows: [True] * rows,
    "texts": lambda rows: ["a"] * rows,
    "surrogates": lambda rows: ["a\ud800"] * rows,
    "times": lambda rows: [datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)] * rows,
    "dates": lambda rows: [datetime.date(2026, 1, 2)] * rows,
    "years": lambda rows: [datetime.datetime(2300, 1, 2)] * rows,
    "decimals": lambda rows: [decimal.Decimal("1.50")] * rows,
    "uuids": lambda rows: [uuid.UUID(int=number) for number in range(rows)],
    "paths": lambda rows: [Path("/a")] * rows,
    "vectors": lambda rows: [[1.0, 2.0]] * rows,
    "missing": lambda rows: [None] * rows,
}
"""Values of features that have a place."""
LEFT: dict[str, Callable[[int], list[Any]]] = {
    "bytes": lambda rows: [b"\xff"] * rows,
    "dicts": lambda rows: [{1: {2: {3: {4: {5: 6}}}}}] * rows,
    "sets": lambda rows: [{1, 2}] * rows,
    "lists": lambda rows: [["a"]] * rows,
    "nested": lambda rows: [[[1.0]]] * rows,
    "objects": lambda rows: [object()] * rows,
    "complex": lambda rows: [1j] * rows,
    "addresses": lambda rows: [ipaddress.ip_address("::1")] * rows,
    "hostile": lambda rows: [Hostile() for _ in range(rows)],
    "rude": lambda rows: [RudeHostile() for _ in range(rows)],
}
"""Values that have none, anywhere."""
COLUMNS: dict[str, Callable[[int], Any]] = {
    "category of integers": lambda rows: pd.Categorical(list(range(rows))),
    "category of flags": lambda rows: pd.Categorical([True] * rows),
    "category of floats": lambda rows: pd.Categorical([0.5] * rows),
    "category of times": lambda rows: pd.Categorical(pd.date_range("2026", periods=rows)),
    "cut": lambda rows: pd.cut(np.arange(rows) + 0.5, [-1, 0, 2, 99]),
    "periods": lambda rows: pd.period_range("2026-01", periods=rows, freq="M"),
    "nullable": lambda rows: pd.array([None] * rows, dtype="Int64"),
    "unsigned": lambda rows: np.full(rows, 2**64 - 1, dtype="uint64"),
    "halves": lambda rows: np.full(rows, 0.5, dtype="float16"),
    "long doubles": lambda rows: np.full(rows, 0.5, dtype="longdouble"),
    "years of NumPy": lambda rows: np.full(rows, "2300", dtype="datetime64[Y]").astype("datetime64[s]"),
    "sparse": lambda rows: pd.arrays.SparseArray([0.0] * rows),
    "views": lambda rows: pd.array(["a"] * rows, dtype=pd.ArrowDtype(pa.string_view())),
    "text": lambda rows: pd.array(["a"] * rows, dtype="string"),
}
"""Columns of pandas that have a place."""
ARROW: dict[str, tuple[Callable[[int], pa.Array], bool]] = {
    "runs": (lambda rows: pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int32()), pa.array(["a"])), True),
    "views": (lambda rows: pa.array(["a"] * rows, pa.string_view()), True),
    "codes": (lambda rows: pa.array(list(range(rows)), pa.int64()).dictionary_encode(), True),
    "wide decimals": (lambda rows: pa.array([decimal.Decimal("1.5")] * rows, pa.decimal256(40, 2)), True),
    "vectors": (lambda rows: pa.array([[1.0, 2.0]] * rows, pa.list_(pa.float64(), 2)), True),
    "nulls": (lambda rows: pa.nulls(rows), True),
    "clock": (lambda rows: pa.array([1] * rows, pa.time64("ns")), True),
    "maps": (lambda rows: pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64())), False),
    "structs": (lambda rows: pa.array([{"a": 1}] * rows), False),
    "binary": (lambda rows: pa.array([b"a"] * rows), False),
    "texts": (lambda rows: pa.array([["a"]] * rows), False),
    "calendar": (lambda rows: pa.array([(1, 2, 3)] * rows, pa.month_day_nano_interval()), False),
}
"""Columns of Arrow, and whether they have a place."""
POLARS: dict[str, tuple[Callable[[int], Any], bool]] = {
    "categories": (lambda rows: pl.Series(["a"] * rows, dtype=pl.Categorical), True),
    "enums": (lambda rows: pl.Series(["a"] * rows, dtype=pl.Enum(["a"])), True),
    "clock": (lambda rows: pl.Series([datetime.time(1)] * rows), True),
    "spans": (lambda rows: pl.Series([datetime.timedelta(1)] * rows), True),
    "arrays": (lambda rows: pl.Series([[1.0, 2.0]] * rows, dtype=pl.Array(pl.Float32, 2)), True),
    "huge": (lambda rows: pl.Series([2**63] * rows, dtype=pl.UInt64), True),
    "members": (lambda rows: pl.Series([Colour.RED] * rows, dtype=pl.Object), True),
    "uuids": (lambda rows: pl.Series([uuid.UUID(int=1)] * rows), True),
    "objects": (lambda rows: pl.Series([object()] * rows, dtype=pl.Object), False),
    "structs": (lambda rows: pl.Series([{"a": 1}] * rows), False),
    "texts": (lambda rows: pl.Series([["a"]] * rows), False),
    "binary": (lambda rows: pl.Series([b"a"] * rows), False),
}
"""Columns of polars, and whether they have a place."""


def series(values: list[Any]) -> Any:
    """An object column, whose values pandas does not look into."""
    held = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        held[at] = value
    return pd.Series(held, dtype=object)


def tables(rows: int, names: list[str]) -> tuple[Any, dict[str, bool]]:
    """A table of the library that the first name is of, and for each column whether it has a place."""
    library, good = names[0], [float(number) for number in range(rows)]
    if library == "arrow":
        made = {name: ARROW[name] for name in names[1:]}
        return pa.table({"good": good} | {name: make(rows) for name, (make, _) in made.items()}), {
            name: kept for name, (_, kept) in made.items()
        }
    if library == "polars":
        made = {name: POLARS[name] for name in names[1:]}
        return pl.DataFrame({"good": good} | {name: make(rows) for name, (make, _) in made.items()}), {
            name: kept for name, (_, kept) in made.items()
        }
    every = {**KEPT, **LEFT, **(COLUMNS if library == "pandas" else {})}
    columns = {name: every[name](rows) for name in names[1:]}
    kept = {name: name not in LEFT for name in columns}
    if library == "pandas":
        objects = {name: series(column) if name not in COLUMNS else column for name, column in columns.items()}
        return pd.DataFrame({"good": good} | objects), kept
    return [{"good": good[row]} | {name: column[row] for name, column in columns.items()} for row in range(rows)], kept


def names_of(library: str, pool: dict[str, Any]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(pool)), max_size=5, unique=True).map(lambda names: [library, *names])


TABLES = st.one_of(
    names_of("pandas", KEPT | LEFT | COLUMNS),
    names_of("rows", KEPT | LEFT),
    names_of("arrow", ARROW),
    names_of("polars", POLARS),
)
OUTPUTS: dict[str, Callable[[int], Any]] = {
    "numbers": lambda rows: [0.5] * rows,
    "mixed": lambda rows: np.array(["yes", 1, None, 2.5, b"x"][:rows], dtype=object),
    "surrogates": lambda rows: ["a\ud800"] * rows,
    "objects": lambda rows: [object()] * rows,
    "targets": lambda rows: np.full((rows, 2), 10.0),
    "short": lambda rows: [0.5] * (rows + 1),
    "hostile": lambda rows: Hostile(),
}


@pytest.mark.parametrize("single", [False, True], ids=["tables", "rows"])
@pytest.mark.swallows
def test_a_misfit_is_left_out_alone(single: bool, sdk: Callable[..., None], receiver: Receiver) -> None:
    """All rows of all calls arrive, with all columns that have a place; the others are named."""
    sdk(endpoint=receiver.endpoint)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        calls=st.lists(st.tuples(st.integers(1, 4), TABLES, st.sampled_from(sorted(OUTPUTS))), min_size=1, max_size=4)
    )
    def check(calls: list[tuple[int, list[str], str]]) -> None:
        receiver.requests.clear()
        wanted: dict[str, tuple[int, dict[str, bool]]] = {}
        for number, (rows, names, output) in enumerate(calls):
            table, kept = tables(rows, names)
            predict = modelspan.observe(model=f"m{number}")(
                lambda given, rows=rows, output=output: OUTPUTS[output](rows)
            )
            if single and isinstance(table, list):
                for row in table:
                    predict(row)
            else:
                predict(table)
            wanted[f"m{number}"] = (rows, kept)
        assert modelspan.flush(60)
        compare(receiver, wanted)

    check()


def compare(receiver: Receiver, wanted: dict[str, tuple[int, dict[str, bool]]]) -> None:
    """What arrived is what has a place, and the gate takes every record."""
    found = receiver.predictions()
    for model, (rows, kept) in wanted.items():
        mine = [row for row in found if row["modelspan.model.name"] == model]
        assert sorted(row["feature.good"] for row in mine) == [float(number) for number in range(rows)]
        left_out: set[str] = set()
        for row in mine:
            left_out |= {name.split(".")[0] for name in json.loads(row.get("modelspan.left_out", "{}"))}
        features = {name.removeprefix("feature.") for row in mine for name in row if name.startswith("feature.")}
        assert {name for name, has_place in kept.items() if has_place} <= features
        assert {name for name, has_place in kept.items() if not has_place} <= left_out
    for table in receiver.tables("modelspan.predictions"):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        taken = read("modelspan.predictions", sink.getvalue().to_pybytes())[0]
        assert taken.num_rows == table.num_rows


def _each(given: Any) -> list[float]:
    return [0.5] * len(given)


TWICE: dict[str, tuple[Callable[[Any], Any], Any, dict[str, Any]]] = {
    "a frame": (_each, pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), {}),
    "a frame of names that are one as texts": (_each, pd.DataFrame([[1.0, 2.0]], columns=[1, "1"]), {}),
    "an Arrow table": (_each, pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["a", "a"]), {}),
    "a matrix": (_each, np.array([[1.0, 2.0]]), {"feature_names": ["a", "a"]}),
    "rows of several kinds": (_each, [[1.0, "x"]], {"feature_names": ["a", "a"]}),
    "rows": (_each, [{"a.b": 1.0, "a": {"b": 2.0}}], {}),
    "a row": (lambda row: 0.5, {"a.b": 1.0, "a": {"b": 2.0}}, {}),
    "a row of names that are one as texts": (lambda row: 0.5, {1: 1.0, "1": 2.0}, {}),
    "a vector": (lambda row: 0.5, [1.0, 2.0], {"feature_names": ["a", "a"]}),
    "a vector of the same value": (lambda row: 0.5, [1.0] * 2, {"feature_names": ["a", "a"]}),
    "a Series": (lambda row: 0.5, pd.Series([1.0, 2.0], index=["a", "a"]), {}),
}
"""The function, what it is given, and the decorator's options: two features of the same name, 1 and 2."""


@pytest.mark.parametrize("case", TWICE)
@pytest.mark.swallows("of columns with the same name")
def test_a_second_of_the_same_name_is_named_of_each_model(
    case: str, sdk: Callable[..., None], receiver: Receiver
) -> None:
    """The first is recorded, and the record says that another is left out, whatever was logged before."""
    sdk(endpoint=receiver.endpoint)
    function, given, options = TWICE[case]
    for model in ("m", "n"):
        modelspan.observe(model=model, **options)(function)(given)
    assert modelspan.flush(60)
    assert len(receiver.predictions()) == 2
    for row in receiver.predictions():
        (name,) = json.loads(row["modelspan.left_out"])
        assert row[f"feature.{name}"] == 1.0
    for table in receiver.tables("modelspan.predictions"):
        (misfit,) = told_by_sender("modelspan.predictions", table)
        assert (misfit.column, misfit.rows) == (f"feature.{name}", table.num_rows)


@pytest.mark.parametrize("case", ["a row", "a table", "an Arrow table"])
@pytest.mark.swallows("without the others")
def test_features_beyond_the_most_are_counted(case: str, sdk: Callable[..., None], receiver: Receiver) -> None:
    """Of a row of very many features the record says how many are left out."""
    sdk(endpoint=receiver.endpoint)
    names = [f"f{number}" for number in range(values.MOST_FEATURES + 5)]
    row: Any = dict.fromkeys(names, 1.0)
    if case != "a row":
        row = pa.Table.from_arrays([pa.array([1.0])] * len(names), names)
    if case == "a table":
        row = row.to_pandas()
    modelspan.observe(model="m")(lambda given: 0.5)(row)
    assert modelspan.flush(60)
    (table,) = receiver.tables("modelspan.predictions")
    (misfit,) = told_by_sender("modelspan.predictions", table)
    assert "5 others are left out" in misfit.reason and misfit.rows == 1


@pytest.mark.swallows("have no place")
def test_one_value_of_a_column(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A single value that has no place is missing; its column, its row and the other calls arrive."""
    sdk(endpoint=receiver.endpoint)
    predict = modelspan.observe(model="m")(lambda rows: [0.5] * len(rows))
    for misfit in (b"x", {"a": 1}, object(), 1j, Hostile(), 10**400):
        predict(pd.DataFrame({"good": [1.0, 2.0, 3.0], "x": series([1.5, misfit, 2.5])}))
    assert modelspan.flush(60)
    found = receiver.predictions()
    assert len(found) == 18 and {row["feature.good"] for row in found} == {1.0, 2.0, 3.0}
    assert [row["feature.x"] for row in found if row["feature.good"] != 2.0] == [1.5, 2.5] * 6
    assert all("x" in json.loads(row["modelspan.left_out"]) for row in found)


@pytest.mark.swallows("have no place")
def test_one_call_of_many(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A call that cannot be told costs none of those that wait beside it, whatever it is."""
    sdk(endpoint=receiver.endpoint)
    predict = modelspan.observe(model="m")(lambda given: 0.5 if isinstance(given, dict) else [0.5] * len(given))
    for misfit in (2**64 - 1, np.uint64(2**63 + 5), "\ud800", datetime.datetime(2300, 1, 1), b"x", -(2**70)):
        for value in (1, misfit, 3):
            predict({"h": value, "good": 1.0})
            predict(pd.DataFrame({"h": series([value]), "good": [1.0]}))
    assert modelspan.flush(60)
    assert [row["feature.good"] for row in receiver.predictions()] == [1.0] * 36
