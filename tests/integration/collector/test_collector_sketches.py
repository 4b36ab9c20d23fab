"""Sketches that the collector makes of columns are those that views make of the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from test_collector_columns import NOW, Column, numbers, prediction_columns, quantities, rows_of, running

from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments

__all__ = ["running"]
HOUR = 3600 * 10**9
KEYS = ("tag.region", "tag.plan", "feature.a", "feature.b", "feature.wild")
SUMS = ("weight", "nans", "infinite", "zero", "negative", "total", "squares")
SKETCHES = f"""
SELECT segment, source, kind, feature, toUnixTimestamp({{time}}) AS time,
    isNaN(weight_class) ? '' : toString(weight_class) AS class,
    sum(s.rows) AS rows, {", ".join(f"sum(s.{name}) AS {name}" for name in SUMS)},
    min(s.minimum) AS minimum, max(s.maximum) AS maximum, max(s.newest) AS newest,
    arraySort(groupArrayArray(arrayMap(point -> point.1, s.points))) AS points,
    sum(arraySum(arrayMap(point -> point.2, s.points))) AS point_weight,
    uniqHLL12Merge(s.distinct) AS distinct, arraySort(approx_top_kMerge(64, 256)(s.top)) AS top
FROM {{table}} AS s WHERE model = {{{{model:String}}}}
GROUP BY ALL ORDER BY ALL
"""


def sketches(store: Store, model: str, table: str = "feature_profiles") -> list[dict[str, Any]]:
    time = "hour" if table == "feature_profiles" else "day"
    return store.rows(SKETCHES.format(table=table, time=time), {"model": model})


def by_views(store: Store, model: str) -> str:
    """Insert a model's rows again, as another writer's, of whose rows views make sketches."""
    other = f"{model} by views"
    store.command(
        "INSERT INTO predictions SELECT * REPLACE ({other:String} AS model, false AS sketched)"
        " FROM (SELECT * FROM predictions WHERE model = {model:String})",
        {"other": other, "model": model},
    )
    return other


def assert_same(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Equal in all but the order in which sums were added."""
    told = ("segment", "source", "kind", "feature", "time", "class", "rows")
    assert [[row[name] for name in told] for row in ours] == [[row[name] for name in told] for row in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert {name: one[name] for name in ("minimum", "maximum", "newest", "points", "distinct", "top")} == {
            name: other[name] for name in ("minimum", "maximum", "newest", "points", "distinct", "top")
        }, one
        for name in (*SUMS, "point_weight"):
            assert one[name] == pytest.approx(other[name], rel=1e-9, nan_ok=True), (name, one)


def weights(rows: int) -> st.SearchStrategy[Column]:
    known = st.none() | st.sampled_from([1.0, 2.5, 0.0, -3.0, 1e-12, 0.123, 0.1249, 123_456.0, 1e300, math.nan])
    return rows_of(known, rows).map(lambda values: Column(pa.array(values, pa.float64()), None))


@st.composite
def streams(draw: st.DrawFn, model: str) -> pa.Table:
    """Rows of a few hours and days, of a few names, so that several streams are of the same."""
    rows = draw(st.integers(1, 5))
    chosen: dict[str, st.SearchStrategy[Column]] = prediction_columns(rows)
    chosen |= {"value": quantities(rows), "score.no": quantities(rows), "sample_weight": weights(rows)}
    names = draw(st.lists(st.sampled_from(sorted(chosen)), unique=True, max_size=8))
    hours = draw(rows_of(st.sampled_from([0, 1, 2, 30]), rows))
    return pa.table({
        "timestamp": pa.array([NOW - hour * HOUR for hour in hours], pa.timestamp("ns", "UTC")),
        "prediction_id": draw(rows_of(st.sampled_from(["a", "b", "c"]), rows)),
        **{name: draw(chosen[name]).values for name in names},
    }).replace_schema_metadata({
        "modelspan.schema": "1", "modelspan.model.name": model,
        "modelspan.model.version": draw(st.sampled_from(["1", "2"])),
    })  # fmt: skip


def send(collector: Collector, tables: list[pa.Table]) -> None:
    request = ExportLogsServiceRequest()
    for table in tables:
        request.MergeFrom(event("modelspan.predictions", arrow(table)))
    export(collector.grpc_port, LOGS, request.SerializeToString())
    collector.flush()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_sketches_of_columns_are_those_of_rows(running: tuple[Collector, Store], data: st.DataObject) -> None:
    """Of every type, with values missing, of any weight and hour, and from any number of streams in one insert: of all
    rows, and of those with each value of a tag, a category and a number.
    """
    collector, store = running
    keep_segments(store, KEYS)
    model = f"m{next(numbers)}"
    send(collector, data.draw(st.lists(streams(model), min_size=1, max_size=3)))
    other = by_views(store, model)
    for table in ("feature_profiles", "feature_profile_days"):
        assert_same(sketches(store, model, table), sketches(store, other, table))


def wild(rows: int) -> npt.NDArray[np.float64]:
    """Values that break sketches: an atom, heavy tails, both infinities, both zeros."""
    rng = np.random.default_rng(3)
    values = np.where(rng.random(rows) < 0.3, 0.0, rng.standard_cauchy(rows))
    values[:6] = [math.inf, -math.inf, -math.inf, -0.0, 1e300, -1e-300]
    return values


@pytest.mark.parametrize("hours", [1, 150])
def test_large_sketches_have_the_same_points(running: tuple[Collector, Store], hours: int) -> None:
    """Of more values than a sketch keeps, and of so many groups that most have few."""
    collector, store = running
    keep_segments(store, ("tag.city", "feature.city", "feature.dice") if hours == 1 else ("tag.city",))
    model, rows = f"m{next(numbers)}", 3_000
    rng = np.random.default_rng(5)
    columns: dict[str, Callable[[], Any]] = {
        "feature.wild": lambda: wild(rows),
        "feature.dice": lambda: pa.array(rng.integers(1, 7, rows), mask=rng.random(rows) < 0.1),
        "feature.city": lambda: pa.array(rng.choice(["", "Oslo", "Rome"], rows)).dictionary_encode(),
        "tag.city": lambda: pa.array(rng.choice(["Oslo", "Rome"], rows), mask=rng.random(rows) < 0.1),
        "feature.id": lambda: pa.array([f"id {number}" for number in rng.integers(0, 300, rows)]),
        "score.yes": lambda: rng.random(rows),
        "sample_weight": lambda: rng.choice([1.0, 10.0, 1e300], rows, p=[0.5, 0.49, 0.01]),
    }
    table = pa.table({
        "timestamp": pa.array(NOW - rng.integers(0, hours, rows) * HOUR, pa.timestamp("ns", "UTC")),
        "prediction_id": [f"{model} {row}" for row in range(rows)],
        **{name: make() for name, make in columns.items()},
    }).replace_schema_metadata({"modelspan.schema": "1", "modelspan.model.name": model})  # fmt: skip
    send(collector, [table])
    ours, theirs = sketches(store, model), sketches(store, by_views(store, model))
    for sketch in (each for each in (*ours, *theirs) if each["feature"] == "id"):
        sketch["top"] = []  # of more than 256 different ones the counters depend on the order
    for sketch in (each for each in theirs if each["feature"] == "wild"):
        sketch["distinct"] = next(each["distinct"] for each in ours if key(each) == key(sketch))  # of two zeros
    assert_same(ours, theirs)


def key(sketch: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sketch[name] for name in ("segment", "source", "kind", "feature", "time", "class"))


SLICED = """
SELECT segment, toUInt64(sum(rows)) AS n FROM feature_profiles
WHERE model = {model:String} AND kind = 'rows' AND segment != '' GROUP BY segment ORDER BY segment
"""


def sliced(store: Store, model: str) -> dict[str, int]:
    """The rows of each segment that has sketches."""
    return {row["segment"]: row["n"] for row in store.rows(SLICED, {"model": model})}


def of_cities(model: str, cities: list[str | None]) -> pa.Table:
    return pa.table({
        "timestamp": pa.array([NOW] * len(cities), pa.timestamp("ns", "UTC")),
        "prediction_id": [f"{model} {next(numbers)}" for _ in cities],
        "feature.age": np.arange(len(cities), dtype=float),
        "tag.city": pa.array(cities, pa.string()),
    }).replace_schema_metadata({"modelspan.schema": "1", "modelspan.model.name": model})  # fmt: skip


def test_a_key_counts_from_the_insert_after_it_and_as_long_as_it_is_kept(running: tuple[Collector, Store]) -> None:
    """What came before has no sketches of it, and neither has what comes once it is no longer configured."""
    collector, store = running
    model = f"m{next(numbers)}"
    for keys in ((), ("tag.city",), ("tag.city", "feature.age"), ("feature.age",)):
        keep_segments(store, keys)
        send(collector, [of_cities(model, ["Oslo", "", None, "Rome", "Oslo"])])
    assert sliced(store, model) == {
        **{f"feature.age={age}": 2 for age in range(5)}, "tag.city=Oslo": 4, "tag.city=Rome": 2,
    }  # fmt: skip


def test_views_of_an_earlier_version_give_way_before_records_bring_their_own(running: tuple[Collector, Store]) -> None:
    """They sketch records too: no row is sketched by both, whatever comes while they are there."""
    collector, store = running
    model = f"m{next(numbers)}"
    keep_segments(store, ("tag.city",))
    made = (
        "SELECT name, create_table_query AS ddl FROM system.tables WHERE database = currentDatabase() AND comment != ''"
    )
    for view in store.rows(made):
        store.command(f"DROP VIEW {view['name']}")
        earlier = view["ddl"].replace(" COMMENT 'tag.city'", "").replace(".unsketched_predictions", ".predictions")
        store.command(earlier)
    schema.apply(store)
    send(collector, [of_cities(model, ["Oslo"])])
    assert sliced(store, model) == {"tag.city=Oslo": 1}
    keep_segments(store, ("tag.city",))
    send(collector, [of_cities(model, ["Oslo"])])
    assert sliced(store, model) == {"tag.city=Oslo": 2}
    assert sliced(store, by_views(store, model)) == {"tag.city=Oslo": 2}


def test_a_key_with_too_many_values_costs_its_own_sketches_alone(running: tuple[Collector, Store]) -> None:
    """As where it is an id: what is sketched at one time fits into memory, and it is said whose slices are not."""
    collector, store = running
    model, rows = f"m{next(numbers)}", 70_000
    keep_segments(store, ("tag.city", "feature.age"))
    send(collector, [of_cities(model, ["Oslo"] * rows)])
    assert sliced(store, model) == {"tag.city=Oslo": rows}
    said = "SELECT column_name, sum(count) AS n FROM ingest_errors WHERE model = {model:String} GROUP BY ALL"
    assert store.rows(said, {"model": model}) == [{"column_name": "feature.age", "n": rows}]
