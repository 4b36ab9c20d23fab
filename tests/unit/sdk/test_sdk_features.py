"""A table becomes features: every Arrow type has a place or a reason, and no value makes a conversion fail."""

# ruff: noqa: E501 - a case a line

import datetime as dt
import decimal
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelspan import features

CONVENTIONS = Path(__file__).resolve().parents[3] / "docs/conventions.md"
UUID = uuid.UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
SECONDS = NOON.timestamp()


def pandas(values: Any, dtype: Any = None) -> pa.Array:
    return pa.array(pd.Series(values, dtype=dtype), from_pandas=True)


def category(values: Any) -> pa.Array:
    return pandas(pd.Series(values).astype("category"))


def runs(values: pa.Array) -> pa.Array:
    return pc.run_end_encode(values)


def tensor() -> pa.Array:
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(8.0).reshape(2, 2, 2))


PLACED: list[tuple[str, Any, str, list[Any]]] = [
    ("bool", pa.array([True, None]), "categorical", ["true", None]),
    ("bool8", pa.ExtensionArray.from_storage(pa.bool8(), pa.array([2, 0, None], pa.int8())), "categorical", ["true", "false", None]),
    ("int8", pa.array([-1, None], pa.int8()), "numeric", [-1.0, None]),
    ("uint64", pa.array([2**63 + 5, 1], pa.uint64()), "numeric", [float(2**63), 1.0]),
    ("halffloat", pa.array(np.array([1.5, np.nan], np.float16)), "numeric", [1.5, None]),
    ("double", pa.array([1.5, float("nan"), float("inf")]), "numeric", [1.5, None, float("inf")]),
    ("decimal128", pa.array([decimal.Decimal("1.25"), None]), "numeric", [1.25, None]),
    ("decimal256", pa.array([decimal.Decimal("1.25")], pa.decimal256(60, 3)), "numeric", [1.25]),
    ("timestamp of any unit and zone", pa.array([NOON], pa.timestamp("ns", "Europe/Vienna")), "numeric", [SECONDS]),
    ("timestamp of a zone nobody knows", pa.array([0], pa.timestamp("s", "Mars/Phobos")), "numeric", [0.0]),
    ("timestamp beyond 64 bits of any other unit", pa.array([2**62], pa.timestamp("s")), "numeric", [2.0**62]),
    ("date32", pa.array([dt.date(1970, 1, 2)]), "numeric", [86_400.0]),
    ("date64", pa.array([dt.date(1970, 1, 2)], pa.date64()), "numeric", [86_400.0]),
    ("duration", pa.array([dt.timedelta(milliseconds=1500)]), "numeric", [1.5]),
    ("time64", pa.array([dt.time(0, 1, 0, 500_000)]), "numeric", [60.5]),
    ("time32", pa.array([60], pa.time32("s")), "numeric", [60.0]),
    ("string", pa.array(["a", None]), "categorical", ["a", None]),
    ("large_string", pa.array(["a", None], pa.large_string()), "categorical", ["a", None]),
    ("string_view", pa.array(["a", None], pa.string_view()), "categorical", ["a", None]),
    ("null", pa.nulls(2), "categorical", [None, None]),
    ("arrow.json", pa.array(['{"a": 1}'], pa.json_(pa.string())), "categorical", ['{"a": 1}']),
    ("arrow.uuid", pa.array([UUID, None], pa.uuid()), "categorical", [str(UUID), None]),
    ("category of integers", category([10, 20, None]), "categorical", ["10", "20", None]),
    ("category of whole floats", category([10.0, 0.5, None]), "categorical", ["10", "0.5", None]),
    ("category of bools", category([True, False]), "categorical", ["true", "false"]),
    ("category of times", category([NOON, NOON + dt.timedelta(milliseconds=250)]), "categorical", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.25Z"]),
    ("category of dates", pa.array([dt.date(2026, 1, 31)]).dictionary_encode(), "categorical", ["2026-01-31"]),
    ("category of times of day", pa.array([dt.time(1, 2, 3)]).dictionary_encode(), "categorical", ["01:02:03"]),
    ("category of durations", pa.array([dt.timedelta(seconds=90)]).dictionary_encode(), "categorical", ["90"]),
    ("category of decimals", pa.array([decimal.Decimal("1.50")]).dictionary_encode(), "categorical", ["1.50"]),
    ("category with NaN among its values", pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array([float("nan"), 2.5])), "categorical", [None, "2.5", None]),
    ("category of string views", pa.DictionaryArray.from_arrays(pa.array([0, None], pa.uint64()), pa.array(["a"], pa.string_view())), "categorical", ["a", None]),
    ("category of nothing", pa.DictionaryArray.from_arrays(pa.nulls(2, pa.int8()), pa.nulls(0)), "categorical", [None, None]),
    ("category by pd.cut", pandas(pd.cut(pd.Series([1, 2, None]), [0, 1, 2.5])), "categorical", ["(0, 1]", "(1, 2.5]", None]),
    ("pandas.interval", pandas(pd.interval_range(0, 2, closed="left")), "categorical", ["[0, 1)", "[1, 2)"]),
    ("pandas.interval of times", pandas(pd.interval_range(pd.Timestamp("2026-01-01"), periods=1)), "categorical", ["(2026-01-01T00:00:00Z, 2026-01-02T00:00:00Z]"]),
    ("polars Categorical", pl.Series(["a", None], dtype=pl.Categorical).to_arrow(), "categorical", ["a", None]),
    ("polars Enum", pl.Series(["a"], dtype=pl.Enum(["a"])).to_arrow(), "categorical", ["a"]),
    ("polars Time", pl.Series([dt.time(0, 1)]).to_arrow(), "numeric", [60.0]),
    ("polars Decimal", pl.Series([decimal.Decimal("1.5")]).to_arrow(), "numeric", [1.5]),
    ("polars Array", pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)).to_arrow(), "embedding", [[1.0, 2.0]]),
    ("list", pa.array([[1, 2], None, []]), "embedding", [[1.0, 2.0], None, []]),
    ("list of bools", pa.array([[True, False]]), "embedding", [[1.0, 0.0]]),
    ("list of decimals", pa.array([[decimal.Decimal("1.5")]]), "embedding", [[1.5]]),
    ("list of nothing", pa.array([[], None], pa.list_(pa.null())), "embedding", [[], None]),
    ("large_list", pa.array([[1.5]], pa.large_list(pa.float64())), "embedding", [[1.5]]),
    ("fixed_size_list", pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "embedding", [[1.0, 2.0], None]),
    ("list_view", pa.array([[1, 2], None], pa.list_view(pa.int64())), "embedding", [[1.0, 2.0], None]),
    ("arrow.fixed_shape_tensor", tensor(), "embedding", [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]),
    ("run ends of integers", runs(pa.array([1, 1, 2])), "numeric", [1.0, 1.0, 2.0]),
    ("run ends of text", runs(pa.array(["a", "a", None])), "categorical", ["a", "a", None]),
    ("runs of categories", pa.RunEndEncodedArray.from_arrays([2, 3], pa.array([7, None]).dictionary_encode()), "categorical", ["7", "7", None]),
    ("runs of string views", pa.RunEndEncodedArray.from_arrays([2, 3], pa.array(["a", None], pa.string_view())), "categorical", ["a", "a", None]),
    ("runs of UUIDs", pa.RunEndEncodedArray.from_arrays([2], pa.array([UUID], pa.uuid())), "categorical", [str(UUID)] * 2),
    ("runs of vectors", pa.RunEndEncodedArray.from_arrays([2], pa.array([[1.0]])), "embedding", [[1.0], [1.0]]),
    ("a slice of runs", runs(pa.array([1, 1, 2, 2, 3])).slice(1, 3), "numeric", [1.0, 2.0, 2.0]),
    ("chunks of dictionaries of their own", pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]), "categorical", ["a", "b"]),
    ("no rows", pa.array([], pa.int64()), "numeric", []),
    ("no chunks", pa.chunked_array([], pa.string()), "categorical", []),
]  # fmt: skip


