"""How often a model with all default monitors alarms where nothing is wrong, and whether it finds what is, by the whole
pipeline: rows in the store, sketches, runner, verdicts and incidents.

Windows of an hour are drawn from tables (`alarm_models.py`) with the answers of a model that was fitted on other rows,
their labels, durations, groups and attributions, against a baseline that was drawn alike (a new one every 20 windows),
and are looked at by the runner with its default monitors (`alarm_store.py`). Without drift it counts the windows in
which any monitor alarms, and each monitor's; also where the rows have a daily rhythm, or grow slowly, for twelve days.
With a fault (`alarm_faults.py`), in two windows after each other, it counts how often it is found in the first and by
the second, what the incident names first, what else alarms, and what an oracle would find that knows what to test.
Every alarm counts twice: as the monitor alone gave it, and as the rule over the whole window leaves it. With `--own`
models have metrics, a target, slices, an experiment and a stage of their own too (`alarm_own.py`).

Batches of all cells take turns, so that a run that ends early (`--minutes`) has looked at each; `--save` keeps them as
they come, a JSON object a line, and `--read` sums up such files.

    python benchmarks/alarms_pipeline.py [--streams adult fair ...] [--rows 150 500 2000] [--windows 100]
        [--faults half-sd stuck ...] [--trials 20] [--seasons 1] [--baseline 5000] [--seed 1] [--sketches] [--own]
        [--late] [--signals data_quality ...] [--minutes 60] [--processes 2] [--save FILE] [--read FILE ...] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from alarm_faults import FAULTS, Fault, NotHereError, oracle
from alarm_models import STREAMS, Stream, available
from alarm_store import Watched, draw, seasonal

from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.profiles import read
from modelspan_analyzer.reading.segments import is_group
from modelspan_analyzer.results import Result, Verdict
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

PER_BASELINE = 20
SEASONS = ("rhythm", "growth")
SEASONAL_WINDOWS, LOOKED_AT = 24 * 12, 12


def alarms(found: Sequence[Result], *, alone: bool = False) -> list[Result]:
    """Results that alarm; `alone`, those that do by their monitor's own rule."""
    return [
        one
        for one in found
        if one.verdict in (Verdict.ALARM, Verdict.ERROR) or (alone and one.details.get("alone") == Verdict.ALARM.value)
    ]


_JUDGED = (Verdict.OK, Verdict.WARNING, Verdict.ALARM)


def _of_slice(one: Result) -> bool:
    return bool(one.segment) and not is_group(one.segment)


def _called(one: Result) -> str:
    return f"{one.signal}/{one.metric}{' of a slice' if _of_slice(one) else ''}"


@dataclass
class Quiet:
    """What alarmed in windows where nothing was wrong."""

    stream: str
    rows: int
    season: str = ""
    windows: int = 0
    any_alarm: int = 0
    any_alone: int = 0
    by_monitor: Counter[str] = field(default_factory=Counter)
    alone_by_monitor: Counter[str] = field(default_factory=Counter)
    in_slices: Counter[str] = field(default_factory=Counter)
    """Results of slices that were judged, by signal: of so many could an alarm be."""

    def add(self, found: Sequence[Result]) -> None:
        """Count a window."""
        self.windows += 1
        now, alone = alarms(found), alarms(found, alone=True)
        self.any_alarm += bool(now)
        self.any_alone += bool(alone)
        self.by_monitor.update(set(map(_called, now)))
        self.alone_by_monitor.update(set(map(_called, alone)))
        self.in_slices.update(one.signal for one in found if _of_slice(one) and one.verdict in _JUDGED)


@dataclass
class Found:
    """How often a fault was found."""

    stream: str
    rows: int
    fault: str
    trials: int = 0
    oracle: int = 0
    alone: int = 0
    """In the first window, by a monitor's own rule."""
    at_once: int = 0
    """In the first window, by the rule over the window."""
    by_second: int = 0
    both: int = 0
    """By the second window, of those that the oracle finds."""
    naming: int = 0
    """Of those that were found: in which a finding says where."""
    named_first: int = 0
    """Of these, where what is named first is right."""
    named_instead: Counter[str] = field(default_factory=Counter)
    unrelated: int = 0
    """Trials with an alarm that the fault does not explain."""
    unrelated_by: Counter[str] = field(default_factory=Counter)


class Batch(NamedTuple):
    """What is looked at at once: windows of a model without drift, with a season, or with each of some faults."""

    kind: str
    stream: str
    rows: int
    number: int
    size: int
    """Rows of the baseline."""
    seed: int
    faults: tuple[str, ...] = ()
    own: bool = False
    """Whether the model has metrics, slices and an experiment of its own (`alarm_own.py`)."""
    late: bool = False
    """Whether no label of a window without drift is in when it is looked at, so that estimates are judged."""
    signals: tuple[str, ...] = ()
    """What watches; all signals where empty."""


@cache
def _stream(name: str) -> Stream:
    return STREAMS[name]()


