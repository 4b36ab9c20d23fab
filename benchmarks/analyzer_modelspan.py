"""modelspan's part of the analyzer benchmark; every step is a process of its own, for its own peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.quality.monitor import data_quality
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Window
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.sketches import QUIET, condense

BLOCK = 100_000
START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=7))
SHORTER = {
    "hour": Window(START + timedelta(days=3, hours=5), START + timedelta(days=3, hours=6)),
    "day": Window(START + timedelta(days=3), START + timedelta(days=4)),
    "odd_days": Window(START + timedelta(hours=5), START + timedelta(days=4, hours=17)),
}
"""Windows beside the week, all from its sketches; the odd one takes whole days and the hours around them."""
_STAGED = """
CREATE TABLE benchmark_rows ENGINE = MergeTree ORDER BY place AS
SELECT toUInt64(0) AS place, numeric_features, categorical_features, null_features, embeddings FROM predictions LIMIT 0
"""
_COPY = """
INSERT INTO predictions
    (model, version, timestamp, prediction_id, numeric_features, categorical_features, null_features)
SELECT 'bench', '1', {origin:DateTime64(9, 'UTC')} + toIntervalNanosecond(number * {step:UInt64}), toString(number),
       numeric_features, categorical_features, null_features
FROM (SELECT *, place - {first:UInt64} + {start:UInt64} AS number FROM benchmark_rows
      WHERE place >= {first:UInt64} AND place < {first:UInt64} + {size:UInt64})
SETTINGS max_threads = 1, min_insert_block_size_rows = 200000, min_insert_block_size_bytes = 0
"""
FIVE = ("psi", "jensen_shannon_distance", "kolmogorov_smirnov", "wasserstein_distance", "chi_squared")


def fill(store: Store, folder: Path, rows: int) -> dict[str, float]:
    """Make the reference the baseline, and the current sample a week of predictions, repeated up to `rows`.

    The sample is turned into maps once; the store then copies it, block by block, so that many rows take no longer
    than the views that keep the sketches need.
    """
    reference = parquet.read_table(folder / "reference.parquet")
    baselines.set_from_table(store, "bench", "1", reference, source="benchmark")
    current = parquet.read_table(folder / "current.parquet")
    store.command(_STAGED)
    for start in range(0, current.num_rows, BLOCK):
        part = current.slice(start, BLOCK)
        places = pa.array(np.arange(start, start + part.num_rows, dtype=np.uint64))
        store.insert("benchmark_rows", pa.table({"place": places, **feature_maps(part)}))
    step = int(7 * 86400e9 / rows)
    began = time.perf_counter()
    for start in range(0, rows, BLOCK):
        first = start % current.num_rows
        size = min(BLOCK, rows - start, current.num_rows - first)
        store.command(_COPY, {"first": first, "size": size, "start": start, "step": step, "origin": START})
    seconds = time.perf_counter() - began
    store.command("DROP TABLE benchmark_rows")
    condense(store, datetime.now(UTC) + QUIET + timedelta(minutes=1))  # as the analyzer does once inserts end
    return {"rows": rows, "seconds": seconds}


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
    """The first run, which also reads the baseline, with the peak memory until its end; and the best of some more."""
    seconds, peaks = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        results = work()
        seconds.append(time.perf_counter() - began)
        peaks.append(peak_mb())
    return {
        "first_seconds": seconds[0],
        "seconds": min(seconds),
        "results": len(results),
        "peak_mb": peaks[0],
        "last_peak_mb": peaks[-1],
    }


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


STEPS = {"fill": fill, "exact": exact, "sketches": sketches}

if __name__ == "__main__":
    name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    start = peak_mb()  # with everything imported, before the store is opened and any data read
    opened = connect(f"chdb://{folder / f'store-{rows}'}")
    if name == "fill":
        schema.apply(opened)
    answer = STEPS[name](opened, folder, rows)
    print(json.dumps({"peak_mb": peak_mb(), **answer, "start_mb": start}))
