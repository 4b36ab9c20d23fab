"""The false alarms of `alarms.py` once more, by the whole pipeline: rows in the store, sketches, runner, verdicts.

Windows without drift are inserted as predictions, an hour each, against a stored baseline of 20,000 rows drawn from the
same stream (a new one every 50 windows), and looked at by the runner with its default monitors. It prints, for every
signal, the share of windows with an alarm (or a hint, which poisoning gives).

    python benchmarks/alarms_pipeline.py [--stream adult] [--rows 1000] [--windows 1000] [--sketches]
        [--signals data_drift data_quality multivariate embedding poisoning] [--json]

`--sketches` reads even small windows from sketches, as only those of more than 2,000 rows are by default.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from alarm_streams import STREAMS, Pool
from alarms import BASELINE_ROWS, WINDOWS_PER_BASELINE, Rows

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles import read
from modelspan_analyzer.results import Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

SIGNALS = ("data_drift", "data_quality", "multivariate", "embedding", "poisoning")
START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
WIDTH = 16
"""Numbers of the vector that every row has too, for the monitor of embeddings."""


def table(rows: Rows, pool: Pool, generator: np.random.Generator) -> pa.Table:
    """Rows of a pool as plain columns, categories as text, and a vector of noise."""
    columns: dict[str, pa.Array] = {
        f"f{place}": pa.array(column) if is_number else pa.array([f"c{code:.0f}" for code in column])
        for place, (column, is_number) in enumerate(zip(rows.T, pool.numeric, strict=True))
    }
    vectors = generator.normal(size=(len(rows), WIDTH)).astype(np.float32)
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), WIDTH).cast(pa.list_(pa.float32()))
    return pa.table(columns)


def insert(store: Store, model: str, rows: pa.Table, per_window: int) -> None:
    """Store the rows as predictions, so many an hour, in one insert."""
    places = np.arange(rows.num_rows)
    within = (places % per_window) * (3600 * 10**9 // per_window)
    stamps = int(START.timestamp()) * 10**9 + places // per_window * 3600 * 10**9 + within
    identity = {
        "model": pa.array([model]).take(pa.array(np.zeros(rows.num_rows, np.int64))),
        "version": pa.array(["1"]).take(pa.array(np.zeros(rows.num_rows, np.int64))),
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": pa.array([f"{model}-{place}" for place in places]),
    }
    store.insert("predictions", pa.table({**identity, **feature_maps(rows)}))


def look(store: Store, stream: str, rows: int, windows: int, signals: Sequence[str]) -> Iterator[Counter[str]]:
    """For each window, how many results of each signal were more than in order."""
    generator, pool = np.random.default_rng(1), STREAMS[stream](np.random.default_rng(7))
    off = {signal: {"enabled": False} for signal in ModelSettings.model_fields if signal not in signals}
    known = {name: value for name, value in off.items() if _can_be_off(name)}
    runner = Runner(store, MonitorsConfig(defaults=ModelSettings.model_validate(known)))
    for number, first in enumerate(range(0, windows, WINDOWS_PER_BASELINE)):
        model, batch = f"{stream}-{rows}-{number}", min(WINDOWS_PER_BASELINE, windows - first)
        before = pool.values[generator.integers(0, len(pool.values), BASELINE_ROWS)]
        baselines.set_from_table(store, model, "1", table(before, pool, generator), source="drawn from the stream")
        drawn = pool.values[generator.integers(0, len(pool.values), batch * rows)]
        insert(store, model, table(drawn, pool, generator), rows)
        for place in range(batch):
            window = Window(START + place * HOUR, START + (place + 1) * HOUR)
            found = runner.run_window(model, "1", window)
            yield Counter(one.signal for one in found if one.verdict in (Verdict.ALARM, Verdict.WARNING, Verdict.ERROR))


def _can_be_off(name: str) -> bool:
    section = ModelSettings.model_fields[name].default
    return "enabled" in getattr(type(section), "model_fields", {})


def main() -> int:
    """Print the shares; the exit status is 1 where one is above 1 %."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", choices=STREAMS, default="gaussian")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--windows", type=int, default=1_000)
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=["data_drift", "data_quality"])
    parser.add_argument("--sketches", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.sketches:
        read.FEW_ROWS = 0
    alarmed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        looked = look(store, arguments.stream, arguments.rows, arguments.windows, arguments.signals)
        for number, found in enumerate(itertools.islice(looked, arguments.windows), 1):
            alarmed.update(set(found))
            if number % 50 == 0:
                print(f"{number} windows: {dict(alarmed)}", file=sys.stderr, flush=True)
        store.close()
    shares = {signal: alarmed[signal] / arguments.windows for signal in arguments.signals}
    if arguments.json:
        print(json.dumps({**vars(arguments), "shares": shares}))
    else:
        for signal, share in shares.items():
            print(f"{arguments.stream}, {arguments.rows:,} rows, {arguments.windows:,} windows: {signal} {share:.1%}")
    return 0 if all(share <= 0.01 for share in shares.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
