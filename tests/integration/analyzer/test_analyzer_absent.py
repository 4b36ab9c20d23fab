"""A value is missing however that is said: named as missing, NaN, or left out, as on spans and in sparse rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NUMBERS, TEXTS = pa.map_(pa.string(), pa.float64()), pa.map_(pa.string(), pa.string())
SPELLINGS = ("named", "nan", "left out")


def features(rows: int, spelling: str) -> dict[str, pa.Array]:
    """A number and a text, missing in every fourth row, beside a number that always comes."""
    numbers: list[dict[str, float]] = []
    texts: list[dict[str, str]] = []
    named: list[list[str]] = []
    for row in range(rows):
        gone = row % 4 == 0
        number = {"age": float(row % 50)} if not gone else {"age": float("nan")} if spelling == "nan" else {}
        numbers.append({"visits": float(row % 7), **number})
        texts.append({} if gone else {"plan": ("free", "pro")[row % 2]})
        named.append([] if not gone or spelling == "left out" else ["plan"] if spelling == "nan" else ["age", "plan"])
    return {
        "numeric_features": pa.array([list(one.items()) for one in numbers], NUMBERS),
        "categorical_features": pa.array([list(one.items()) for one in texts], TEXTS),
        "null_features": pa.array(named, pa.list_(pa.string())),
    }


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("rows", "exact"), [(400, False), (400, True), (2400, False)])
def test_missing_is_missing_however_it_is_said(
    shared_store: Store, predict: Callable[..., None], spelling: str, rows: int, exact: bool
) -> None:
    """Rates and bins are the same for rows that are read, all values that are read, and sketches."""
    model = f"absent {spelling} {rows} {exact}"
    predict(model, pa.table({"unused": np.zeros(rows)}), START, **features(rows, spelling))
    full = pa.table({"age": np.arange(400.0) % 50, "visits": np.arange(400.0) % 7, "plan": ["free", "pro"] * 200})
    baseline = baselines.set_from_table(shared_store, model, "1", full, source="test")
    window = Window(START, START + timedelta(hours=1))
    settings = ModelSettings.model_validate({"data_drift": {"exact": exact}})
    context = MonitorContext(shared_store, model, "1", window, baseline, settings)
    rates = {one.feature: one.value for one in data_quality(context) if one.metric == "null_rate"}
    assert rates == {"age": 0.25, "plan": 0.25, "visits": 0.0}
    drifted = {one.feature: one for one in data_drift(context) if one.metric == "psi"}
    shares = {name: one.details["window"][one.details["bins"].index("(missing)")] for name, one in drifted.items()}
    assert shares == {"age": 0.25, "plan": 0.25, "visits": 0.0}