def look(batch: Batch, sketches: bool = False) -> list[Quiet | Found]:
    """A batch, in a store of its own."""
    if sketches:
        read.FEW_ROWS = 0
    seed = [batch.seed, batch.number, batch.rows, *map(ord, batch.stream + batch.kind)]
    generator = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = connect(f"chdb://{folder}/store")
        schema.apply(store)
        try:
            if batch.kind == "faults":
                return list(faulty(store, batch, generator))
            return [quiet(store, batch, generator)]
        finally:
            store.close()


def quiet(store: Store, batch: Batch, generator: np.random.Generator) -> Quiet:
    """What alarms in windows of one model where nothing is wrong."""
    stream = _stream(batch.stream)
    counted = Quiet(batch.stream, batch.rows, batch.kind if batch.kind in SEASONS else "")
    watched = Watched(store, batch.stream, stream, generator, batch.size, own=batch.own, signals=batch.signals)
    if counted.season:
        number, looked_at = SEASONAL_WINDOWS, range(SEASONAL_WINDOWS - 2 * LOOKED_AT, SEASONAL_WINDOWS, 2)
        watched.add(seasonal(stream, counted.season, number, batch.rows, generator), 0, number)
    else:
        number, looked_at = PER_BASELINE, range(PER_BASELINE)
        watched.add(replace(draw(stream, number * batch.rows, generator), labelled=not batch.late), 0, number)
    for place in looked_at:
        counted.add(watched.look(place))
    return counted


def faulty(store: Store, batch: Batch, generator: np.random.Generator) -> Iterator[Found]:
    """Three good windows, then each fault in two after each other, so far apart that the one before is forgotten."""
    stream = _stream(batch.stream)
    watched = Watched(store, batch.stream, stream, generator, batch.size, own=batch.own, signals=batch.signals)
    watched.add(draw(stream, 3 * batch.rows, generator), 0, 3)
    for place in range(3):
        watched.look(place)
    for number, fault in enumerate(batch.faults):
        found, seed = Found(batch.stream, batch.rows, fault), int(generator.integers(2**31))
        try:
            both = [
                FAULTS[fault](stream, draw(stream, batch.rows, generator), np.random.default_rng(seed))
                for _ in range(2)
            ]
        except NotHereError:
            continue
        first = 30 * (number + 1)
        for place, one in enumerate(both):
            watched.add(one.rows, first + place)
        _count(found, watched, first, both)
        yield found


def related(one: Result, fault: Fault) -> bool:
    """Whether a fault explains an alarm."""
    if one.signal not in fault.signals:
        return False
    feature = one.feature if one.signal in ("data_drift", "data_quality") or one.metric == "concept_drift" else ""
    return not (feature and fault.named) or feature in fault.named


def _count(found: Found, watched: Watched, first: int, both: Sequence[Fault]) -> None:
    fault = both[0]
    before = watched.look(first)
    after = watched.look(first + 1)
    said = [[one for one in alarms(results) if related(one, fault)] for results in (before, after)]
    found.trials += 1
    found.oracle += (could := bool(oracle(fault, watched.baseline)))
    found.alone += any(related(one, fault) for one in alarms(before, alone=True))
    found.at_once += bool(said[0])
    found.by_second += (seen := bool(said[0] or said[1]))
    found.both += seen and could
    if seen and fault.named and (named := watched.named(fault.naming)):
        found.naming += 1
        found.named_first += named[0] in fault.named
        found.named_instead.update([named[0]] if named[0] not in fault.named else [])
    others = [one for one in (*alarms(before), *alarms(after)) if not related(one, fault)]
    found.unrelated += bool(others)
    found.unrelated_by.update({f"{one.signal}/{one.metric} {one.feature}".strip() for one in others})


