"""What each kind of argument becomes."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import math
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
import scipy.sparse

from modelspan.capture.inputs import Arguments, Row
from modelspan.capture.tables import Table, table_of
from modelspan.capture.values import Uncapturable
from modelspan.records import columns


def takes(features: Any, threshold: float = 0.5) -> None: ...


def read(*args: Any, function: Any = takes, names: Any = None, **kwargs: Any) -> Any:
    found = Arguments(function, names).read(args, kwargs)
    if isinstance(found, Table):
        return {name: column.to_pylist() for name, column in found.columns().items()}
    return dict(zip(found.names, found.values, strict=True)) if found is not None else None


@dataclasses.dataclass
class Inner:
    city: str


@dataclasses.dataclass
class Applicant:
    age: int
    home: Inner


class Model(pydantic.BaseModel):
    age: int
    income: float


Named = collections.namedtuple("Named", ["age", "income"])


class Color(enum.Enum):
    RED = "red"


ROWS: list[tuple[Any, dict[str, Any]]] = [
    ({"age": 1, "name": "x"}, {"age": 1, "name": "x"}),
    (collections.OrderedDict(age=1), {"age": 1}),
    (Applicant(3, Inner("Bern")), {"age": 3, "home.city": "Bern"}),
    (Model(age=3, income=2.5), {"age": 3, "income": 2.5}),
    (Named(3, 2.5), {"age": 3, "income": 2.5}),
    (pd.Series({"age": 3.0, "income": 2.5}), {"age": 3.0, "income": 2.5}),
    (np.array([1.0, 2.0]), {"f0": 1.0, "f1": 2.0}),
    ([1.0, 2.0], {"f0": 1.0, "f1": 2.0}),
    ({"a": {"b": {"c": 1}}}, {"a.b.c": 1}),
]


@pytest.mark.parametrize(("argument", "expected"), ROWS, ids=lambda value: type(value).__name__)
def test_row(argument: Any, expected: dict[str, Any]) -> None:
    """Every kind of row is features by name."""
    assert read(argument) == expected


TABLES: list[Any] = [
    pd.DataFrame({"u": [1, 2], "v": ["a", None]}),
    pl.DataFrame({"u": [1, 2], "v": ["a", None]}),
    pa.table({"u": [1, 2], "v": ["a", None]}),
    pa.RecordBatch.from_pydict({"u": [1, 2], "v": ["a", None]}),
    [{"u": 1, "v": "a"}, {"u": 2, "v": None}],
    {"u": np.array([1, 2]), "v": pd.Series(["a", None])},
]


@pytest.mark.parametrize("argument", TABLES, ids=lambda value: type(value).__name__)
def test_table(argument: Any) -> None:
    """Every kind of table is columns by name, with what is missing as null."""
    assert read(argument) == {"u": [1, 2], "v": ["a", None]}


@pytest.mark.swallows("3 names and the matrix 2 columns")
def test_matrix_with_names() -> None:
    """A matrix takes the names that it is given, and numbers without; with others, its rows count without features."""
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert read(matrix, names=["a", "b"]) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    assert read(matrix) == {"f0": [1.0, 3.0], "f1": [2.0, 4.0]}
    table = table_of(matrix, ["a", "b", "c"])
    assert table is not None and (table.rows, table.columns()) == (2, {})


def test_keyword_scalars() -> None:
    """Scalars are features by the names of their parameters, defaults included."""

    def function(age: int, income: float = 2.5, *, city: str = "Bern") -> None: ...

    assert read(3, city="Chur", function=function) == {"age": 3, "income": 2.5, "city": "Chur"}


def test_self_is_no_feature() -> None:
    """The object of a method is not read."""

    class Service:
        def predict(self, age: int) -> None: ...

    assert read(Service(), 3, function=Service.predict) == {"age": 3}


def test_rows_are_copies() -> None:
    """What the function does to its arguments does not change the record."""
    row, frame, matrix = {"v": [1.0, 2.0]}, pd.DataFrame({"u": [1, 2]}), np.array([[1.0], [2.0]])
    taken = [Arguments(takes, None).read((each,), {}) for each in (row, frame, matrix)]
    row["v"][0] = 9.0
    frame.loc[0, "u"] = 9
    matrix[:] = 9
    assert isinstance(taken[0], Row) and taken[0].values == (array.array("f", [1.0, 2.0]),)
    assert [table.columns().popitem()[1].to_pylist() for table in taken[1:] if isinstance(table, Table)] == [
        [1, 2],
        [1.0, 2.0],
    ]


KINDS: list[tuple[list[Any], str, list[Any]]] = [
    ([1.5, None], "double", [1.5, None]),
    ([1, None], "int64", [1, None]),
    ([1, 2.5], "double", [1.0, 2.5]),
    ([2**70], "double", [float(2**70)]),
    ([True, None], "bool", [True, None]),
    (["a", None], "string", ["a", None]),
    ([decimal.Decimal("1.5")], "double", [1.5]),
    ([np.float32(1.5), np.int8(2)], "double", [1.5, 2.0]),
    ([datetime.date(2026, 1, 2)], "date32[day]", [datetime.date(2026, 1, 2)]),
    ([datetime.timedelta(seconds=1)], "duration[us]", [datetime.timedelta(seconds=1)]),
    ([array.array("f", [1.0, 2.0])], "list<item: float>", [[1.0, 2.0]]),
    ([None, None], "double", [None, None]),
]


@pytest.mark.parametrize(("values", "kind", "expected"), KINDS, ids=lambda value: str(value)[:20])
def test_kind(values: list[Any], kind: str, expected: list[Any]) -> None:
    """Each kind of value has its documented Arrow type."""
    array = columns.column("x", values)
    assert str(array.type) == kind
    assert array.to_pylist() == expected


def test_instants() -> None:
    """Instants of every library are timestamps in UTC; those without a zone are taken as UTC."""
    instants = [datetime.datetime(2026, 1, 2), pd.Timestamp("2026-01-02", tz="UTC"), np.datetime64("2026-01-02"), None]
    array = columns.column("x", instants)
    assert str(array.type) == "timestamp[us, tz=UTC]"
    assert [each and each.isoformat() for each in array.to_pylist()][:3] == ["2026-01-02T00:00:00+00:00"] * 3


@pytest.mark.parametrize(
    ("value", "frozen"), [(Color.RED, "red"), (uuid.UUID(int=1), str(uuid.UUID(int=1))), (pd.NA, None), (pd.NaT, None)]
)
def test_plain(value: Any, frozen: Any) -> None:
    """Enum members, UUIDs and pandas' missing values become what a column can hold."""
    assert read({"x": value}) == {"x": frozen}


