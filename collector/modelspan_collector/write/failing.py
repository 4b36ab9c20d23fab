"""Logs whose inserts fail, and when each is tried again, so that no thread waits for one of them.

One thread at a time tries a failing log, and its segments wait with it: a tenant whose database is gone or slow delays
nobody else.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field

from modelspan_collector.wal.backlog import Batch
from modelspan_collector.wal.journal import Log

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 15.0


@dataclass(slots=True)
class _Failure:
    """What is known of one failing log."""

    due: float
    wait: float = _FIRST_WAIT
    trying: bool = False
    batches: list[Batch] = field(default_factory=list)
    held: int = 0
    """How often the log was due for its other segments meanwhile."""


class Failing:
    """The failing logs of a writer."""

    def __init__(self, sealed: queue.Queue[Log]) -> None:
        self._sealed = sealed
        self._failures: dict[Log, _Failure] = {}
        self._lock = threading.Lock()

    def hold(self, log: Log) -> bool:
        """Whether a log is failing; then it is queued again when it has recovered."""
        with self._lock:
            failure = self._failures.get(log)
            if failure is not None:
                failure.held += 1
            return failure is not None

    def add(self, log: Log, batch: Batch | None) -> float:
        """Note that a batch failed, or (None) that none could be taken; returns the seconds to the next attempt."""
        with self._lock:
            failure = self._failures.setdefault(log, _Failure(time.monotonic() + _FIRST_WAIT))
            if batch is None:
                failure.held += 1
            else:
                failure.batches.append(batch)
            return failure.wait

    def due(self) -> tuple[Log, list[Batch]] | None:
        """A log that is to be tried again, and what failed of it; the caller ends that with `again` or `end`."""
        now = time.monotonic()
        with self._lock:
            for log, failure in self._failures.items():
                if not failure.trying and failure.due <= now:
                    failure.trying = True
                    return log, list(failure.batches)
        return None

    def stored(self, log: Log, batch: Batch) -> None:
        """Note that a batch that failed is in the store."""
        with self._lock:
            self._failures[log].batches.remove(batch)

    def again(self, log: Log) -> float:
        """Note that it failed once more; returns the seconds to the next attempt."""
        with self._lock:
            failure = self._failures[log]
            failure.wait = min(_LONGEST_WAIT, failure.wait * 2)
            failure.due, failure.trying = time.monotonic() + failure.wait, False
            return failure.wait

    def end(self, log: Log) -> None:
        """Note that all that failed is in the store, and queue the log for its other segments."""
        with self._lock:
            failure = self._failures[log]
            failure.trying = False
            if failure.batches:  # another thread's insert, begun before the first failure, has failed as well
                return
            del self._failures[log]
        for _ in range(failure.held):
            self._sealed.put(log)
