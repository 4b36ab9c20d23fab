"""What alarmed in one window says something in the next good one, whatever monitor it is of, so that incidents end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.governance.decisions import decide
from modelspan_analyzer.incidents import load_open, update
from modelspan_analyzer.monitors.latency.monitor import LATENCY
from modelspan_analyzer.monitors.quality.constraints import suggest, to_json
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.monitors_yaml import CONFIG
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 500
NUMBERS = pa.map_(pa.string(), pa.float64())
VECTORS = pa.map_(pa.string(), pa.list_(pa.float32()))
NEEDS_A_MODEL = {"robustness"}
"""Signals that are left out: they need a file of the model, and write the same rows in every window."""
STEPS_BACK = {"estimation"}
"""Here all labels are in: what was estimated of a window is no matter of alarm where the truth is known."""
OF_TWO_VERSIONS = {"experiments"}
"""Here is one version: that what they alarm of ends is told where experiments are tested."""
ALARMING = {
    "data_drift", "prediction_drift", "data_quality", "latency", "multivariate", "embedding", "poisoning",
    "performance", "concept", "fairness", "attribution", "metrics", "lifecycle",
}  # fmt: skip


def hour(number: int) -> Window:
    return Window(START + number * HOUR, START + (number + 1) * HOUR)


def send(store: Store, number: int, *, bad: bool = False) -> None:
    """An hour of a model that logs all that can be logged, with its labels; or of one in which all goes wrong."""
    rng = np.random.default_rng(number)
    rows = ROWS * (8 if bad else 1)
    x, y = rng.normal(size=rows), rng.normal(size=rows)
    sex = rng.choice(["f", "m"], rows)
    plan = rng.choice(["free", "pro", "team"], rows)
    score = 1 / (1 + np.exp(-2 * x))
    truth = rng.random(rows) < score
    features = {"x": x, "y": y + 0.7 * x, "z": rng.normal(size=rows), "plan": plan, "old": rng.gamma(2, size=rows)}
    if bad:
        score = np.where(sex == "f", 0.15, 0.4) + 0.3 * score
        truth = rng.random(rows) > score
        features["new"] = features.pop("old")
        features |= {"x": np.where(rng.random(rows) < 0.3, 50.0, x + 2), "z": np.full(rows, 3.0)}
        features["y"] = pa.array(-y, mask=rng.random(rows) < 0.5)
        features["plan"] = np.where(plan == "pro", "gold", plan)
        features = {name: pa.concat_arrays([pa.array(one)[: rows // 2]] * 2) for name, one in features.items()}
    stamps = int(hour(number).start.timestamp()) * 10**9 + np.arange(rows) * (2400 * 10**9 // rows)
    ids = [f"{number}-{row // (2 if bad else 1)}" for row in range(rows)]
    vectors = rng.normal(3.0 * bad, size=(rows, 4)).astype(np.float32)
    parts = (5.0, 0.1) if bad else (0.1, 5.0)
    columns = {
        "model": ["m"] * rows,
        "version": ["1"] * rows,
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": ids,
        "value": score,
        "label": np.where(score > 0.5, "1", "0"),
        "duration": rng.lognormal(-3 + 2 * bad, 0.3, rows),
        "error_type": np.where(rng.random(rows) < 0.3 * bad, "ValueError", ""),
        "tags": pa.array([[("sex", one)] for one in sex], pa.map_(pa.string(), pa.string())),
        "attributions": pa.array([[("x", parts[1]), ("y", parts[0])]] * rows, NUMBERS),
        **feature_maps(pa.table(features)),
        "embeddings": pa.array([[("text", list(one))] for one in vectors], VECTORS),
    }
    store.insert("predictions", pa.table(columns))
    known = {"prediction_id": ids, "model": ["m"] * rows, "label": np.where(truth, "1", "0")}
    store.insert("labels", pa.table({**known, "timestamp": columns["timestamp"]}))


def key(result: Result) -> tuple[str, str, str, str, str]:
    return (result.signal, result.metric, result.feature, result.segment, result.monitor)


def test_whatever_alarmed_is_measured_again_in_the_next_good_window_and_ends(store: Store, tmp_path: Path) -> None:
    """Every monitor is made to alarm; two good windows later no incident is open."""
    for number in range(8):
        send(store, number, bad=number == 5)
    for decision, number in (("approve", 4), ("candidate", 5), ("production", 6)):  # told within each hour
        decide(store, "m", "1", decision, reason="as it is", actor="ann", now=hour(number).start + HOUR / 60)
    reference = baselines.set_from_window(store, "m", "1", Window(START, START + 2 * HOUR))
    rules = tmp_path / "constraints.json"
    rules.write_text(to_json(suggest(baseline_profile(store, reference))))
    given = {
        "segments": ("tag.sex",),
        "fairness": {"facets": ("sex",)},
        "poisoning": {"verdict": "alarm"},
        "data_quality": {"constraints": str(rules), "max_age": 1400, "min_change": 0.01},
        "incidents": {"explain": 0},
        "metrics": ({"name": "mean_z", "expression": "avg(z)", "direction": "above", "threshold": 1.0},),
    }
    runner = Runner(store, CONFIG.model_validate({"defaults": given}))
    for number in (2, 3, 4):
        Runner(store, signals=Signals.of(LATENCY)).run_window("m", "1", hour(number))
    bad, good, again = (runner.run_window("m", "1", hour(number)) for number in (5, 6, 7))
    alarms = {key(result) for result in bad if result.verdict is Verdict.ALARM}
    assert {signal for signal, *_ in alarms} == ALARMING
    assert {*SIGNALS} == ALARMING | STEPS_BACK | NEEDS_A_MODEL | OF_TWO_VERSIONS, "a new signal is to alarm here too"
    unnamed = {metric for signal, metric, *_ in alarms if signal == DATA_QUALITY.name} - DATA_QUALITY.metrics.keys()
    assert unnamed == set(), "each has words of its own, for titles"
    said = {key(result): result for result in good}
    assert [one for one in sorted(alarms) if one not in said or said[one].verdict is not Verdict.OK] == []
    for number, results in ((5, bad), (6, good), (7, again)):
        update(store, results, hour(number).end, settings=lambda *_: IncidentSettings(explain=0))
        assert bool(load_open(store)) is (number < 7)
