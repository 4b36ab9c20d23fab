"""Metrics of one's own over answers of several parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 60
OUTPUTS = pa.map_(pa.string(), pa.list_(pa.float64()))
CONFIG = """
models:
- model: shelf
  metrics:
  - {name: shown, expression: avg(length(items))}
  - {name: tea, expression: "countIf(has(items, 'tea')) / count()"}
  - {name: demand, expression: "avg(output('demand'))"}
  - {name: steps, expression: "max(length(outputs['demand']))"}
"""


def test_items_and_numbers_are_read_by_metrics(store: Store) -> None:
    """A row without a number has none, and is in no mean of it."""
    items = [["tea", "cup"] if row % 3 else ["cup"] for row in range(ROWS)]
    outputs = [[("demand", [float(row), 2.0])] if row % 2 else [] for row in range(ROWS)]
    table = {"model": ["shelf"] * ROWS, "version": ["1"] * ROWS, "prediction_id": [str(row) for row in range(ROWS)]}
    stamps = pa.array([START] * ROWS, pa.timestamp("ns", "UTC"))
    parts = {"shape": ["ranking"] * ROWS, "items": items, "outputs": pa.array(outputs, OUTPUTS)}
    store.insert("predictions", pa.table({**table, "timestamp": stamps, **parts}))
    found = Runner(store, parse(CONFIG)).run_window("shelf", "1", WINDOW)
    values = {one.metric: one.value for one in found if one.signal == "metrics"}
    expected = {"shown": 5 / 3, "tea": 2 / 3, "demand": sum(range(1, ROWS, 2)) / 30, "steps": 2.0}
    assert values == pytest.approx(expected)
