"""Robustness alarms on change: a model hangs on its features by nature; that it came to hang on one more is news."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.attribution.robustness import robustness
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 500
MODEL = """
import numpy as np
def score(frame):
    if frame["strict"].isna().any():
        raise ValueError("strict is required")
    return (frame["age"].fillna(0) * np.where(frame["age"] > 60, 4, 1) + frame["strict"]).to_numpy()
"""


def people(seed: int, age: float) -> pa.Table:
    """A feature of which the model makes more beyond 60, and one that it cannot do without."""
    rng = np.random.default_rng(seed)
    return pa.table({"age": rng.normal(age, 5, ROWS), "strict": rng.normal(size=ROWS)})


@pytest.fixture
def window(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """The module of the model, and the window looked at."""
    (tmp_path / "supplied_reliance.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Window(START, START + HOUR)
    sys.modules.pop("supplied_reliance", None)


def look(store: Store, window: Window, table: pa.Table, hour: int = 0) -> dict[tuple[str, str], Result]:
    """What the monitor says of an hour of these rows."""
    start = window.start + HOUR * hour
    stamps = pa.array([start] * ROWS, pa.timestamp("ns", "UTC"))
    ids = [f"{hour}-{row}" for row in range(ROWS)]
    names = {"model": ["m"] * ROWS, "version": ["1"] * ROWS, "timestamp": stamps, "prediction_id": ids}
    store.insert("predictions", pa.table({**names, **feature_maps(table)}))
    settings = ModelSettings.model_validate({"robustness": {"enabled": True, "model": "supplied_reliance:score"}})
    baseline = baselines.active(store, "m", "1")
    context = MonitorContext(store, "m", "1", Window(start, start + HOUR), baseline, settings)
    return {(result.metric, result.feature): result for result in robustness(context)}


def test_a_healthy_model_is_quiet_and_a_changed_reliance_alarms(store: Store, window: Window) -> None:
    """Windows like the baseline never alarm, however much the model hangs on a feature; older people make it steep."""
    baselines.set_from_table(store, "m", "1", people(0, 40), source="test")
    for hour in range(5):
        found = look(store, window, people(hour + 1, 40), hour)
        assert found["without_feature", "age"].value is not None
        assert found["without_feature", "age"].value > 1
        assert {key: r.verdict for key, r in found.items() if r.verdict is not Verdict.OK} == {
            ("without_feature", "strict"): Verdict.SKIPPED
        }
    steeper = look(store, window, people(9, 75), 5)["shifted_feature", "age"]
    assert steeper.verdict is Verdict.ALARM
    assert "on the baseline" in steeper.reason


def test_without_a_baseline_reliance_is_not_compared(store: Store, window: Window) -> None:
    """The values are there, and the reason says what is missing."""
    found = look(store, window, people(1, 40))
    assert found["shifted_feature", "age"].verdict is Verdict.NOT_COMPARED
    assert "modelspan baseline set" in found["shifted_feature", "age"].reason
