"""The record of runs in `monitor_runs`: when each was due, began and ended, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

RUNNING = "running"
DONE = "done"
FAILED = "failed"
TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Run:
    """One run over a window: of one monitor, or of all of them where `monitor` is empty."""

    run_id: str
    model: str
    version: str
    monitor: str
    window: Window
    scheduled: datetime
    started: datetime
    finished: datetime | None = None
    outcome: str = RUNNING
    error: str = ""

    def running(self) -> Run:
        """The run as it begins."""
        return replace(self, outcome=RUNNING)

    def ended(self, outcome: str, moment: datetime, error: str = "") -> Run:
        """The run as it ended."""
        return replace(self, outcome=outcome, finished=moment, error=error)

    def of(self, monitor: str, moment: datetime) -> Run:
        """The part of this run that is one monitor's."""
        return replace(self, monitor=monitor, started=moment)


def write(store: Store, runs: Sequence[Run]) -> None:
    """Store the runs; a later state of the same run replaces the earlier one."""
    nanoseconds, milliseconds = pa.timestamp("ns", "UTC"), pa.timestamp("ms", "UTC")
    columns = {
        name: pa.array([getattr(run, name) for run in runs], pa.string())
        for name in ("run_id", "model", "version", "monitor", "outcome", "error")
    }
    columns |= {
        "window_start": pa.array([run.window.start for run in runs], nanoseconds),
        "window_end": pa.array([run.window.end for run in runs], nanoseconds),
        "scheduled": pa.array([run.scheduled for run in runs], milliseconds),
        "started": pa.array([run.started for run in runs], milliseconds),
        "ended": pa.array([run.finished for run in runs], milliseconds),
        "updated_at": pa.array([run.finished or run.started for run in runs], milliseconds),
    }
    store.insert("monitor_runs", pa.table(columns))