def test_nan_is_kept_for_the_reader() -> None:
    """NaN stays NaN, which the conventions count as missing."""
    assert math.isnan(columns.column("x", [math.nan]).to_pylist()[0])


@pytest.mark.swallows("have no place")
def test_uncapturable() -> None:
    """A value without a place is left out, and the rest of the row stays."""
    row = read({"x": b"bytes", "y": 1})
    assert isinstance(row["x"], Uncapturable) and row["y"] == 1
    assert columns.column("x", [row["x"]]) is None


def test_mixed_kinds_are_split() -> None:
    """Rows in which a feature changes its kind go apart, and keep both values."""
    assert columns.split([[1.0, "bad", 2.0], [1, 2, 3]]) == [[0, 2], [1]]
    assert columns.split([[1.0, None], [1, 2.5]]) is None


def test_mixed_column_of_a_table() -> None:
    """A column of a table that mixes kinds is kept as it is, for the encoder to split; nothing else is lost."""
    assert Arguments(takes, None).read((pd.DataFrame({"u": [1, "bad"], "v": [1, 2]}),), {}).columns()["u"] == [1, "bad"]  # type: ignore[union-attr]


def test_objects_of_polars_are_looked_at_one_by_one() -> None:
    """Enum members and UUIDs, of which Arrow would be given the addresses, are the text that they are elsewhere."""
    frame = pl.DataFrame([{"colour": Color.RED, "key": uuid.UUID(int=1)}, {"colour": None, "key": None}])
    assert frame.dtypes == [pl.Object, pl.Object]
    found = Arguments(takes, None).read((frame,), {}).columns()  # type: ignore[union-attr]
    assert {name: list(column) for name, column in found.items()} == {
        "colour": ["red", None],
        "key": [str(uuid.UUID(int=1)), None],
    }


