"""Runs a replay: rows to the collector, baseline to the store, monitors over the windows in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from modelspan import conventions as names
from modelspan_analyzer import baselines
from modelspan_analyzer.instance import LOOPBACK, Instance
from modelspan_analyzer.replay import records, windows
from modelspan_analyzer.replay.history import History, HistoryError
from modelspan_analyzer.replay.send import send
from modelspan_analyzer.results import Result, Window

CHUNK_ROWS = 10_000
STORE_SECONDS = 900.0
SERVICE = "modelspan-replay"
_STORED = "SELECT count() FROM predictions WHERE model = {model:String} AND version = {version:String}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the monitors said of one window."""

    window: Window
    results: list[Result]


Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and what there is to do."""


def prepare(
    instance: Instance, model: str, version: str, history: History, step: timedelta | int | None, tell: Progress
) -> list[Window]:
    """Bring baseline, predictions and labels into the store; return the windows to look at.

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
        features=list(columns.features),
        tags=columns.segments,
        source=history.baseline_source,
    )
    if columns.time:
        times, cuts = live[columns.time].combine_chunks(), windows.by_time(live[columns.time], step)
    elif isinstance(step, timedelta):
        raise HistoryError("without --time a window is a number of rows, such as --window 1000")
    else:
        times, cuts = windows.by_rows(live.num_rows, step)
    _send_all(instance, model, version, history, times, tell)
    instance.collector.flush(timeout=STORE_SECONDS)
    return cuts


def outcomes(instance: Instance, model: str, version: str, cuts: list[Window], tell: Progress) -> Iterator[Outcome]:
    """Run the monitors over each window, as they would have run when it closed."""
    for number, window in enumerate(cuts, start=1):
        yield Outcome(window, instance.runner.run_window(model, version, window))
        tell("monitors", number, len(cuts))


def _send_all(instance: Instance, model: str, version: str, history: History, times: pa.Array, tell: Progress) -> None:
    url = f"http://{LOOPBACK}:{instance.ports.http}"
    live, columns = history.live, history.columns
    ids = pa.array([f"{model}-{version}-{row}" for row in range(live.num_rows)])
    shared = {names.META_MODEL: model, names.META_VERSION: version}
    for start in range(0, live.num_rows, CHUNK_ROWS):
        rows, part = live.slice(start, CHUNK_ROWS), slice(start, start + CHUNK_ROWS)
        send(url, names.EVENT_PREDICTIONS, records.predictions(rows, columns, ids[part], times[part]), shared, SERVICE)
        if columns.label:
            send(url, names.EVENT_LABELS, records.labels(rows, columns.label, ids[part], times[part]), shared, SERVICE)
        tell("predictions", start + rows.num_rows, live.num_rows)
