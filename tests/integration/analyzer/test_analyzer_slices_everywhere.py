"""Quality, answers and latency in slices: a fault of one slice is found in it, by values that NumPy confirms, and calm
windows stay calm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.output_slices import prediction_slices
from modelspan_analyzer.monitors.latency.monitor import latency
from modelspan_analyzer.monitors.quality.slices import quality_slices
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 4, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 1200
HEAVY = "slice.heavy=weight > 30 AND carrier = 'post'"
SETTINGS = """
models:
- model: parcels
  segments: [tag.depot]
  slices: {heavy: "weight > 30 AND carrier = 'post'"}
"""
Rows = dict[str, np.ndarray]
Fault = Callable[[Rows, np.ndarray], None]


def parcels(seed: int, fault: Fault | None = None) -> Rows:
    """Days until delivery, of which a fault may hit the heavy parcels of one carrier."""
    rng = np.random.default_rng([77, seed])
    rows = {
        "weight": rng.gamma(4, 6, ROWS),
        "carrier": rng.choice(["post", "bike", "rail"], ROWS),
        "distance": np.round(rng.lognormal(4, 1, ROWS)),
        "depot": rng.choice(["a", "b"], ROWS),
        "answer": rng.normal(5, 1, ROWS),
        "seconds": rng.lognormal(-4, 0.3, ROWS),
        "missing": rng.random(ROWS) < 0.02,
    }
    if fault is not None:
        fault(rows, heavy(rows))
    return rows


def heavy(rows: Rows) -> np.ndarray:
    return (rows["weight"] > 30) & (rows["carrier"] == "post")


def insert(store: Store, hour: int, rows: Rows) -> Window:
    """One hour of predictions."""
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    stamps = [window.start + row * (HOUR / ROWS) for row in range(ROWS)]
    numbers: list[list[tuple[str, float]]] = [[("weight", weight)] for weight in rows["weight"]]
    for row in np.flatnonzero(~rows["missing"]):
        numbers[row].append(("distance", rows["distance"][row]))
    texts = pa.map_(pa.string(), pa.string())
    store.insert(
        "predictions",
        pa.table({
            "model": ["parcels"] * ROWS, "version": ["1"] * ROWS,
            "prediction_id": [f"{hour}-{at}" for at in range(ROWS)],
            "timestamp": pa.array(stamps, pa.timestamp("ns", "UTC")),
            "value": rows["answer"], "duration": rows["seconds"],
            "tags": pa.array([[("depot", one)] for one in rows["depot"]], texts),
            "categorical_features": pa.array([[("carrier", one)] for one in rows["carrier"]], texts),
            "numeric_features": pa.array(numbers, pa.map_(pa.string(), pa.float64())),
        }),
    )  # fmt: skip
    return window


def look(store: Store, window: Window, monitor: Any, *, keep: bool = False) -> dict[tuple[str, str, str], Result]:
    """What a monitor says of a window, by metric, feature and slice."""
    found = baselines.active(store, "parcels", "1")
    results = monitor(MonitorContext(store, "parcels", "1", window, found, parse(SETTINGS).for_model("parcels", "1")))
    if keep:
        write_results(store, results, "run")
    return {(one.metric, one.feature, one.segment): one for one in results}


@pytest.fixture
def calm(store: Store) -> Store:
    """With a baseline of two hours."""
    for hour in (0, 1):
        insert(store, hour, parcels(hour))
    baselines.set_from_window(store, "parcels", "1", Window(START, START + 2 * HOUR))
    return store


def alarms(found: dict[tuple[str, str, str], Result]) -> set[tuple[str, str]]:
    return {(metric, segment) for (metric, _, segment), one in found.items() if one.verdict is Verdict.ALARM}


def lost(rows: Rows, here: np.ndarray) -> None:
    rows["missing"] |= here & (np.arange(ROWS) % 2 == 0)


def gone(rows: Rows, here: np.ndarray) -> None:
    rows["missing"] |= here


def later(rows: Rows, here: np.ndarray) -> None:
    rows["answer"][here] += 3.0


def slower(rows: Rows, here: np.ndarray) -> None:
    rows["seconds"][here] *= 4.0


def test_what_is_missing_in_a_slice_alarms_there_alone(calm: Store) -> None:
    """The share is that of the slice's rows, and other slices are calm."""
    rows = parcels(9, lost)
    found = look(calm, insert(calm, 9, rows), quality_slices)
    here = heavy(rows)
    assert alarms(found) == {("null_rate", HEAVY)}
    one = found["null_rate", "distance", HEAVY]
    assert one.value == pytest.approx(rows["missing"][here].mean(), rel=1e-9)
    assert one.n == here.sum()
    other = found["null_rate", "distance", "tag.depot=a"]
    assert other.value == pytest.approx(rows["missing"][rows["depot"] == "a"].mean(), rel=1e-9)


