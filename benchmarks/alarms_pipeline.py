"""How often a model with all default monitors alarms where nothing is wrong, and whether it finds what is, by the whole
pipeline: rows in the store, sketches, runner, verdicts and incidents.

Windows of an hour are drawn from tables (`alarm_models.py`) with the answers of a model that was fitted on other rows,
their labels, durations, groups and attributions, against a baseline that was drawn alike (a new one every 20 windows),
and are looked at by the runner with its default monitors. Without drift it counts the windows in which any monitor
alarms, and each monitor's; with a fault (`alarm_faults.py`), in two windows after each other, how often it is found in
the first and by the second, what the incident names first, what else alarms, and what an oracle would find that knows
what to test. Every alarm counts twice: as the monitor alone gave it, and as the rule over the whole window leaves it.

    python benchmarks/alarms_pipeline.py [--streams adult fair ...] [--rows 150 500 2000] [--windows 100]
        [--faults half-sd stuck ...] [--trials 20] [--baseline 5000] [--seed 1] [--sketches] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from alarm_faults import FAULTS, Fault, NotHereError, Rows, oracle
from alarm_models import STREAMS, Stream, available

from modelspan_analyzer import incidents
from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.incidents.describe import by_gravity
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles import read
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
PER_BASELINE = 20
NS = 10**9
STAMP = pa.timestamp("ns", "UTC")
NUMBERS = pa.map_(pa.string(), pa.float64())


def draw(stream: Stream, rows: int, generator: np.random.Generator) -> Rows:
    """Rows without drift."""
    places = generator.choice(stream.pool, rows)
    return Rows(stream.features.iloc[places].reset_index(drop=True), stream.truth[places])


def insert(store: Store, model: str, stream: Stream, rows: Rows, times: np.ndarray, seed: int) -> pa.Array:
    """Store rows as predictions at some times, with their labels; returns their ids."""
    n, said, generator = len(rows.truth), stream.answer(rows.features), np.random.default_rng(seed)
    ids = pa.array([f"{model}-{stamp}-{place}" for place, stamp in enumerate(times)])
    columns = {
        "model": pa.repeat(model, n),
        "version": pa.repeat("1", n),
        "role": pa.repeat("primary", n),
        "timestamp": pa.array(times).cast(STAMP),
        "prediction_id": ids,
        "value": pa.array(said.value),
        "duration": pa.array(generator.lognormal(np.log(0.02), 0.4, n)),
        **feature_maps(pa.Table.from_pandas(rows.features, preserve_index=False)),
    }
    if said.label is not None:
        columns["label"] = pa.array(said.label.tolist())
    if said.scores is not None:
        columns["scores"] = pa.array([list(zip(stream.classes, row, strict=True)) for row in said.scores], NUMBERS)
    if said.attributions is not None:
        names = list(said.attributions)
        shares = said.attributions.to_numpy()
        columns["attributions"] = pa.array([list(zip(names, row, strict=True)) for row in shares], NUMBERS)
    store.insert("predictions", pa.table(columns))
    if rows.labelled:
        label(store, model, stream, rows, ids, times)
    return ids


def label(store: Store, model: str, stream: Stream, rows: Rows, ids: pa.Array, times: np.ndarray) -> None:
    """The labels of rows, known a second later."""
    truth = (
        {"label": pa.array(rows.truth.tolist())} if stream.classes else {"value": pa.array(rows.truth, pa.float64())}
    )
    known = pa.array(times + NS).cast(STAMP)
    store.insert(
        "labels",
        pa.table({"prediction_id": ids, "model": pa.repeat(model, len(ids)), "timestamp": known, **truth}),
    )


def within(window: Window, rows: int) -> np.ndarray:
    """Times of so many rows, at equal distances within a window."""
    first, length = int(window.start.timestamp()) * NS, int((window.end - window.start).total_seconds() * NS)
    return first + np.arange(rows) * (length // rows)


def hour(place: int) -> Window:
    """The window of a place."""
    return Window(START + place * HOUR, START + (place + 1) * HOUR)


class Watched:
    """A model in a store, with a baseline, and the runner that watches it."""

    def __init__(self, store: Store, name: str, stream: Stream, generator: np.random.Generator, rows: int) -> None:
        self.store, self.name, self.stream, self.generator = store, name, stream, generator
        self.baseline = draw(stream, rows, generator)
        past = Window(START - timedelta(days=60), START - timedelta(days=59))
        insert(store, name, stream, self.baseline, within(past, rows), 0)
        baselines.set_from_window(store, name, "1", past)
        facets = (stream.group,) if stream.group else ()
        settings = MonitorsConfig(defaults=ModelSettings(fairness=FairnessSettings(facets=facets, flip_rows=0)))
        self.now = START
        self.runner = Runner(store, settings, clock=lambda: self.now, respond=Responder(store, settings))

    def add(self, rows: Rows, first: int, windows: int = 1) -> None:
        """Rows of some windows after each other."""
        n = len(rows.truth) // windows
        times = np.concatenate([within(hour(first + place), n) for place in range(windows)])
        insert(self.store, self.name, self.stream, rows, times, int(self.generator.integers(2**31)))

    def look(self, place: int) -> list[Result]:
        """What the monitors say of a window."""
        self.now = hour(place).end + timedelta(minutes=2)
        return self.runner.run_window(self.name, "1", hour(place))

    def named(self, signals: Set[str]) -> list[str]:
        """Features and groups that findings of some signals name in open incidents, the gravest first."""
        found = [one for one in incidents.load(self.store, model=self.name) if one.status == "open"]
        members = by_gravity([member for one in found for member in one.findings if not member.ended])
        said = [member for member in members if member.signal in signals]
        return [name for member in said for name in (member.feature, member.segment.partition("=")[2]) if name]


def alarms(found: Sequence[Result], *, alone: bool = False) -> list[Result]:
    """Results that alarm; `alone`, those that do by their monitor's own rule."""
    return [
        one
        for one in found
        if one.verdict in (Verdict.ALARM, Verdict.ERROR) or (alone and one.details.get("alone") == Verdict.ALARM.value)
    ]


