"""An analyzer that is killed in the middle of its work, and the one that starts after it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.reading import abandoned
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)

# Fills a store with eight hours of predictions and looks at them; dies by SIGKILL when asked to, inside the third run.
CHILD = """
import os, signal, sys
from datetime import datetime, timedelta, timezone
import numpy as np, pyarrow as pa
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.runner import runner
from modelspan_analyzer.monitors.signal import Signal, Signals
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

folder, what = sys.argv[1:]
start = datetime(2026, 3, 2, tzinfo=timezone.utc)
store = connect(f"chdb://{folder}")
if what == "die":
    schema.apply(store)
    rows = 1600
    stamps = int(start.timestamp()) * 10**9 + np.arange(rows) * 18 * 10**9
    features = pa.table({"age": np.random.default_rng(1).normal(size=rows)})
    store.insert("predictions", pa.table({"model": ["m"] * rows, "version": ["1"] * rows,
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": [str(row) for row in range(rows)], **feature_maps(features)}))
seen = []
def watch(context):
    seen.append(context.window)
    if what == "die" and len(seen) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return data_drift(context)
signals = Signals.of(Signal("data_drift", "drift", run=watch))
config = MonitorsConfig.model_validate({"defaults": {"baseline": {"learn": 200}}})
runner.Runner(store, config, signals=signals).once(start + timedelta(hours=8, minutes=2))
for row in store.rows("SELECT window_start, outcome FROM monitor_runs FINAL WHERE monitor = '' ORDER BY 1"):
    print("run", row["window_start"], row["outcome"])
doubled = "SELECT 1 FROM monitor_results FINAL GROUP BY window_start, metric HAVING count() > 1"
twice = f"SELECT count() AS n FROM ({doubled})"
print("twice", store.scalar(twice))
print("looked", len(seen))
"""


def test_a_killed_analyzer_neither_skips_nor_repeats(tmp_path: Path) -> None:
    """Killed within its third window, restarted at once: every window is done, none of the finished is done again."""

    def analyze(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHILD, str(tmp_path / "store"), what]
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)

    killed = analyze("die")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    restarted = analyze("live")
    assert restarted.returncode == 0, restarted.stderr
    lines = restarted.stdout.splitlines()
    runs = [line.split(maxsplit=1)[1] for line in lines if line.startswith("run ")]
    expected = [START.replace(tzinfo=None) + timedelta(hours=hour) for hour in range(1, 8)]
    assert [run.rsplit(maxsplit=1)[0][:19] for run in runs] == [str(moment) for moment in expected]
    assert all(run.endswith("done") for run in runs)
    assert "twice 0" in lines
    assert "looked 6" in lines, "of the five that were left the newest is looked at first, and again"


# Sets a baseline in one of two ways; dies by SIGKILL when asked to, between its rows and its record.
SETTER = """
import os, signal, sys
from datetime import datetime, timedelta, timezone
import pyarrow as pa
from modelspan_analyzer.reading import abandoned, baselines
from modelspan_analyzer.results import Window
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

folder, how, what = sys.argv[1:]
start = datetime(2026, 3, 2, tzinfo=timezone.utc)
store = connect(f"chdb://{folder}")
schema.apply(store)
if what == "die":
    stamp = pa.array([start], pa.timestamp("ns", "UTC"))
    store.insert("predictions", pa.table(
        {"model": ["m"], "version": ["1"], "timestamp": stamp, "prediction_id": ["a"]}))
    insert = store.insert
    def dying(table, *given, **named):
        if table == "baselines":
            os.kill(os.getpid(), signal.SIGKILL)
        insert(table, *given, **named)
    store.insert = dying
print("left", store.scalar("SELECT count() FROM reference_predictions"))
if what == "start":
    abandoned.clear(store)
elif how == "window":
    baselines.set_from_window(store, "m", "1", Window(start, start + timedelta(hours=1)))
else:
    baselines.set_from_table(store, "m", "1", pa.table({"age": [1.0]}), source="a file")
print("kept", store.scalar("SELECT count() FROM reference_predictions"), len(baselines.listing(store, "m")))
"""


@pytest.mark.parametrize("how", ["window", "table"])
def test_what_a_killed_setting_of_a_baseline_left_is_cleared(tmp_path: Path, how: str) -> None:
    """Nobody reads rows of a baseline that was never recorded: the next setting removes them, and keeps its own."""

    def run(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SETTER, str(tmp_path / "store"), how, what]
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)

    assert run("die").returncode == -signal.SIGKILL
    again = run("live")
    assert again.stdout.split() == ["left", "1", "kept", "1", "1"], again.stderr
    if how == "window":
        assert run("die").returncode == -signal.SIGKILL
        started = run("start")
        assert started.stdout.split() == ["left", "2", "kept", "1", "1"], started.stderr


def test_a_baseline_that_is_being_set_is_nobodys_leftover(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not this process's own, nor, on a server, one that another process began within hours."""
    with abandoned.setting() as under_way:
        ids = {
            "under way": under_way,
            "of an earlier release": "0" * 12 + "4" + "0" * 19,
            "begun a second ago": f"{time.time_ns() // 10**6 - 1000:012x}7{'0' * 19}",
            "begun long ago": f"{time.time_ns() // 10**6 - 10**8:012x}7{'0' * 19}",
        }
        store.insert("reference_predictions", pa.table({"baseline_id": list(ids.values()), "model": ["m"] * 4}))
        monkeypatch.setattr(type(store), "embedded", property(lambda _: False))
        told = {name: abandoned._is_abandoned(store, {"baseline_id": one}) for name, one in ids.items()}
        assert [name for name, gone in told.items() if gone] == ["of an earlier release", "begun long ago"]
        monkeypatch.undo()
        assert abandoned.clear(store) == 3
        assert store.scalar("SELECT any(baseline_id) FROM reference_predictions") == under_way
