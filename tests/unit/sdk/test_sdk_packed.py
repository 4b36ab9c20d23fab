"""Packed calls say what the same calls say as objects, and whatever has no place in bytes stays an object."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext

from modelspan._observer import Observer, Options
from modelspan._runtime import Runtime
from modelspan._settings import Settings
from modelspan.capture.answers import Answer as Several
from modelspan.capture.inputs import row_of
from modelspan.capture.outputs import Output
from modelspan.records.call import Call, Stream
from modelspan.records.encode import encode, encode_packed
from modelspan.records.packed import MOST_OF_A_SHAPE, Packer
from modelspan.records.unpacked import Rows
from modelspan.telemetry.histograms import Buckets, Series
from modelspan.telemetry.metrics import BOUNDARIES, Metrics

STREAM = Stream("m", "1", "primary")
TRACED = SpanContext(2**127 + 1, 2**63 + 1, False)
OBSERVER = Observer(Options(model="m", redact={"secret": "drop"}))
OBSERVER._bind(Runtime(Settings()))

INTEGERS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.fixed_dictionaries(
    {
        "age": st.none() | st.floats(allow_nan=False) | st.integers(-(2**50), 2**50),
        "count": st.none() | INTEGERS,
        "city": st.none() | st.text(max_size=5),
        "member": st.none() | st.booleans(),
        "secret": st.text(max_size=3),
    }
)
RESULTS = st.floats(allow_nan=False) | st.builds(
    Output,
    st.none() | st.floats(allow_nan=False),
    st.none() | st.text(max_size=5),
    st.none() | st.just({"a": 0.25}),
    st.none(),  # answers of several parts stay objects
)


def unheard(*_features: object) -> None:
    """Nobody learns the signature here."""


def call_of(row: dict[str, Any], result: Any = 0.5, tags: dict[str, str] | None = None, context: Any = TRACED) -> Call:
    """A call that has ended, as an observer leaves it."""
    call = Call(OBSERVER, STREAM, 1_700_000_000_000_000_000, 42)
    call.names, call.values, call.floats, call.left_out = row_of(row)
    call.result, call.duration, call.context, call.kept, call.tags = result, 0.001, context, True, tags or {}
    return call


def rows_of(records: Any) -> list[dict[str, Any]]:
    """All rows of records; a column that is not there is missing in every row."""
    tables = [pa.ipc.open_stream(record.body).read_all().to_pylist() for record in records]
    return [{name: value for name, value in row.items() if value is not None} for table in tables for row in table]


def packed(packer: Packer, calls: Sequence[Call]) -> list[dict[str, Any]]:
    waiting = [packer.pack(call) for call in calls]
    rows = [row for row in waiting if isinstance(row, bytes)]
    assert len(rows) == len(calls)
    groups = [Rows(layout, group) for layout, group in packer.groups(rows)]
    return [row for group in groups for row in rows_of(encode_packed(group, unheard))]


def in_any_order(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in an order of their own, whole numbers as floats: widening changes their type."""
    plain = [{name: float(v) if isinstance(v, int) else v for name, v in row.items()} for row in rows]
    return sorted(map(repr, (sorted(row.items()) for row in plain)))