def batches(arguments: argparse.Namespace, streams: Sequence[str]) -> Iterator[Batch]:
    """All batches, those of all cells in turn and in random order, so that a run that is cut is not of some only."""
    common, generator = (arguments.baseline, arguments.seed), np.random.default_rng(arguments.seed)
    watch = {"own": arguments.own, "late": arguments.late, "signals": tuple(arguments.signals)}
    quiet = -(-arguments.windows // PER_BASELINE)
    for number in range(max(quiet, arguments.trials, arguments.seasons)):
        turn = []
        for rows, stream in itertools.product(arguments.rows, streams):
            if number < quiet:
                turn.append(Batch("quiet", stream, rows, number, *common, **watch))
            if number < arguments.trials and arguments.faults:
                faults = tuple(arguments.faults)
                turn.append(Batch("faults", stream, rows, number, *common, faults, **watch))
            if number < arguments.seasons and rows == min(arguments.rows):
                turn += [Batch(kind, stream, rows, number, *common, **watch) for kind in SEASONS]
        yield from (turn[at] for at in generator.permutation(len(turn)))


def measure(arguments: argparse.Namespace, streams: Sequence[str]) -> Iterator[Quiet | Found]:
    """Cells as they come, until all are done or the time is up."""
    ends = time.monotonic() + 60 * arguments.minutes
    work = partial(look, sketches=arguments.sketches)
    todo = batches(arguments, streams)
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        running = {pool.submit(work, batch) for batch in itertools.islice(todo, arguments.processes)}
        while running:
            done = next(as_completed(running))
            running.remove(done)
            if time.monotonic() < ends:
                running |= {pool.submit(work, batch) for batch in itertools.islice(todo, 1)}
            yield from done.result()


Cell = TypeVar("Cell", Quiet, Found)


def _sum(one: Cell, other: Cell) -> Cell:
    """Two batches of one cell."""
    values = {part.name: (getattr(one, part.name), getattr(other, part.name)) for part in fields(one)}
    return type(one)(**{name: a if isinstance(a, str) or name == "rows" else a + b for name, (a, b) in values.items()})


def summed(cells: Iterable[Quiet | Found], *key: str) -> list[Quiet | Found]:
    """Batches with the same stream, size and kind put together; or with the same of other fields."""
    found: dict[tuple[object, ...], list[Quiet | Found]] = defaultdict(list)
    for cell in cells:
        what = cell.fault if isinstance(cell, Found) else cell.season
        asked = [getattr(cell, name) for name in key or ("stream", "rows")]
        found[type(cell).__name__, what, *asked].append(cell)
    merged = []
    for same in found.values():
        total = same[0]
        for one in same[1:]:
            total = _sum(total, one)  # type: ignore[type-var]
        merged.append(total)
    return merged


def saved(paths: Sequence[Path]) -> Iterator[Quiet | Found]:
    """What runs kept."""
    for path in paths:
        for text in path.read_text().splitlines():
            values = {name: Counter(one) if isinstance(one, dict) else one for name, one in json.loads(text).items()}
            yield Found(**values) if "fault" in values else Quiet(**values)


def main() -> int:
    """Print the shares; the exit status is 1 where any is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=list(STREAMS))
    parser.add_argument("--rows", nargs="+", type=int, default=[150, 500, 2_000])
    parser.add_argument("--windows", type=int, default=100, help="windows without drift in each cell (0: none)")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--trials", type=int, default=20, help="of each fault in each cell (0: none)")
    parser.add_argument("--seasons", type=int, default=1, help="models with a rhythm, and that grow (0: none)")
    parser.add_argument("--baseline", type=int, default=5_000, help="rows of a baseline")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sketches", action="store_true", help="read windows of few rows from sketches too")
    parser.add_argument("--own", action="store_true", help="with metrics, targets, slices and an experiment of its own")
    parser.add_argument("--late", action="store_true", help="windows without drift are looked at before labels are in")
    parser.add_argument("--signals", nargs="+", choices=list(SIGNALS), default=[], help="watch by these alone")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing after so long")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--save", type=Path, help="keep batches in this file as they come")
    parser.add_argument("--read", type=Path, nargs="+", help="measure nothing, sum up what was kept")
    parser.add_argument("--json", action="store_true", help="a JSON object a line on stdout")
    arguments = parser.parse_args()
    streams = available(arguments.streams)
    if left := set(arguments.streams) - set(streams):
        print(f"left out, as their packages are not installed: {', '.join(sorted(left))}", file=sys.stderr)
    cells = []
    for cell in saved(arguments.read) if arguments.read else measure(arguments, streams):
        cells.append(cell)
        if arguments.save:
            with arguments.save.open("a") as out:
                out.write(json.dumps(vars(cell)) + "\n")
    everything = sorted(summed(cells), key=lambda cell: (type(cell).__name__, cell.rows, cell.stream))
    for cell in everything:
        print(json.dumps(vars(cell)) if arguments.json else line(cell))
    if not arguments.json:
        print("all streams:", *(line(cell, "") for cell in summed(cells, "rows")), sep="\n")
    return 0 if all(map(good, everything)) else 1


def good(cell: Quiet | Found) -> bool:
    """Whether a cell is as it should be."""
    if isinstance(cell, Quiet):
        return cell.any_alarm <= 0.01 * cell.windows
    return cell.unrelated <= 0.05 * cell.trials and cell.both >= 0.95 * cell.oracle


def line(cell: Quiet | Found, stream: str | None = None) -> str:
    """A cell for people."""
    where = f"{cell.stream if stream is None else stream:14}{cell.rows:>6} rows "
    if isinstance(cell, Quiet):
        alone = f"by each monitor alone {cell.any_alone} {dict(cell.alone_by_monitor)}"
        any_alarm = f"any alarm {cell.any_alarm} {dict(cell.by_monitor)}"
        slices = f"; judged of slices {dict(cell.in_slices)}" if cell.in_slices else ""
        return f"{where}{cell.season or 'as before'}: {cell.windows} windows, {any_alarm}; {alone}{slices}"
    shares = {name: getattr(cell, name) for name in ("oracle", "both", "alone", "at_once", "by_second")}
    named = f"first {cell.named_first} of {cell.naming} named {dict(cell.named_instead)}"
    unrelated = f"unrelated {cell.unrelated} {dict(cell.unrelated_by)}"
    return f"{where}{cell.fault}: {cell.trials} trials {shares}, {named}, {unrelated}"


if __name__ == "__main__":
    sys.exit(main())
