"""`preset:` decides as the other product would: its measure, its threshold, and nothing else alarms."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.profiles.binning import numeric_edges
from modelspan_analyzer.reading.profiles.profile import Support
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.verdicts.presets import nannyml_rule
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
Predict = Callable[..., None]


def look(store: Store, model: str, preset: str) -> dict[tuple[str, str], Result]:
    """The window's results, by measure and feature."""
    settings = ModelSettings.model_validate({"data_drift": {"preset": preset}})
    window = Window(START, START + HOUR)
    context = MonitorContext(store, model, "1", window, baselines.active(store, model, "1"), settings)
    return {(result.metric, result.feature): result for result in data_drift(context)}


def deciding(found: dict[tuple[str, str], Result]) -> dict[str, str]:
    """The one measure with a reason, by feature."""
    return {
        feature: metric
        for (metric, feature), result in found.items()
        if result.verdict is not Verdict.NOT_COMPARED and result.reason
    }


def rows(seed: int, count: int, shift: float = 0.0) -> dict[str, Any]:
    """A number, one with two values, and a category."""
    rng = np.random.default_rng(seed)
    return {
        "age": rng.normal(40, 10, count) + 10 * shift,
        "member": (rng.random(count) < 0.3 + 0.1 * shift).astype(float),
        "plan": rng.choice(["free", "basic", "pro"], count, p=[0.5, 0.3, 0.2]),
    }


def test_evidently_tests_small_baselines_and_measures_large_ones(shared_store: Store, predict: Predict) -> None:
    """Up to 1,000 rows p-values decide; above, distances, with the threshold for its natural logarithm."""
    for count in (1000, 1001):
        table = pa.table(rows(1, count))
        baselines.set_from_table(shared_store, f"evidently-{count}", "1", table, source="test")
        predict(f"evidently-{count}", pa.table(rows(2, 2000, 0.15)), START)
    small = look(shared_store, "evidently-1000", "evidently")
    assert deciding(small) == {"age": "kolmogorov_smirnov", "member": "chi_squared", "plan": "chi_squared"}
    members = [int(rows(*one)["member"].sum()) for one in ((1, 1000), (2, 2000, 0.15))]
    table = [[members[0], 1000 - members[0]], [members[1], 2000 - members[1]]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert small["chi_squared", "member"].p_value == pytest.approx(expected, rel=1e-9)
    assert small["kolmogorov_smirnov", "age"].verdict is Verdict.ALARM
    large = look(shared_store, "evidently-1001", "evidently")
    assert deciding(large) == {
        "age": "normalized_wasserstein_distance",
        "member": "jensen_shannon_distance",
        "plan": "jensen_shannon_distance",
    }
    assert large["jensen_shannon_distance", "plan"].threshold == pytest.approx(0.1 / math.sqrt(math.log(2)))
    assert large["normalized_wasserstein_distance", "age"].verdict is Verdict.ALARM


def test_azure_has_one_measure_for_numbers_and_one_for_categories(shared_store: Store, predict: Predict) -> None:
    """Normalised Wasserstein and Jensen-Shannon, above 0.1."""
    baselines.set_from_table(shared_store, "azure", "1", pa.table(rows(1, 2000)), source="test")
    predict("azure", pa.table(rows(2, 2000, 0.3)), START)
    found = look(shared_store, "azure", "azure")
    assert deciding(found)["age"] == "normalized_wasserstein_distance"
    assert deciding(found)["plan"] == "jensen_shannon_distance"
    alarms = {key for key, result in found.items() if result.verdict is Verdict.ALARM}
    assert alarms == {("normalized_wasserstein_distance", "age")}


def test_nannyml_learns_from_ten_chunks_of_the_baseline(shared_store: Store, predict: Predict) -> None:
    """The threshold is the mean and three standard deviations of consecutive tenths of the baseline's rows."""
    before = rows(1, 2000)
    predict("nannyml", pa.table(before), START - HOUR)
    predict("nannyml", pa.table(rows(2, 2000, 0.6)), START)
    baselines.set_from_window(shared_store, "nannyml", "1", Window(START - HOUR, START))
    found = look(shared_store, "nannyml", "nannyml")
    assert set(deciding(found).values()) == {"jensen_shannon_distance"}
    edges = numeric_edges(Support(np.sort(before["age"])))
    chunks = [np.bincount(np.searchsorted(edges, part), minlength=10) for part in np.split(before["age"], 10)]
    expected = nannyml_rule([jensen_shannon_distance(np.sum(chunks, axis=0), chunk) for chunk in chunks]).threshold
    assert found["jensen_shannon_distance", "age"].threshold == pytest.approx(expected, rel=0.02)
    assert found["jensen_shannon_distance", "age"].verdict is Verdict.ALARM
    assert found["jensen_shannon_distance", "plan"].verdict is Verdict.OK


def test_nannyml_chunks_rows_without_time_by_chance(shared_store: Store, predict: Predict) -> None:
    """Training data has no times: ten draws of it are the chunks; of one row no threshold can be learnt."""
    baselines.set_from_table(shared_store, "training", "1", pa.table(rows(1, 2000)), source="test")
    predict("training", pa.table(rows(2, 2000)), START)
    found = look(shared_store, "training", "nannyml")
    threshold = found["jensen_shannon_distance", "age"].threshold
    assert threshold is not None
    assert 0.03 < threshold < 0.2
    baselines.set_from_table(shared_store, "one-row", "1", pa.table(rows(1, 1)), source="test")
    predict("one-row", pa.table(rows(2, 200)), START)
    assert {one.verdict for one in look(shared_store, "one-row", "nannyml").values()} == {Verdict.NOT_ENOUGH_DATA}