class Tensor:
    """An array of another library, as PyTorch's and JAX's are."""

    def __init__(self, held: Any) -> None:
        self._held = np.asarray(held)
        self.shape, self.ndim = self._held.shape, self._held.ndim

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._held

    def __len__(self) -> int:
        return len(self._held)

    def tolist(self) -> Any:
        return self._held.tolist()


class OnDevice(Tensor):
    """One that has to be fetched from a device, as PyTorch's on a GPU."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("can't convert a tensor on a device")

    def detach(self) -> OnDevice:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self._held)


class Exchanged:
    """One that is only exchanged by DLPack."""

    def __init__(self, held: Any) -> None:
        self._held = np.asarray(held)
        self.shape = self._held.shape

    def __dlpack__(self, **options: Any) -> Any:
        return self._held.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._held.__dlpack_device__()


class Counted:
    """A matrix of XGBoost."""

    def num_row(self) -> int:
        return 3


EYE = np.eye(3)
MANY: list[tuple[Any, int, dict[str, Any]]] = [
    (Tensor(EYE), 3, {"f0": [1.0, 0.0, 0.0]}),
    (OnDevice(EYE), 3, {"f0": [1.0, 0.0, 0.0]}),
    (Exchanged(EYE), 3, {"f0": [1.0, 0.0, 0.0]}),
    ([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], 2, {"f1": [2.0, 4.0]}),
    ({"a": Tensor([1.0, 2.0]), "b": np.array([1, 2])}, 2, {"a": [1.0, 2.0], "b": [1, 2]}),
    (scipy.sparse.csr_matrix(EYE), 3, {"f2": [0.0, 0.0, 1.0]}),
    (scipy.sparse.coo_array(EYE), 3, {"f2": [0.0, 0.0, 1.0]}),
    (scipy.sparse.random(5, 50_000, 0.001, format="csr"), 5, {}),
    (np.array([(1, "a"), (2, "b")], dtype=[("n", "i8"), ("t", "U1")]), 2, {"n": [1, 2], "t": ["a", "b"]}),
    (np.ones((4, 2, 3)), 4, {"vector": [[1.0] * 6] * 4}),
    ([[[1.0, 2.0]], [[3.0, 4.0]]], 2, {"vector": [[1.0, 2.0], [3.0, 4.0]]}),
    ([[1.0], [2.0, 3.0]], 2, {}),
    (np.ones((2, 300, 300, 3)), 2, {}),
    ([[1, "a"], [2, "b"]], 2, {"f0": [1, 2], "f1": ["a", "b"]}),
    ([(1.5, True), (2.5, False)], 2, {"f0": [1.5, 2.5]}),
    (Counted(), 3, {}),
    (pd.DataFrame([[1.0, 2.0]] * 3), 3, {"0": [1.0] * 3}),
    (pd.DataFrame([[1.0, 2.0]] * 3, columns=["a", "a"]), 3, {"a": [1.0] * 3}),
]


@pytest.mark.parametrize(("argument", "rows", "some"), MANY, ids=lambda value: type(value).__name__)
@pytest.mark.swallows("without their features", "without them", "the first is recorded")
def test_rows_are_counted_rightly(argument: Any, rows: int, some: dict[str, Any]) -> None:
    """Whatever holds many rows is as many predictions, with the features that there are."""
    found = Arguments(takes, None).read((argument,), {})
    assert isinstance(found, Table) and found.rows == rows
    columns = {
        name: column if isinstance(column, list) else column.to_pylist() for name, column in found.columns().items()
    }
    assert {name: columns[name] for name in some} == some


def test_a_row_of_a_structured_array() -> None:
    """It is a row by the names of its fields."""
    array = np.array([(1, "a")], dtype=[("n", "i8"), ("t", "U1")])
    assert read(array[0]) == {"n": 1, "t": "a"}
