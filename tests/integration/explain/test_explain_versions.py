"""Two versions' reasons are compared also where their features differ, and the command tells them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.results import Window
from modelspan_cli.commands.compare import _show_reasons
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NUMBERS = pa.map_(pa.string(), pa.float64())
ROWS = 300
WINDOW = Window(START, START + HOUR)


def serve(store: Store, version: str, slopes: dict[str, float], *, logged: bool = True) -> None:
    """A linear version's predictions with labels and its own attributions."""
    features = np.random.default_rng(3).normal(size=(ROWS, len(slopes)))
    given = features * list(slopes.values())
    pairs = [[list(zip(slopes, row, strict=True)) for row in block.tolist()] for block in (features, given)]
    when = pa.array([START + HOUR * (i / ROWS) for i in range(ROWS)], pa.timestamp("ns", "UTC"))
    ids = [f"{version}-{i}" for i in range(ROWS)]
    table = {
        "model": ["price"] * ROWS,
        "version": [version] * ROWS,
        "timestamp": when,
        "prediction_id": ids,
        "value": 10 + given.sum(axis=1),
        "numeric_features": pa.array(pairs[0], NUMBERS),
    }
    if logged:
        table["attributions"] = pa.array(pairs[1], NUMBERS)
    store.insert("predictions", pa.table(table))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, "value": 10.5 + given.sum(axis=1)}))


def test_reasons_of_versions_with_other_features(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A gained and a lost feature are named, ranks and shares are each version's own, shared features keep order."""
    serve(store, "1", {"area": 4.0, "age": -2.0, "rooms": 1.0})
    serve(store, "2", {"area": 40.0, "age": -20.0, "school": 60.0})
    reasons = compare(store, "price", "1", "2", WINDOW, PerformanceSettings()).reasons
    assert reasons is not None
    assert (reasons.gained, reasons.lost) == (("school",), ("rooms",))
    found = {one.feature: one for one in reasons.features}
    assert [found[name].champion_rank for name in ("area", "age", "rooms", "school")] == [1, 2, 3, None]
    assert [found[name].challenger_rank for name in ("area", "age", "rooms", "school")] == [2, 3, None, 1]
    assert found["school"].challenger_share == pytest.approx(0.5, abs=0.03)
    assert sum(one.champion_share or 0 for one in reasons.features) == pytest.approx(1)
    assert found["age"].champion_direction == found["age"].challenger_direction == "lowers the prediction"
    assert reasons.shared_ndcg == pytest.approx(1.0)
    assert reasons.ndcg < 0.9
    _show_reasons(reasons, argparse.Namespace(champion="1", challenger="2", top=3))
    told = capsys.readouterr().out
    assert "not used" in told
    assert "Gained: school." in told
    assert "Lost: rooms." in told


def test_versions_without_attributions_have_no_reasons_to_compare(store: Store) -> None:
    """The rest of the comparison stays."""
    serve(store, "1", {"area": 4.0, "age": -2.0})
    serve(store, "3", {"area": 4.0, "age": -2.0}, logged=False)
    compared = compare(store, "price", "1", "3", WINDOW, PerformanceSettings())
    assert compared.reasons is None
    assert compared.measures
