"""The detectors over the error stream, from the store, agree on when errors began and are quiet where none did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.monitors.concept.stream import HISTORY, change_points
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def serve(store: Store, model: str, wrong: np.ndarray) -> None:
    """Labelled predictions of five hours, wrong where told."""
    rows = len(wrong)
    when = pa.array([START + HOUR * (HISTORY * i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"{model}-{i}" for i in range(rows)]
    said = {"model": [model] * rows, "version": ["1"] * rows, "timestamp": when, "prediction_id": ids}
    store.insert("predictions", pa.table({**said, "label": wrong.astype(int).astype(str)}))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, "label": ["0"] * rows}))


def test_all_detectors_name_the_moment(store: Store) -> None:
    """Errors rise half an hour into the last hour: two tell within five minutes, DDM's slower sums within the hour."""
    generator = np.random.default_rng(0)
    rows = 20_000
    changed = START + HOUR * (HISTORY - 0.5)
    rate = np.where(np.arange(rows) >= rows * (HISTORY - 0.5) / HISTORY, 0.25, 0.1)
    serve(store, "risen", generator.random(rows) < rate)
    serve(store, "steady", generator.random(rows) < 0.1)
    window = Window(START + HOUR * (HISTORY - 1), START + HOUR * HISTORY)
    found = change_points(store, "risen", "1", window)
    assert set(found) == {"adwin", "ddm", "page_hinkley"}
    moments = {name: change.moment or START for name, change in found.items()}
    assert all(moment > changed - timedelta(minutes=2) for moment in moments.values())
    assert max(moments["adwin"], moments["page_hinkley"]) < changed + timedelta(minutes=5)
    for name in ("adwin", "page_hinkley"):
        assert found[name].before == pytest.approx(0.1, abs=0.01)
        assert found[name].after == pytest.approx(0.25, abs=0.03)
    steady = change_points(store, "steady", "1", window)
    assert {change.moment for change in steady.values()} == {None}
    assert {change.rows for change in steady.values()} == {rows}
    assert change_points(store, "nowhere", "1", window) == {}