@dataclass
class Quiet:
    """What alarmed in windows where nothing was wrong."""

    stream: str
    rows: int
    windows: int = 0
    any_alarm: int = 0
    any_alone: int = 0
    by_monitor: Counter[str] = field(default_factory=Counter)
    alone_by_monitor: Counter[str] = field(default_factory=Counter)

    def add(self, found: Sequence[Result]) -> None:
        """Count a window."""
        self.windows += 1
        now, alone = alarms(found), alarms(found, alone=True)
        self.any_alarm += bool(now)
        self.any_alone += bool(alone)
        self.by_monitor.update({f"{one.signal}/{one.metric}" for one in now})
        self.alone_by_monitor.update({f"{one.signal}/{one.metric}" for one in alone})


def quiet(store: Store, name: str, stream: Stream, rows: int, windows: int, size: int, seed: int) -> Quiet:
    """Windows without drift."""
    counted, generator = Quiet(name, rows), np.random.default_rng(seed)
    for number, first in enumerate(range(0, windows, PER_BASELINE)):
        watched = Watched(store, f"{name}-{rows}-{number}", stream, generator, size)
        batch = min(PER_BASELINE, windows - first)
        watched.add(draw(stream, batch * rows, generator), 0, batch)
        for place in range(batch):
            counted.add(watched.look(place))
    return counted


@dataclass
class Found:
    """How often a fault was found."""

    stream: str
    fault: str
    rows: int
    trials: int = 0
    oracle: int = 0
    alone: int = 0
    """In the first window, by a monitor's own rule."""
    at_once: int = 0
    """In the first window, by the rule over the window."""
    by_second: int = 0
    named_first: int = 0
    """Of those that were found and have a name."""
    unrelated: int = 0
    """Trials with an alarm that the fault does not explain."""
    unrelated_by: Counter[str] = field(default_factory=Counter)


def related(one: Result, fault: Fault) -> bool:
    """Whether a fault explains an alarm."""
    if one.signal not in fault.signals:
        return False
    feature = one.feature if one.signal in ("data_drift", "data_quality") or one.metric == "concept_drift" else ""
    return not (feature and fault.named) or feature in fault.named


def faulty(store: Store, name: str, stream: Stream, fault: str, rows: int, trials: int, size: int, seed: int) -> Found:
    """Windows with a fault, each trial of a model of its own time: three good windows, two with the fault."""
    found, generator = Found(name, fault, rows), np.random.default_rng(seed)
    watched: Watched | None = None
    for trial in range(trials):
        if trial % PER_BASELINE == 0:
            watched = Watched(store, f"{name}-{rows}-{fault}-{trial}", stream, generator, size)
            watched.add(draw(stream, 3 * rows, generator), 0, 3)
            for place in range(3):
                watched.look(place)
        assert watched is not None
        first, seed_of_both = 30 * (trial % PER_BASELINE) + 30, int(generator.integers(2**31))
        try:
            both = [
                FAULTS[fault](stream, draw(stream, rows, generator), np.random.default_rng(seed_of_both))
                for _ in range(2)
            ]
        except NotHereError:
            return found
        for place, one in enumerate(both):
            watched.add(one.rows, first + place)
        _count(found, watched, first, both)
    return found


