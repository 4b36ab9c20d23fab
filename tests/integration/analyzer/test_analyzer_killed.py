"""An analyzer that is killed in the middle of its work, and the one that starts after it."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    assert "looked 5" in lines, "two windows were finished before the kill"
