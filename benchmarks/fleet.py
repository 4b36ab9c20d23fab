"""Whether the analyzer keeps up with a fleet: many models with short windows on the cores of this machine.

Predictions of every model are written window by window, and the analyzer looks each time that its schedule says, by a
clock that is driven: what a look takes is measured, and the next window's look begins that much later. So an hour of
300 models takes as long as the analyzer works, and no longer. A tenth of the models is silent after the first window.

    python benchmarks/fleet.py [--models 300] [--windows 3] [--rows 100] [--features 10] [--workers 2] [--json]

It prints whether it keeps up (a look takes less than the time between two), CPU and wall seconds of a window, how long
after it was due a model's newest window was done (median and largest), what a look without anything due takes, and
whether, of a model with a backlog, the newest window was done first.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
LENGTH, DELAY = timedelta(minutes=5), timedelta(minutes=1)
SILENT = 10
"""One model of so many falls silent."""
BACKLOG = 6
"""Windows that one model has before the others begin."""
CONFIG = """
version: 1
workers: {workers}
defaults:
  window: {{size: 5m}}
  schedule: {{every: 5m, delay: 1m}}
  baseline: {{learn: {rows}}}
"""


@dataclass
class Found:
    """What a run showed."""

    models: int
    windows: int
    """Looked at after the warm-up."""
    keeps_up: bool
    look_seconds: float
    """Of the longest look; the next one begins after 300."""
    cpu_seconds_a_window: float
    wall_seconds_a_window: float
    lag_p50: float
    """Seconds from when a newest window was due until it was done."""
    lag_max: float
    newest_first: bool
    idle_look_cpu_seconds: float
    """Of a look with nothing due."""
    silent_window_cpu_ms: float
    """Of a window of a silence, where nothing else is due."""


class Fleet:
    """The store, the analyzer, and the clock that is driven."""

    def __init__(self, store: Store, models: int, rows: int, features: int, workers: int) -> None:
        self.store, self.rows, self.features = store, rows, features
        self.models = [f"model-{number:04}" for number in range(models)]
        self.rng = np.random.default_rng(1)
        self._began = time.perf_counter()
        self._at = START
        config: MonitorsConfig = parse(CONFIG.format(workers=workers, rows=rows))
        self.runner = Runner(store, config, respond=Responder(store, config), clock=self.now)

    def now(self) -> datetime:
        """Driven from look to look, and going on during one as the wall's does."""
        return self._at + timedelta(seconds=time.perf_counter() - self._began)

    def predict(self, models: list[str], start: datetime) -> None:
        """A window's predictions of some models."""
        n = self.rows * len(models)
        offsets = np.tile(np.linspace(0, LENGTH.total_seconds() * 1e9 - 1, self.rows).astype(np.int64), len(models))
        columns = {f"x{place}": self.rng.normal(place, 1, n) for place in range(self.features - 2)}
        columns |= {f"c{place}": self.rng.choice(["a", "b", "c"], n) for place in range(2)}
        self.store.insert(
            "predictions",
            pa.table(
                {
                    "model": np.repeat(models, self.rows),
                    "version": ["1"] * n,
                    "timestamp": pa.array(int(start.timestamp()) * 10**9 + offsets).cast(pa.timestamp("ns", "UTC")),
                    "prediction_id": [f"{start:%H%M}-{row}" for row in range(n)],
                    "value": self.rng.random(n),
                    **feature_maps(pa.table(columns)),
                }
            ),
        )

    def look(self, at: datetime) -> tuple[float, float, int]:
        """Wall and CPU seconds of a look, and the windows that it looked at."""
        self._at, self._began = at, time.perf_counter()
        cpu = time.process_time()
        results = self.runner.once(at)
        looked = {(one.model, one.window) for one in results}
        return time.perf_counter() - self._began, time.process_time() - cpu, len(looked)

    def lags(self, end: datetime) -> list[float]:
        """Seconds from when a window was due until it was done, by model."""
        sql = "SELECT min(ended) AS done FROM monitor_runs WHERE monitor = '' AND outcome = 'done' AND window_end = "
        rows = self.store.rows(sql + "{end:DateTime64(9)} GROUP BY model, version", {"end": end})
        return [(row["done"].replace(tzinfo=UTC) - end - DELAY).total_seconds() for row in rows]

    def newest_first(self, model: str) -> bool:
        """Whether the newest window of a model with a backlog was done before the others."""
        sql = "SELECT window_end, min(ended) AS done FROM monitor_runs WHERE monitor = '' AND outcome = 'done'"
        rows = self.store.rows(
            f"{sql} AND model = {{model:String}} GROUP BY window_end ORDER BY done", {"model": model}
        )
        return bool(rows) and rows[0]["window_end"] == max(row["window_end"] for row in rows)


def run(models: int, windows: int, rows: int, features: int, workers: int) -> Found:
    """Write, look and measure."""
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        fleet = Fleet(store, models, rows, features, workers)
        live = [name for place, name in enumerate(fleet.models) if place % SILENT]
        for early in range(BACKLOG):
            fleet.predict(fleet.models[1:2], START + early * LENGTH)
        at = START + BACKLOG * LENGTH
        for _ in range(2):  # the first windows become baselines, and the next ones are compared
            fleet.predict(fleet.models, at)
            at += LENGTH
        fleet.look(at + DELAY)
        newest_first, looks, lags = fleet.newest_first(fleet.models[1]), [], []
        for _ in range(windows):
            fleet.predict(live, at)
            at += LENGTH
            looks.append(fleet.look(at + DELAY))
            lags += fleet.lags(at)
        idle = fleet.look(at + DELAY + timedelta(seconds=1))
        silent = [fleet.look(at + place * LENGTH + DELAY) for place in (1, 2, 3)][1:]
        store.close()
    wall, cpu, count = np.sum(looks, axis=0)
    return Found(
        models=models,
        windows=int(count),
        keeps_up=max(one[0] for one in looks) < LENGTH.total_seconds(),
        look_seconds=round(max(one[0] for one in looks), 2),
        cpu_seconds_a_window=round(float(cpu / count), 4),
        wall_seconds_a_window=round(float(wall / count), 4),
        lag_p50=round(float(np.median(lags)), 2),
        lag_max=round(max(lags), 2),
        newest_first=newest_first,
        idle_look_cpu_seconds=round(idle[1], 3),
        silent_window_cpu_ms=round(1000 * sum(one[1] for one in silent) / sum(one[2] for one in silent), 2),
    )


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100, help="predictions of a model in a window")
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = asdict(run(args.models, args.windows, args.rows, args.features, args.workers))
    print(json.dumps(found) if args.json else "\n".join(f"{name:<24} {value}" for name, value in found.items()))
    return 0 if found["keeps_up"] else 1


if __name__ == "__main__":
    sys.exit(main())
