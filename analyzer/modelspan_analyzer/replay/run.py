"""Runs a replay: rows to the collector, baseline to the store, monitors over the windows in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from modelspan import conventions as names
from modelspan_analyzer.instance import Instance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.cards import CARDS
from modelspan_analyzer.replay import records, windows
from modelspan_analyzer.replay.history import History, HistoryError, ids
from modelspan_analyzer.replay.send import send
from modelspan_analyzer.results import Result, Window
from modelspan_collector.running import LOOPBACK

CHUNK_ROWS = 10_000
CHUNK_CELLS = 2_000_000
"""Most values sent at a time, which is what bounds the rows of a wide history."""
STORE_SECONDS = 900.0
SERVICE = "modelspan-replay"
_CARDS = f"SELECT count() FROM {CARDS} WHERE task != ''"
_STORED = "SELECT count() FROM predictions WHERE model = {model:String} AND version = {version:String}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the monitors said of one window."""

    window: Window
    rows: int
    """Predictions in it."""
    results: list[Result]
    partial: bool = False
    """Whether the history ends within it."""


Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and what there is to do."""


def prepare(
    instance: Instance, model: str, version: str, history: History, step: timedelta | int | None, tell: Progress
) -> list[tuple[Window, int, bool]]:
    """Bring baseline, predictions and labels into the store; return the windows to look at, the rows of each, and
    whether the history ends within it.

    Raises:
        HistoryError: the store already holds predictions of this model and version.
        SendError: the collector refused rows.
    """
    identity = {"model": model, "version": version}
    if stored := instance.store.scalar(_STORED, identity):
        raise HistoryError(
            f"the store already holds {stored} predictions of {model} {version}; give another --version or --data"
        )
    live, columns = history.live, history.columns
    baselines.set_from_table(
        instance.store,
        model,
        version,
        history.baseline,
        prediction=columns.prediction,
        score=columns.score,
        label=columns.label,
        ids=columns.id if columns.id in history.baseline.column_names else None,
        features=[name for name in columns.features if name in history.baseline.column_names],
        tags=columns.segments,
        time=columns.time if columns.time in history.baseline.column_names else None,
        source=history.baseline_source,
    )
    if columns.time:
        times = live[columns.time].combine_chunks()
        if isinstance(step, int):
            times = windows.apart(times, history.remarks)
        cuts = windows.by_time(times, step)
    elif isinstance(step, timedelta):
        raise HistoryError("without --time a window is a number of rows, such as --window 1000")
    else:
        times, cuts = windows.by_rows(live.num_rows, step)
    _send_all(instance, model, version, history, times, tell)
    instance.collector.flush(timeout=STORE_SECONDS)
    held = windows.counts(times, cuts)
    # A duration ends somewhere after the last row, a number of rows where there are as many as in the first window.
    short = held[-1] < held[0] if isinstance(step, int) or not columns.time else True
    return [(cut, rows, short and cut is cuts[-1]) for cut, rows in zip(cuts, held, strict=True)]


def outcomes(
    instance: Instance, model: str, version: str, cuts: list[tuple[Window, int, bool]], tell: Progress
) -> Iterator[Outcome]:
    """Run the monitors over each window, as they would have run when it closed."""
    for number, (window, rows, partial) in enumerate(cuts, start=1):
        results = instance.runner.run_window(model, version, window, partial=partial)
        yield Outcome(window, rows, results, partial)
        tell("monitors", number, len(cuts))


def rows_a_send(features: int) -> int:
    """How many rows of so many features are sent at a time."""
    return max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(1, features)))


def _send_all(instance: Instance, model: str, version: str, history: History, times: pa.Array, tell: Progress) -> None:
    url = f"http://{LOOPBACK}:{instance.ports.http}"
    live, columns = history.live, history.columns
    named = ids(live, columns.id, f"{model}-{version}", history.remarks)
    shared = {names.META_MODEL: model, names.META_VERSION: version}
    if history.task and not instance.store.scalar(_CARDS, {"model": model}):
        send(url, names.EVENT_MODEL, records.card(history.task), shared, SERVICE)
    size = rows_a_send(len(columns.features))
    for start in range(0, live.num_rows, size):
        rows, part = live.slice(start, size), slice(start, start + size)
        told = records.predictions(rows, columns, named[part], times[part])
        send(url, names.EVENT_PREDICTIONS, told, shared, SERVICE)
        if columns.label:
            truth = records.labels(rows, columns.label, named[part], times[part])
            send(url, names.EVENT_LABELS, truth, shared, SERVICE)
        tell("predictions", start + rows.num_rows, live.num_rows)
