"""Sketches against the rows that they stand for."""

from __future__ import annotations

import itertools
import re
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.quality.columns import share_equal
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles.from_rows import profile_rows
from modelspan_analyzer.reading.profiles.from_sketches import RANK_ERROR, profile_sketches
from modelspan_analyzer.reading.profiles.profile import Column, Support
from modelspan_analyzer.reading.profiles.values import layout, load_numbers, load_supports
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.segments import restricted
from modelspan_analyzer.results import Verdict, Window
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments
from modelspan_collector.store.sketches import condense

PAGE = Path(__file__).resolve().parents[3] / "docs" / "analyzer" / "sketches.md"
START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 57_600
HOURS = 72


def columns() -> dict[str, npt.NDArray[np.float64]]:
    """Distributions that break sketches: heavy tails, atoms, few values, large offsets, values in order."""
    rng = np.random.default_rng(7)
    return {
        "normal": rng.normal(size=ROWS),
        "cauchy": rng.standard_cauchy(ROWS),
        "dice": rng.integers(1, 7, ROWS).astype(float),
        "atom": np.where(rng.random(ROWS) < 0.6, 0.0, rng.exponential(size=ROWS)),
        "epoch": 1.7e9 + rng.random(ROWS) * 60,
        "sorted": np.arange(ROWS, dtype=float),
    }


def store_rows(store: Store, table: pa.Table, **extra: pa.Array) -> None:
    """Insert the rows in blocks of uneven size, spread over three days."""
    rows = table.num_rows
    stamps = int(START.timestamp()) * 10**9 + np.arange(rows) * (HOURS * 3600 * 10**9 // rows)
    whole = pa.table(
        {
            "model": ["m"] * rows,
            "version": ["1"] * rows,
            "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"p{row}" for row in range(rows)],
            **feature_maps(table),
            **extra,
        }
    )
    cuts = [0, 10, 1_000, 9_000, 30_000, rows]
    for begin, end in itertools.pairwise(cuts):
        store.insert("predictions", whole.slice(begin, end - begin))


def test_rank_error_is_within_the_stated_one(store: Store) -> None:
    """Every quantile of every sketched distribution is within half a percent of its rank, whatever the window."""
    assert RANK_ERROR <= 0.005
    store_rows(store, pa.table(columns()))
    for first, hours in ((0, 72), (5, 60), (30, 1), (2, 20), (20, 30)):
        window = Window(START + timedelta(hours=first), START + timedelta(hours=first + hours))
        sketched = profile_sketches(store, "m", "1", window)
        assert sketched.rows == ROWS * hours // HOURS
        rows = window_relation("m", "1", window)
        for name, support in load_supports(store, rows, list(columns()), layout(store, rows)).items():
            assert rank_error(sketched.features[name], support) <= RANK_ERROR + 1 / support.values.size, (window, name)


def test_many_small_inserts_leave_small_sketches(store: Store) -> None:
    """However many inserts filled an hour, it keeps a few hundred points within the stated error, and its counts."""
    inserts, each = 60, 100
    values = np.random.default_rng(5).lognormal(size=inserts * each)
    table = pa.table(
        {
            "model": ["m"] * values.size,
            "version": ["1"] * values.size,
            "timestamp": pa.array(np.full(values.size, int(START.timestamp()) * 10**9)).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"p{row}" for row in range(values.size)],
            **feature_maps(pa.table({"amount": values})),
        }
    )
    for begin in range(0, values.size, each):
        store.insert("predictions", table.slice(begin, each))
    store.command("OPTIMIZE TABLE feature_profiles FINAL")
    store.command("OPTIMIZE TABLE feature_profile_days FINAL")
    held = "SELECT arraySort(groupArray(length(points))) FROM feature_profiles WHERE source = 'feature'"
    assert store.scalar(held) == [values.size]
    others = (
        "SELECT * EXCEPT (points, distinct, top), finalizeAggregation(distinct) FROM feature_profiles ORDER BY source"
    )
    before = store.rows(others)
    assert condense(store, datetime.now(UTC)) == 0, "what still grows is left alone until it is large"
    assert condense(store, datetime.now(UTC) + timedelta(minutes=11)) == 2, "the hour's and the day's"
    assert store.scalar(held) == [400]
    assert store.rows(others) == before
    for hours in (1, 24):
        profile = profile_sketches(store, "m", "1", Window(START, START + timedelta(hours=hours)))
        assert rank_error(profile.features["amount"], Support(np.sort(values))) <= RANK_ERROR


