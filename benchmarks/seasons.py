"""False alarms and found faults of columns with a daily, weekly or yearly rhythm, or with growth, by the drift monitor.

One stream, whose columns have a rhythm each, runs through store, sketches and monitor in windows of an hour, six hours
and a day, against a baseline that knows no time; the end of it, when seasons are known, is looked at. Beside each
other: the rule without seasons, and with them. Each fault is put into whole windows, one at a time.

    python benchmarks/seasons.py [--hours 1 6 24] [--rows 300] [--seed 7] [--processes 2] [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.judge import drift
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles.read import window_profile
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
WINDOWS = {1: (24 * 18, 48), 6: (4 * 28, 28), 24: (7 * 62, 21)}
"""Windows of each length in hours, and how many of them, the last, are looked at: whole days or weeks. Those of a day
are of more than a year, as a yearly rhythm takes."""
FAULTY = 7
"""Windows of these into which faults are put."""
SIGNAL = "data_drift"
Floats = NDArray[np.float64]


def columns(hours: Floats, generator: np.random.Generator, span: float) -> dict[str, pa.Array]:
    """Rows at some hours since the start; `span` is how long the stream runs."""
    day, week = np.sin(2 * np.pi * hours / 24), (hours // 24 % 7 >= 5).astype(float)
    noise = generator.normal(size=(8, hours.size))
    night = generator.random(hours.size) < 0.35 + 0.25 * day
    return {
        "steady": pa.array(noise[0]),
        "daily": pa.array(day + noise[1]),
        "daily_small": pa.array(0.4 * day + noise[2]),
        "weekly": pa.array(0.8 * week + noise[3]),
        "daily_weekly": pa.array(day * (1 - 0.5 * week) + 0.8 * week + noise[4]),
        "yearly": pa.array(2 * np.sin(2 * np.pi * hours / (24 * 364)) + noise[5]),
        "growing": pa.array(3 * hours / span + noise[6]),
        "skewed": pa.array(np.exp(0.7 * day + noise[7])),
        "counts": pa.array(generator.poisson(np.exp(1 + 0.6 * day)).astype(float)),
        "category": pa.array(np.where(night, "night", np.where(generator.random(hours.size) < 0.5, "a", "b"))),
    }


def half(column: pa.Array) -> pa.Array:
    """Moved by half a standard deviation."""
    values = np.asarray(column)
    return pa.array(values + 0.5 * values.std())


FAULTS: Mapping[str, tuple[bool, Callable[[pa.Array], pa.Array]]] = {
    "half sd": (True, half),
    "x10": (True, lambda column: pa.array(np.asarray(column) * 10)),
    "stuck": (True, lambda column: pa.array(np.full(len(column), float(np.median(np.asarray(column)))))),
    "renamed": (False, lambda column: pa.array(["A" if text == "a" else text for text in column.to_pylist()])),
}
"""Each fault: whether it is one of numbers, and what it makes of a column."""


def insert(store: Store, model: str, hours: Floats, rows: Mapping[str, pa.Array]) -> None:
    """Store rows as predictions."""
    stamps = int(START.timestamp()) * 10**9 + (hours * 3600e9).astype(np.int64)
    table = {
        "model": pa.array([model] * hours.size),
        "version": pa.array(["1"] * hours.size),
        "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
        "prediction_id": pa.array([f"{model}-{stamp}" for stamp in stamps]),
        **feature_maps(pa.table(dict(rows))),
    }
    store.insert("predictions", pa.table(table))


def look(store: Store, window: Window, *, seasons: bool, faulty: str = "") -> list[Result]:
    """What the drift monitor says of a window, or of the rows of another model in its place."""
    settings = ModelSettings.model_validate({SIGNAL: {"measures": ("psi",), "rule": {"seasons": seasons}}})
    context = MonitorContext(store, "m", "1", window, baselines.active(store, "m", "1"), settings)
    if faulty:
        context.__dict__["current"] = window_profile(store, faulty, "1", window)
    return drift(context, SIGNAL, settings.data_drift, outputs=False)


def alarms(results: list[Result]) -> set[str]:
    """The columns that alarm."""
    return {result.feature for result in results if result.verdict is Verdict.ALARM}


def run(size: int, rows: int, seed: int) -> dict[str, object]:
    """Shares of windows of a length, by column."""
    with tempfile.TemporaryDirectory() as folder, closing(connect(f"chdb://{folder}")) as store:
        schema.apply(store)
        return _measured(store, size, rows, np.random.default_rng(seed))


def _measured(store: Store, size: int, rows: int, generator: np.random.Generator) -> dict[str, object]:
    number, looked_at = WINDOWS[size]
    span, sorted_hours = float(number * size), np.arange(number * rows) * (size / rows)
    history = columns(sorted_hours, generator, span)
    for begin in range(0, sorted_hours.size, 100_000):
        part = slice(begin, begin + 100_000)
        insert(store, "m", sorted_hours[part], {name: column[part] for name, column in history.items()})
    at = generator.uniform(0, 24 * 7, 20_000)
    baseline = columns(at, generator, span * 1e9)  # neither grown nor moved in the year
    baselines.set_from_table(store, "m", "1", pa.table(baseline), source="rows without times")
    told = {name: Counter[str]() for name in ("old", "new", "new_warnings")}
    found: dict[str, Counter[str]] = {fault: Counter() for fault in FAULTS}
    every = (looked_at - 1) // (FAULTY - 1)  # no divisor of a day's windows, so that faults are at all times of it
    faulty = range(number - looked_at, number, every)
    for place in range(number - looked_at, number):
        window = Window(START + timedelta(hours=place * size), START + timedelta(hours=(place + 1) * size))
        results = look(store, window, seasons=True)
        write_results(store, results, "run")
        told["new"].update(alarms(results))
        told["new_warnings"].update({one.feature for one in results if one.verdict is Verdict.WARNING})
        told["old"].update(alarms(look(store, window, seasons=False)))
        if place in faulty:
            here = slice(place * rows, (place + 1) * rows)
            sound = {name: column[here] for name, column in history.items()}
            for fault, known in found.items():
                known.update(_with_fault(store, f"{fault} {size}", sorted_hours[here], sound, window, fault))
    names = list(history)
    return {
        "hours": size,
        "windows": looked_at,
        **{what: {name: known[name] / looked_at for name in names} for what, known in told.items()},
        "faulty_windows": len(faulty),
        "found": {fault: {name: known[name] / len(faulty) for name in names} for fault, known in found.items()},
    }


def _with_fault(
    store: Store, model: str, hours: Floats, sound: Mapping[str, pa.Array], window: Window, fault: str
) -> set[str]:
    """The columns that alarm where all that can have a fault have it."""
    of_numbers, spoil = FAULTS[fault]
    spoilt = {
        name: spoil(column) if pa.types.is_floating(column.type) == of_numbers else column
        for name, column in sound.items()
    }
    insert(store, model, hours, spoilt)
    return alarms(look(store, window, seasons=True, faulty=model))


def main() -> None:
    """Measure and print, each length as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, nargs="+", choices=sorted(WINDOWS), default=sorted(WINDOWS))
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    args = parser.parse_args()
    with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(run, size, args.rows, args.seed) for size in args.hours]):
            one = done.result()
            print(json.dumps(one) if args.json else _table(one), flush=True)


def _table(one: Mapping[str, Any]) -> str:
    """Shares for people."""
    shares = {name: one[name] for name in ("old", "new", "new_warnings")} | one["found"]
    lines = [
        f"windows of {one['hours']} h: {one['windows']} counted, {one['faulty_windows']} faulty of each kind",
        f"{'':>18}" + "".join(f"{name:>13}" for name in one["old"]),
    ]
    lines += [f"{what:>18}" + "".join(f"{share:>13.1%}" for share in known.values()) for what, known in shares.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