def test_a_feature_that_a_slice_no_longer_has_is_missing_in_all_of_it(calm: Store) -> None:
    """Though no row of the slice names it any more."""
    found = look(calm, insert(calm, 9, parcels(9, gone)), quality_slices)
    one = found["null_rate", "distance", HEAVY]
    assert (one.value, one.verdict) == (1.0, Verdict.ALARM)


def test_answers_that_moved_in_a_slice_alarm_there_alone(calm: Store) -> None:
    """By as much as they moved."""
    rows = parcels(9, later)
    window = insert(calm, 9, rows)
    found = look(calm, window, prediction_slices)
    assert alarms(found) == {("psi", HEAVY)}
    shift = found["wasserstein_distance", "value", HEAVY]
    assert shift.value == pytest.approx(3.0, abs=0.5)
    assert shift.n == heavy(rows).sum()


def test_a_slice_that_got_slow_alarms_beside_its_own_past(calm: Store) -> None:
    """Its quantile is within the half percent of its sketch, and the whole is as ever."""
    for hour in range(2, 8):
        assert alarms(look(calm, insert(calm, hour, parcels(hour)), latency, keep=True)) == set()
    rows = parcels(9, slower)
    found = look(calm, insert(calm, 8, rows), latency)
    slow = {segment for metric, segment in alarms(found) if metric == "p50"}
    assert slow == {HEAVY}
    expected = np.quantile(rows["seconds"][heavy(rows)], 0.5, method="inverted_cdf")
    assert found["p50", "", HEAVY].value == pytest.approx(expected, rel=0.05)
    assert found["p50", "", ""].verdict is Verdict.OK


def test_a_slice_that_the_baseline_lacks_is_not_compared(calm: Store) -> None:
    """A depot that opened since is unlike nothing."""
    rows = parcels(9)
    rows["depot"] = np.where(np.arange(ROWS) < 400, "new", rows["depot"])
    window = insert(calm, 9, rows)
    for monitor in (quality_slices, prediction_slices):
        found = [one for key, one in look(calm, window, monitor).items() if key[2] == "tag.depot=new"]
        assert {one.verdict for one in found} == {Verdict.NOT_COMPARED}, monitor
        assert all("tag.depot=new" in one.reason for one in found)


def test_calm_windows_stay_calm_in_every_slice(calm: Store) -> None:
    """Before all monitors are judged together: 12 windows of three slices, of which some hold some hundred rows."""
    for hour in range(10, 22):
        window = insert(calm, hour, parcels(hour))
        for monitor in (quality_slices, prediction_slices, latency):
            assert alarms(look(calm, window, monitor, keep=True)) == set(), (hour, monitor)


def test_they_are_rows_like_all_others_and_make_one_incident_of_the_slice(calm: Store) -> None:
    """Through the runner: each signal's slice stands beside its whole, and none of them was looked at twice."""
    window = insert(calm, 9, parcels(9, lost))
    Runner(calm, parse(SETTINGS)).run_window("parcels", "1", window)
    rows = calm.rows(
        "SELECT signal, monitor, uniqExact(segment) AS slices, count() AS n, "
        "uniqExact(metric, feature, segment) AS keys FROM monitor_results FINAL "
        "WHERE segment LIKE 'slice.%' OR segment LIKE 'tag.%' GROUP BY signal, monitor"
    )
    assert {(row["signal"], row["monitor"]) for row in rows} >= {
        ("data_drift", "data_drift"), ("data_quality", "quality_slices"), ("prediction_drift", "prediction_drift")
    }  # fmt: skip
    assert all(row["n"] == row["keys"] for row in rows)
    assert {row["slices"] for row in rows if row["signal"] in ("data_quality", "prediction_drift", "latency")} == {3}
