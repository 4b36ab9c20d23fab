"""modelspan's part of the analyzer benchmark; every step is a process of its own, for its own peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from modelspan_analyzer import baselines
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.feature_maps import feature_maps
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.data_drift import data_drift
from modelspan_analyzer.monitors.data_quality import data_quality
from modelspan_analyzer.results import Window
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

BLOCK = 100_000
START = datetime(2026, 1, 5, tzinfo=timezone.utc)
WINDOW = Window(START, START + timedelta(days=7))
SHORTER = {
    "hour": Window(START + timedelta(days=3, hours=5), START + timedelta(days=3, hours=6)),
    "day": Window(START + timedelta(days=3), START + timedelta(days=4)),
    "odd_days": Window(START + timedelta(hours=5), START + timedelta(days=4, hours=17)),
}
"""Windows beside the week, all from its sketches; the odd one takes whole days and the hours around them."""
FIVE = ("psi", "jensen_shannon_distance", "kolmogorov_smirnov", "wasserstein_distance", "chi_squared")


def fill(store: Store, folder: Path, rows: int) -> dict[str, float]:
    """Make the reference the baseline, and the current sample a week of predictions, repeated up to `rows`."""
    reference = parquet.read_table(folder / "reference.parquet")
    baselines.set_from_table(store, "bench", "1", reference, source="benchmark")
    current = parquet.read_table(folder / "current.parquet")
    step = int(7 * 86400e9 / rows)
    began = time.perf_counter()
    for start in range(0, rows, BLOCK):
        place = start % current.num_rows
        part = current.slice(place, min(BLOCK, rows - start))
        size = part.num_rows
        stamps = int(START.timestamp()) * 10**9 + (np.arange(size) + start) * step
        identity = {"model": ["bench"] * size, "version": ["1"] * size}
        times = pa.array(stamps).cast(pa.timestamp("ns", "UTC"))
        ids = [f"{start}-{row}" for row in range(size)]
        store.insert(
            "predictions", pa.table({**identity, "timestamp": times, "prediction_id": ids, **feature_maps(part)})
        )
    return {"rows": rows, "seconds": time.perf_counter() - began}


def exact(store: Store, _: Path, __: int) -> dict[str, float]:
    """PSI, Jensen-Shannon, Kolmogorov-Smirnov, Wasserstein and chi-squared of all features, from both samples' rows."""
    return timed(lambda: data_drift(context(store, {"data_drift": {"exact": True, "measures": FIVE}})), 3)


def sketches(store: Store, _: Path, __: int) -> dict[str, float]:
    """The same, and data quality of all features, from sketches: of the week, and of shorter windows."""
    settings = {"data_drift": {"measures": FIVE}}
    answer = timed(lambda: drift_and_quality(context(store, settings)), 7)
    for name, window in SHORTER.items():
        shorter = timed(lambda window=window: drift_and_quality(context(store, settings, window)), 7)
        answer[f"{name}_seconds"] = shorter["seconds"]
    return answer


def drift_and_quality(given: MonitorContext) -> list[Any]:
    """Both monitors of the window's inputs."""
    return [*data_drift(given), *data_quality(given)]


def context(store: Store, settings: dict[str, Any], window: Window = WINDOW) -> MonitorContext:
    """A fresh look at a window."""
    baseline = baselines.active(store, "bench", "1")
    return MonitorContext(store, "bench", "1", window, baseline, ModelSettings.model_validate(settings))


def timed(work: Callable[[], list[Any]], repeats: int) -> dict[str, float]:
    """The first run, which also reads the baseline, and the best of some more."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        results = work()
        seconds.append(time.perf_counter() - began)
    return {"first_seconds": seconds[0], "seconds": min(seconds), "results": len(results)}


STEPS = {"fill": fill, "exact": exact, "sketches": sketches}

if __name__ == "__main__":
    name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    opened = connect(f"chdb://{folder / f'store-{rows}'}")
    if name == "fill":
        schema.apply(opened)
    answer = STEPS[name](opened, folder, rows)
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer))