@pytest.mark.parametrize(("column", "place", "values"), [case[1:] for case in PLACED], ids=[case[0] for case in PLACED])
def test_a_column_of_every_kind_comes_to_its_place(column: Any, place: str, values: list[Any]) -> None:
    """The place follows from the type alone, and nothing of the column is lost on its way there."""
    found = features.convert(column)
    assert (found.place, found.reason) == (place, "")
    assert found.column is not None
    assert found.column.type == features.TYPES[found.place]  # type: ignore[index]
    assert found.column.to_pylist() == values
    assert not found.left_out
    assert features.place(column.type).place == place


WEEKS = [f"W-{day}" for day in ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")]
MULTIPLES = ["2W", "3M", "2D", "15min", "Q-JAN", "Y-JUN", "2Q-NOV"]


@pytest.mark.parametrize("frequency", ["Y", "Q", "M", *WEEKS, "D", "h", "min", "s", "ms", "us", "ns", *MULTIPLES])
def test_periods_read_as_pandas_writes_them(frequency: str) -> None:
    """A period is a category with the text that a single period has."""
    periods = pd.Series(pd.period_range("1967-11-30 22:59", periods=20, freq=frequency))
    found = features.convert(pa.array(periods, from_pandas=True))
    assert found.column is not None
    assert found.column.to_pylist() == [str(period) for period in periods]


def business_days() -> pa.Array:
    with warnings.catch_warnings(action="ignore"):  # pandas is about to drop them
        return pandas(pd.period_range("2026", periods=1, freq="B"))


PLACELESS: list[tuple[str, Callable[[], pa.Array], str]] = [
    ("binary", lambda: pa.array([b"a"]), "bytes"),
    ("binary_view", lambda: pa.array([b"a"], pa.binary_view()), "bytes"),
    ("category of bytes", lambda: pa.array([b"a"]).dictionary_encode(), "bytes"),
    ("polars Object, whose values are addresses", lambda: pl.Series([object()], dtype=pl.Object).to_arrow(), "bytes"),
    ("struct", lambda: pa.array([{"a": 1}]), "structures"),
    ("map", lambda: pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "maps"),
    ("list of text", lambda: pa.array([["a"]]), "numbers"),
    ("list of lists", lambda: pa.array([[[1]]]), "numbers"),
    ("list of structs", lambda: pa.array([[{"a": 1}]]), "numbers"),
    ("union", lambda: pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "unions"),
    ("calendar interval", lambda: pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "calendar"),
    ("period of business days", business_days, "periods"),
]


@pytest.mark.parametrize(("make", "word"), [case[1:] for case in PLACELESS], ids=[case[0] for case in PLACELESS])
def test_a_column_without_a_place_says_why_and_what_would_have_one(make: Callable[[], pa.Array], word: str) -> None:
    """No column is dropped without a reason in words."""
    column = make()
    found = features.convert(column)
    assert (found.place, found.column) == (None, None)
    assert word in found.reason
    assert features.place(column.type) == (None, found.reason)


def test_a_value_without_a_text_or_vector_is_missing_and_counted_with_its_reason() -> None:
    """The cell alone is left out."""
    years = pa.array([0, 2**60, None], pa.timestamp("s")).dictionary_encode()
    found = features.convert(years)
    assert found.column is not None
    assert found.column.to_pylist() == ["1970-01-01T00:00:00Z", None, None]
    assert list(found.left_out.values()) == [1]
    found = features.convert(pa.array([[1.0, None], [2.0], None, [None]]))
    assert found.column is not None
    assert found.column.to_pylist() == [None, [2.0], None, None]
    assert found.left_out == {"a vector with a missing element": 2}


@pytest.mark.parametrize(
    ("values", "kind", "rounded"),
    [
        ([2**53, -(2**53), 0, None], pa.int64(), 0),
        ([2**53 + 1, -(2**53) - 1, 0, None], pa.int64(), 2),
        ([-(2**63), 2**63 - 1], pa.int64(), 2),
        ([2**64 - 1, 2**53, None], pa.uint64(), 1),
        ([None], pa.uint64(), 0),
        ([], pa.int64(), 0),
    ],
)
def test_integers_that_are_rounded_are_counted(values: list[int | None], kind: pa.DataType, rounded: int) -> None:
    """Float64 holds integers up to 2^53."""
    assert features.convert(pa.array(values, kind)).rounded == rounded


def travelled(column: pa.Array) -> tuple[pa.Array, pa.Field]:
    """A column as a process receives it that has never heard of pandas."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([pa.field("x", column.type)])) as writer:
        writer.write_table(pa.table({"x": column}))
    for name in ("pandas.interval", "pandas.period"):
        pa.unregister_extension_type(name)
    try:
        table = pa.ipc.open_stream(sink.getvalue()).read_all()
    finally:
        from pandas.core.arrays.arrow.extension_types import ArrowIntervalType, ArrowPeriodType

        pa.register_extension_type(ArrowIntervalType(pa.int64(), "left"))
        pa.register_extension_type(ArrowPeriodType("D"))
    return table.column(0).chunk(0), table.schema.field(0)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pandas(pd.cut(pd.Series([1, 2]), [0, 1, 2.5])), ["(0, 1]", "(1, 2.5]"]),
        (pandas(pd.interval_range(0, 1)), ["(0, 1]"]),
        (pandas(pd.period_range("2026", periods=1, freq="M")), ["2026-01"]),
        (category(pd.period_range("2026", periods=1, freq="M")), ["2026-01"]),
    ],
)
def test_extension_types_are_told_by_their_field_where_they_are_not_known(column: pa.Array, values: list[str]) -> None:
    """The same column has the same values with and without pandas in the process."""
    received, field = travelled(column)
    found = features.convert(received, field)
    assert found.column is not None
    assert (found.place, found.column.to_pylist()) == ("categorical", values)
    assert features.place(field).place == "categorical"


@pytest.mark.parametrize("name", ["pandas.interval", "pandas.period", "arrow.bool8", "arrow.uuid", "other", "\ufffd"])
@pytest.mark.parametrize("parameters", [b"", b"{", b"[]", b"[" * 100_000, b'{"freq": ["M"], "closed": 3}', b"\xff"])
def test_a_field_that_lies_about_its_extension_costs_nothing(name: str, parameters: bytes) -> None:
    """What is said of a type by anyone is believed where the values are of that kind."""
    metadata = {"ARROW:extension:name": name, "ARROW:extension:metadata": parameters}
    for column, values in ((pa.array([1.5]), [1.5]), (pa.array(["a"]), ["a"]), (pa.array([3], pa.int32()), [3.0])):
        found = features.convert(column, pa.field("x", column.type, metadata=metadata))
        assert found.column is not None
        assert found.column.to_pylist() == values
    odd = pa.array([{"left": [1], "right": {}}], pa.struct([("left", pa.list_(pa.int8())), ("right", pa.struct([]))]))
    assert features.convert(odd, pa.field("x", odd.type, metadata=metadata)).place is None


def page() -> list[str]:
    """The table of `docs/conventions.md`, made from the module."""
    lines = ["| Arrow | pandas | polars | NumPy | place | becomes, or why not |", "|---|---|---|---|---|---|"]
    for kind in features.KINDS:
        cells = (kind.arrow, kind.pandas, kind.polars, kind.numpy, kind.place or "none", kind.becomes)
        lines.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    return lines


def test_the_page_of_the_conventions_is_made_from_the_table() -> None:
    """Every type that the module tells apart is in the docs, in its words."""
    text = CONVENTIONS.read_text()
    assert "\n".join(page()) in text, "put this into docs/conventions.md:\n" + "\n".join(page())