def rank_error(column: Column, exact: Support) -> float:
    """The greatest difference of the two distribution functions, at the points of both."""
    assert column.numbers is not None and column.numbers.support is not None
    sketch = column.numbers.support.values
    points = np.unique(np.concatenate([sketch, exact.values[:: max(1, exact.values.size // 500)]]))
    estimated = np.searchsorted(sketch, points, side="right") / sketch.size
    true = np.searchsorted(exact.values, points, side="right") / exact.values.size
    return float(np.abs(estimated - true).max())


def test_counts_and_moments_equal_those_of_the_rows(store: Store) -> None:
    """What needs no sketch is exact: counts of missing, zero and negative values, range, mean, deviation."""
    rng = np.random.default_rng(3)
    numbers = pa.array(rng.normal(2, 3, 5000), mask=rng.random(5000) < 0.1)
    texts = pa.array(rng.choice(["a", "b", "c"], 5000), mask=rng.random(5000) < 0.2)
    store_rows(store, pa.table({"number": numbers, "text": texts}))
    window = Window(START, START + timedelta(hours=HOURS))
    sketched, exact = profile_sketches(store, "m", "1", window), profile_rows(store, window_relation("m", "1", window))
    for name in ("number", "text"):
        assert (sketched.features[name].null, sketched.features[name].n) == (
            exact.features[name].null,
            exact.features[name].n,
        )
    before, after = exact.features["number"].numbers, sketched.features["number"].numbers
    assert before is not None and after is not None
    for field in ("n", "count", "nan", "zero", "negative", "minimum", "maximum"):
        assert getattr(after, field) == getattr(before, field), field
    assert (after.mean, after.std) == pytest.approx((before.mean, before.std), rel=1e-9)
    assert sketched.features["text"].texts == exact.features["text"].texts
    assert sketched.distinct_ids == pytest.approx(5000, rel=0.06)


def test_rare_categories_are_an_honest_other(store: Store) -> None:
    """Of more categories than a sketch counts, the frequent ones are right and the rest is `other`, in sum."""
    rng = np.random.default_rng(5)
    common = rng.choice(["x", "y"], 20_000)
    rare = np.array([f"id-{number}" for number in range(20_000)])
    store_rows(store, pa.table({"code": np.where(rng.random(20_000) < 0.5, common, rare)}))
    texts = profile_sketches(store, "m", "1", Window(START, START + timedelta(hours=HOURS))).features["code"].texts
    assert texts is not None
    assert sum(texts.counts.values()) + texts.other == pytest.approx(20_000)
    assert texts.counts["x"] == pytest.approx(5_000, rel=0.05)
    assert texts.other > 8_000


def test_sample_weights_count(store: Store) -> None:
    """A row that stands for ten moves shares, quantiles and category counts as ten rows would."""
    weights = np.where(np.arange(10_000) % 2 == 0, 10.0, 1.0)
    values = np.where(np.arange(10_000) % 2 == 0, 1.0, 2.0)
    table = pa.table({"number": values, "text": np.where(values == 1, "a", "b")})
    store_rows(store, table, sample_weight=pa.array(weights))
    profile = profile_sketches(store, "m", "1", Window(START, START + timedelta(hours=HOURS)))
    assert (profile.rows, profile.weight) == (10_000, 55_000)
    numbers, texts = profile.features["number"].numbers, profile.features["text"].texts
    assert numbers is not None and texts is not None and numbers.support is not None
    assert numbers.mean == pytest.approx(60_000 / 55_000)
    assert texts.counts == pytest.approx({"a": 50_000, "b": 5_000})
    assert share_equal(numbers.support, 1.0) == pytest.approx(10 / 11, abs=RANK_ERROR)


def test_missing_and_infinite_values(store: Store) -> None:
    """NaN is a missing value, infinity is counted, and neither enters the distribution."""
    values = np.concatenate([np.full(100, np.nan), np.full(50, np.inf), np.arange(850.0)])
    store_rows(store, pa.table({"number": values}))
    column = profile_sketches(store, "m", "1", Window(START, START + timedelta(hours=HOURS))).features["number"]
    assert column.null == 100
    assert column.numbers is not None and column.numbers.support is not None
    assert (column.numbers.infinite, column.numbers.minimum, column.numbers.maximum) == (50, 0, 849)
    assert np.isfinite(column.numbers.support.values).all()


@pytest.mark.parametrize("name", ["plain", "constant", "wild"])
def test_values_are_the_same_by_place_and_by_name(store: Store, name: str) -> None:
    """Rows that are alike are read by place; asked for by name, the same rows give the same numbers."""
    rng = np.random.default_rng(4)
    wild = rng.normal(size=2_000)
    wild[:5] = [np.nan, np.inf, -np.inf, -np.inf, 0.0]
    columns = {"plain": rng.normal(size=2_000), "constant": np.ones(2_000), "wild": wild}
    names = list(columns)
    numbers = np.column_stack(list(columns.values()))
    maps = [list(zip(names, row, strict=True)) for row in numbers.tolist()]
    rows = pa.table(
        {
            "model": ["alike"] * 2_000,
            "timestamp": pa.array([START] * 2_000, pa.timestamp("ns", "UTC")),
            "prediction_id": [str(row) for row in range(2_000)],
            "sample_weight": [2.0] * 2_000,
            "numeric_features": pa.array(maps, pa.map_(pa.string(), pa.float64())),
        }
    )
    store.insert("predictions", rows)
    relation = window_relation("alike", "", Window(START, START + timedelta(hours=1)))
    found = layout(store, relation)
    assert found.alike and found.one_weight
    placed = load_numbers(store, relation, [name], found)[name]
    named = load_numbers(store, relation, [name], replace(found, alike=False))[name]
    assert placed.support is not None and named.support is not None
    np.testing.assert_array_equal(placed.support.values, named.support.values)
    assert astuple(replace(placed, support=None)) == pytest.approx(astuple(replace(named, support=None)))


def test_configured_segments_have_sketches_of_their_own(store: Store) -> None:
    """From the insert after a key is configured on, and until it no longer is; any key will do."""
    odd = "it's \\ odd"
    keys = ("tag.country", "feature.plan", f"tag.{odd}")
    keep_segments(store, keys)
    keep_segments(store, keys)  # what is there already stays
    rng = np.random.default_rng(11)
    countries, plans = rng.choice(["DE", "FR"], 6000), rng.choice(["free", "pro"], 6000)
    pairs = [[("country", str(country)), (odd, "x")] for country in countries]
    tags = pa.array(pairs, pa.map_(pa.string(), pa.string()))
    ages = pa.array(np.where(countries == "DE", 1.0, 2.0) + rng.normal(size=6000), mask=rng.random(6000) < 0.1)
    store_rows(store, pa.table({"age": ages, "plan": plans}), tags=tags)
    window = Window(START, START + timedelta(hours=HOURS))
    for key, value in (("tag.country", "DE"), ("feature.plan", "pro"), (f"tag.{odd}", "x")):
        rows = restricted(window_relation("m", "1", window), key, value)
        exact, sketched = profile_rows(store, rows), profile_sketches(store, "m", "1", window, f"{key}={value}")
        assert (sketched.rows, set(sketched.features)) == (exact.rows, {"age", "plan"})
        before, after = exact.features["age"], sketched.features["age"]
        assert after.numbers is not None and before.numbers is not None
        assert (after.null_n, after.numbers.n) == (before.null_n, before.numbers.n)
        assert after.numbers.mean == pytest.approx(before.numbers.mean)
        assert sketched.features["plan"].texts == exact.features["plan"].texts
    keep_segments(store, ("tag.country",))
    store_rows(store, pa.table({"age": pc.add(ages, 1.0), "plan": plans}), tags=tags)
    assert profile_sketches(store, "m", "1", window, "feature.plan=pro").rows == (plans == "pro").sum()
    assert profile_sketches(store, "m", "1", window, "tag.country=DE").rows == 2 * (countries == "DE").sum()
    assert profile_sketches(store, "m", "1", window).rows == 12_000


def test_a_large_slice_is_judged_from_its_sketches(store: Store) -> None:
    """The verdict on each slice is the same as from rows, and names how exact the sketches are."""
    rng = np.random.default_rng(13)
    plans = np.repeat(["free", "pro"], 21_000)
    before = pa.table({"age": rng.normal(size=42_000), "plan": plans})
    baseline = baselines.set_from_table(store, "m", "1", before, source="training data")
    keep_segments(store, ("feature.plan",))
    store_rows(store, pa.table({"age": rng.normal(size=42_000) + (plans == "pro"), "plan": plans}))
    window = Window(START, START + timedelta(hours=HOURS))
    found = {}
    for exact in (False, True):
        settings = ModelSettings.model_validate({"segments": ("feature.plan",), "data_drift": {"exact": exact}})
        results = slices(MonitorContext(store, "m", "1", window, baseline, settings))
        found[exact] = {(one.segment, one.metric): one for one in results if one.feature == "age"}
    verdicts = [{key: one.verdict for key, one in results.items()} for results in found.values()]
    assert verdicts[0] == verdicts[1]
    assert [one.segment for one in found[False].values() if one.verdict is Verdict.ALARM] == ["feature.plan=pro"]
    for (_, metric), one in found[False].items():
        exact_value = found[True][one.segment, metric].value
        assert one.lower is None or one.lower <= exact_value <= one.upper, metric
    assert found[False]["feature.plan=pro", "kolmogorov_smirnov"].details["rank_error"] > 0
    assert "rank_error" not in found[True]["feature.plan=pro", "kolmogorov_smirnov"].details


def test_the_page_s_query_reads_quantiles_from_sketches(store: Store) -> None:
    """The SQL of docs/analyzer/sketches.md gives the quantiles of the last day."""
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    values = np.random.default_rng(17).normal(50, 10, 5000)
    table = pa.table(
        {
            "model": ["churn"] * values.size,
            "version": ["1"] * values.size,
            "timestamp": pa.array([datetime.now(UTC)] * values.size, pa.timestamp("ns", "UTC")),
            "prediction_id": [f"p{row}" for row in range(values.size)],
            **feature_maps(pa.table({"age": values})),
        }
    )
    store.insert("predictions", table)
    (found,) = store.rows(query)
    assert (found["feature"], found["n"]) == ("age", pytest.approx(5000))
    assert found["q"] == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]), abs=0.3)
