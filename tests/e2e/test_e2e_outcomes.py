"""The proof of the monitors of outcomes: three faults in a replay of adult, each found by its own monitor alone.

A gradient-boosted model is trained here, serves the rest of adult in time order, and its labels come in. One hour has a
label shift, one a permuted feature, one a group whose recall was degraded; the hours between are as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.monitor import estimation
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading.baselines import Baseline, set_from_window
from modelspan_analyzer.results import Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 3000
NUMERIC = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORICAL = ("workclass", "marital-status", "occupation", "relationship", "race", "sex")
SETTINGS = ModelSettings(fairness=FairnessSettings(facets=("sex", "race")))
MONITORS = (performance, estimation, concept, fairness)
PERMUTED = "education-num"


class Adult:
    """Adult as arrays, and a model of it."""

    def __init__(self, path: Path) -> None:
        table = csv.read_csv(path)
        order = np.random.default_rng(0).permutation(table.num_rows)
        self.numbers = np.column_stack([table[name].to_numpy() for name in NUMERIC]).astype(float)[order]
        texts = [[text.strip() for text in table[name].to_pylist()] for name in CATEGORICAL]
        self.texts = np.array(texts, dtype=object).T[order]
        self.truth = np.array([int(">50K" in v) for v in table["income_bin"].to_pylist()])[order]
        self.codes = OrdinalEncoder().fit(self.texts)
        self.model = HistGradientBoostingClassifier(
            categorical_features=np.arange(len(NUMERIC), len(NUMERIC) + len(CATEGORICAL)), max_iter=60, random_state=0
        ).fit(self.matrix(np.arange(14_000)), self.truth[:14_000])

    def matrix(self, rows: np.ndarray, numbers: np.ndarray | None = None) -> np.ndarray:
        """What the model sees of some rows."""
        seen = self.numbers[rows] if numbers is None else numbers
        return np.column_stack([seen, self.codes.transform(self.texts[rows])])


def serve(
    store: Store, adult: Adult, hour: int, rows: np.ndarray, *, permute: str = "", threshold: Callable | None = None
) -> None:
    """An hour of predictions with their labels."""
    numbers = adult.numbers[rows].copy()
    if permute:
        at = NUMERIC.index(permute)
        numbers[:, at] = np.random.default_rng(1).permutation(numbers[:, at])
    score = adult.model.predict_proba(adult.matrix(rows, numbers))[:, 1]
    limit = np.full(len(rows), 0.5) if threshold is None else threshold(adult.texts[rows])
    ids = [f"h{hour}-{i}" for i in range(len(rows))]
    when = pa.array([START + HOUR * (hour + i / len(rows)) for i in range(len(rows))], pa.timestamp("ns", "UTC"))
    store.insert(
        "predictions",
        pa.table(
            {
                "model": ["income"] * len(rows),
                "version": ["1"] * len(rows),
                "timestamp": when,
                "prediction_id": ids,
                "value": score,
                "label": (score >= limit).astype(int).astype(str),
                "numeric_features": pa.array(
                    [list(zip(NUMERIC, row, strict=True)) for row in numbers.tolist()],
                    pa.map_(pa.string(), pa.float64()),
                ),
                "categorical_features": pa.array(
                    [list(zip(CATEGORICAL, row, strict=True)) for row in adult.texts[rows].tolist()],
                    pa.map_(pa.string(), pa.string()),
                ),
            }
        ),
    )
    labels = {"prediction_id": ids, "timestamp": when, "label": adult.truth[rows].astype(str)}
    store.insert("labels", pa.table(labels))


def alarms(store: Store, baseline: Baseline, hour: int) -> list[tuple[str, str, str, str]]:
    """What every monitor of outcomes alarms on in an hour."""
    window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
    context = MonitorContext(store, "income", "1", window, baseline, SETTINGS)
    results = [result for monitor in MONITORS for result in monitor(context)]
    assert len(results) > 60
    return [(r.signal, r.metric, r.feature, r.segment) for r in results if r.verdict is Verdict.ALARM]


@pytest.fixture(scope="module")
def adult(shared_data: Path) -> Adult:
    """The data and the trained model."""
    return Adult(shared_data / "adult.csv")


def test_each_fault_is_found_by_its_own_monitor_alone(store: Store, adult: Adult) -> None:
    """Quiet hours are quiet; label shift, the permuted feature and the degraded group are each named, no more."""
    generator = np.random.default_rng(5)
    serve(store, adult, 0, np.arange(14_000, 20_000))
    baseline = set_from_window(store, "income", "1", Window(START, START + HOUR))
    live = np.arange(20_000, 32_000)
    serve(store, adult, 1, live[:ROWS])
    chance = np.where(adult.truth[live] == 1, 1.6, 1.0)
    serve(store, adult, 2, generator.choice(live, ROWS, replace=False, p=chance / chance.sum()))
    serve(store, adult, 3, live[ROWS : 2 * ROWS])
    serve(store, adult, 4, live[2 * ROWS : 3 * ROWS], permute=PERMUTED)
    sex = CATEGORICAL.index("sex")
    serve(store, adult, 5, live[3 * ROWS :], threshold=lambda texts: np.where(texts[:, sex] == "Female", 0.8, 0.5))
    found = {hour: alarms(store, baseline, hour) for hour in range(1, 6)}
    assert found == {
        1: [],
        2: [("concept", "label_shift", "", "")],
        3: [],
        # The model is the worse for it, too.
        4: [("performance", "balanced_accuracy", "", ""), ("concept", "concept_drift", PERMUTED, "")],
        5: [
            # Whoever is recognised less is also selected less: the same group, by the same monitor.
            ("fairness", "disparate_impact", "sex", "sex=Female"),
            ("fairness", "recall_difference", "sex", "sex=Female"),
        ],
    }