def _count(found: Found, watched: Watched, first: int, both: Sequence[Fault]) -> None:
    fault = both[0]
    before = watched.look(first)
    after = watched.look(first + 1)
    said = [[one for one in alarms(results) if related(one, fault)] for results in (before, after)]
    found.trials += 1
    found.oracle += oracle(fault, watched.baseline)
    found.alone += any(related(one, fault) for one in alarms(before, alone=True))
    found.at_once += bool(said[0])
    found.by_second += bool(said[0] or said[1])
    named = watched.named(fault.naming)
    found.named_first += bool((said[0] or said[1]) and fault.named and named and named[0] in fault.named)
    others = [one for one in (*alarms(before), *alarms(after)) if not related(one, fault)]
    found.unrelated += bool(others)
    found.unrelated_by.update({f"{one.signal}/{one.metric}" for one in others})


def measure(arguments: argparse.Namespace, streams: Sequence[str]) -> Iterator[Quiet | Found]:
    """All cells, models of one store."""
    made = {name: STREAMS[name]() for name in streams}
    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        for rows, (name, stream) in itertools.product(arguments.rows, made.items()):
            common = arguments.baseline, arguments.seed
            if arguments.windows:
                yield quiet(store, name, stream, rows, arguments.windows, *common)
            for fault in arguments.faults if arguments.trials else ():
                yield faulty(store, name, stream, fault, rows, arguments.trials, *common)
        store.close()


def main() -> int:
    """Print the shares; the exit status is 1 where any is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=list(STREAMS))
    parser.add_argument("--rows", nargs="+", type=int, default=[150, 500, 2_000])
    parser.add_argument("--windows", type=int, default=100, help="windows without drift in each cell (0: none)")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--trials", type=int, default=20, help="of each fault in each cell (0: none)")
    parser.add_argument("--baseline", type=int, default=5_000, help="rows of a baseline")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sketches", action="store_true", help="read windows of few rows from sketches too")
    parser.add_argument("--json", action="store_true", help="a JSON object a line on stdout")
    arguments = parser.parse_args()
    if arguments.sketches:
        read.FEW_ROWS = 0
    streams = available(arguments.streams)
    if left := set(arguments.streams) - set(streams):
        print(f"left out, as their packages are not installed: {', '.join(sorted(left))}", file=sys.stderr)
    kept = True
    for cell in measure(arguments, streams):
        kept &= good(cell)
        print(json.dumps(vars(cell)) if arguments.json else line(cell), flush=True)
    print(f"{time.process_time():.0f} s of processor time", file=sys.stderr)
    return 0 if kept else 1


def good(cell: Quiet | Found) -> bool:
    """Whether a cell is as it should be."""
    if isinstance(cell, Quiet):
        return cell.any_alarm <= 0.01 * cell.windows
    return cell.unrelated <= 0.05 * cell.trials and cell.by_second >= min(0.95 * cell.trials, cell.oracle)


def line(cell: Quiet | Found) -> str:
    """A cell for people."""
    if isinstance(cell, Quiet):
        said = f"any alarm {cell.any_alarm / cell.windows:.1%} {dict(cell.by_monitor)}"
        alone = f"by each monitor alone {cell.any_alone / cell.windows:.1%} {dict(cell.alone_by_monitor)}"
        return f"{cell.stream:14}{cell.rows:>6} rows{cell.windows:>6} windows: {said}; {alone}"
    if not cell.trials:
        return f"{cell.stream:14}{cell.rows:>6} rows {cell.fault}: cannot be here"
    shares = {
        name: f"{getattr(cell, name) / cell.trials:.0%}"
        for name in ("oracle", "alone", "at_once", "by_second", "named_first", "unrelated")
    }
    return f"{cell.stream:14}{cell.rows:>6} rows {cell.fault}: {shares} {dict(cell.unrelated_by)}"


if __name__ == "__main__":
    sys.exit(main())
