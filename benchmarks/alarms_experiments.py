"""How often an experiment decides wrongly, or breaks a guardrail, where challenger and champion are alike.

Hourly windows of both go through the store and the runner with the monitor `experiments` alone: classes with labels
(right in 9 of 10), seconds, failures of one call in a hundred, costs and revenue that are lognormal, and the share of
the traffic that the challenger gets rises from 5 to 50 %. Counted are windows that alarm, but for the true word that
there is no difference that matters, and experiments that ever do.

    python benchmarks/alarms_experiments.py [--experiments 10] [--windows 30] [--rows 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.experiments.monitor import EXPERIMENTS
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
TAGS = pa.map_(pa.string(), pa.string())
GUARDED = (
    {"measure": "latency", "margin": 0.05},
    {"measure": "failures", "margin": 0.01},
    {"measure": "cost", "margin": 0.0005},
)
CONFIG = MonitorsConfig.model_validate({"defaults": {"experiments": tuple(
    {"name": name, "champion": "1", "challenger": "2", "measure": measure, "guardrails": GUARDED}
    for name, measure in (("right", "loss"), ("worth", "outcome.revenue"))
)}})  # fmt: skip


def serve(store: Store, model: str, hour: int, rows: int, share: float, rng: np.random.Generator) -> None:
    """One hour of both, alike, with labels and revenue."""
    truth = rng.choice(["yes", "no"], rows)
    other = np.where(truth == "yes", "no", "yes")
    ids = [f"{model}-{hour}-{row}" for row in range(rows)]
    stamps = pa.array([START + hour * HOUR + row * (HOUR / rows) for row in range(rows)], pa.timestamp("ns", "UTC"))
    store.insert("predictions", pa.table({
        "model": [model] * rows, "version": np.where(rng.random(rows) < share, "2", "1").astype(str),
        "prediction_id": ids, "timestamp": stamps,
        "label": np.where(rng.random(rows) < 0.9, truth, other).astype(str),
        "duration": rng.lognormal(-3, 0.6, rows),
        "tags": pa.array([[("cost", str(one))] for one in rng.lognormal(-6, 0.8, rows)], TAGS),
        "error_type": np.where(rng.random(rows) < 0.01, "Timeout", "").astype(str),
    }))  # fmt: skip
    named = {"prediction_id": ids, "timestamp": stamps}
    store.insert("labels", pa.table({**named, "label": truth.astype(str)}))
    worth = {"outcome": ["revenue"] * rows, "value": rng.lognormal(3, 0.8, rows)}
    store.insert("labels", pa.table({**named, **worth}))


def wrong(one: Result) -> bool:
    """Whether it says what is not so: "no difference that matters" is."""
    return one.verdict in (Verdict.ALARM, Verdict.ERROR) and "no difference" not in str(one.details.get("decided", ""))


def main() -> None:
    """Print what alarmed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("experiments", 10), ("windows", 30), ("rows", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    rng, bad, ever, windows = np.random.default_rng(args.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}")
        schema.apply(store)
        runner = Runner(store, CONFIG, signals=Signals.of(EXPERIMENTS))
        for number in range(args.experiments):
            model, said = f"m{number}", 0
            for hour in range(args.windows):
                share = 0.05 + 0.45 * hour / max(1, args.windows - 1)
                serve(store, model, hour, args.rows, share, rng)
                found = runner.run_window(model, "2", Window(START + hour * HOUR, START + (hour + 1) * HOUR))
                said += any(wrong(one) for one in found)
                windows += 1
            bad, ever = bad + said, ever + bool(said)
            print(f"{number + 1} pairs: {bad} of {windows} windows alarm, in {ever} pairs", flush=True)


if __name__ == "__main__":
    main()