@given(st.lists(st.tuples(ROWS, RESULTS, st.sampled_from([{}, {"t": "é"}]), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_packed_calls_read_the_same(drawn: list[Any]) -> None:
    """Numbers, texts, flags, missing values, results, scores, tags and trace ids are those of the objects."""
    calls = [
        call_of(row, result, tags, TRACED if traced else INVALID_SPAN_CONTEXT) for row, result, tags, traced in drawn
    ]
    assert in_any_order(packed(Packer(), calls)) == in_any_order(rows_of(encode(calls, unheard)))


def test_missing_and_widened_cells_share_a_record() -> None:
    """A feature that is missing now and then, or whole in some calls, does not scatter rows over many records."""
    packer = Packer()
    for _ in range(2):
        rows = [packer.pack(call_of({"a": a, "b": b})) for a in (None, 1, 1.5) for b in (None, 2, 2.5)]
    layouts = list(packer.groups(row for row in rows if isinstance(row, bytes)))
    assert [len(group) for _, group in layouts] == [9]


@pytest.mark.parametrize(
    "change",
    [
        lambda call: setattr(call, "ids", "own"),
        lambda call: setattr(call, "error_type", "ValueError"),
        lambda call: setattr(call, "first_item", 0.1),
        lambda call: setattr(call, "attributions", {"a": 1.0}),
        lambda call: setattr(call, "result", Output(answer=Several("multilabel", ("a",)))),
        lambda call: setattr(call, "values", (2**63,)),
        lambda call: setattr(call, "values", ("\ud800",)),
        lambda call: setattr(call, "values", (datetime.date(2026, 1, 1),)),
    ],
    ids=["own id", "failed", "streamed", "explained", "several", "beyond 64 bits", "surrogate", "date"],
)
def test_what_stays_an_object(change: Callable[[Call], None]) -> None:
    """A call with anything that has no place among the cells is handed back as it is."""
    call = call_of({"a": 1})
    change(call)
    assert Packer().pack(call) is call


def test_layouts_are_bounded() -> None:
    """Features that change their type with every call fill no memory: beyond some layouts, calls stay objects."""
    packer = Packer()
    values = [[1.0, "x", True][at // 3**place % 3] for at in range(81) for place in range(4)]
    rows = [dict(zip("abcd", values[at : at + 4], strict=True)) for at in range(0, 324, 4)]
    kept = [packer.pack(call_of(row)) for row in rows]
    assert len({row[:4] for row in kept if isinstance(row, bytes)}) == MOST_OF_A_SHAPE
    assert any(isinstance(row, Call) for row in kept)


def test_packed_calls_are_nothing_to_the_garbage_collector() -> None:
    """However many packed calls wait, the collector has no object more to visit."""
    packer = Packer()
    waiting = [packer.pack(call_of({"a": float(number), "b": "x"})) for number in range(1000)]
    assert not any(gc.is_tracked(row) for row in waiting)


@given(st.lists(st.tuples(ROWS, RESULTS), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_calls_are_counted_alike_and_without_the_encoder(drawn: list[Any]) -> None:
    """Packed or objects, kept or not, calls make the same counts, with nothing encoded."""
    calls = [call_of(row, result) for row, result in drawn]
    counted = [Metrics(Buckets(BOUNDARIES)) for _ in range(2)]
    counted[0].observe(calls)
    packer = Packer()
    for layout, group in packer.groups([row for call in calls if isinstance(row := packer.pack(call), bytes)]):
        counted[1].observe_packed(Rows(layout, group))
    objects, rows = ((each.predictions, each.labels, histograms(each)) for each in counted)
    assert rows == objects
    assert objects[0].total() == len(calls)


def histograms(counted: Metrics) -> dict[Any, list[int]]:
    """The counts of each bucket of each series that has any."""
    assert isinstance(counted._sink, Buckets)
    return {key: series.counts for key, series in counted._sink.collect(reset=False).items() if any(series.counts)}


@pytest.mark.parametrize("made", [list, np.array], ids=["a list", "an array"])
@pytest.mark.parametrize("many", [2, 200])
def test_a_sum_beyond_what_a_number_can_hold_is_infinite(made: Callable[[list[float]], Any], many: int) -> None:
    """Of many values as of few: nothing is said on standard error, and nothing is lost; both infinities have no sum."""
    series = Series([1.0], [0, 0])
    series.add(made([9e307] * many))
    assert (series.total, series.counts) == (float("inf"), [0, many])
    series.add(made([float("-inf"), float("inf")] * (many // 2)))
    assert (str(series.total), series.counts) == ("nan", [many // 2, many + many // 2])
