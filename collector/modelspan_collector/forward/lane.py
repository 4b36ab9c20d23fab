"""One destination's queue and the thread that empties it.

The queue is a write-ahead log like those of the store, so it outlives the process: a request is delivered at least
once, and twice only where a crash falls between a delivery and the end of its segment. Where it outgrows its budget,
the oldest requests go, and are counted.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modelspan_collector.forward.destination import Destination
from modelspan_collector.forward.send import Outcome, Sender, open_sender
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from modelspan_collector.wal.backlog import Batch
from modelspan_collector.wal.journal import Log, LogFullError, LogOptions
from modelspan_collector.wal.record import Kind, Record, make

_LOGGER = logging.getLogger(__name__)
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_DRAIN_SECONDS = 5.0
_SEGMENT_BYTES = 4 << 20
_SEGMENT_SECONDS = 0.2
_PARTS = 8
"""A queue is dropped from by segments, so it has at least this many."""
_KINDS = {TRACES: Kind.TRACES, METRICS: Kind.METRICS, LOGS: Kind.LOGS}
_SIGNALS = {kind: signal for signal, kind in _KINDS.items()}


class Lane:
    """A destination with its queue."""

    def __init__(self, destination: Destination, folder: Path, options: LogOptions, metrics: Metrics) -> None:
        self.destination = destination
        self.name = folder.name
        self._count = metrics.forwarded
        self._ready: queue.Queue[bool] = queue.Queue()
        """True for every segment that is sealed, False once for the end."""
        options = replace(
            options,
            budget_bytes=destination.queue_bytes,
            segment_bytes=min(_SEGMENT_BYTES, destination.queue_bytes // _PARTS),
            segment_seconds=_SEGMENT_SECONDS,
        )
        self._log = Log(folder, options, lambda _: self._ready.put(True))
        self._files = threading.Lock()
        """Held while segments are renamed, read or removed."""
        self._stopping = threading.Event()
        self._stop_at = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"modelspan-forward-{destination.name}", daemon=True)
        metrics.forward_bytes.labels(destination.name).set_function(lambda: self._log.waiting_bytes)
        metrics.forward_lag_seconds.labels(destination.name).set_function(self._log.backlog.lag)

    def start(self) -> None:
        """Take up what an earlier process left, and begin to send."""
        self._log.start()
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, for a few seconds at most and only while the destination takes it."""
        self._stop_at = time.monotonic() + _DRAIN_SECONDS
        self._stopping.set()
        self._log.stop()
        self._ready.put(False)
        self._thread.join()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Leave the files of the queue alone, all of them sealed; while nothing is offered."""
        self._log.flush()
        with self._files:
            yield

    def offer(self, signal: Signal, body: bytes) -> Future[None]:
        """Queue a request; the future is done when it is on disk, or dropped and counted, and does not fail."""
        settled: Future[None] = Future()

        def settle(written: Future[None]) -> None:
            if written.exception() is not None:
                self._done("dropped_queue_full")
            settled.set_result(None)

        self._append(make(_KINDS[signal], time.time_ns(), body)).add_done_callback(settle)
        return settled

    def _append(self, record: Record) -> Future[None]:
        while True:
            try:
                return self._log.append([record])
            except LogFullError as error:
                if record.size > self.destination.queue_bytes or not self._drop_oldest():
                    failed: Future[None] = Future()
                    failed.set_exception(error)
                    return failed

    def _drop_oldest(self) -> bool:
        """Give up the oldest requests that are not being sent just now; False where there are none."""
        try:
            taken = self._take()
        except OSError:
            return False
        if taken is None:
            return False
        batch, records = taken
        self._retire(batch, records)
        self._done("dropped_queue_full", sum(map(len, records)))
        return True

    def _run(self) -> None:
        sender = open_sender(self.destination)
        while self._ready.get():
            try:
                taken = self._take()
                if taken is None:
                    continue
                batch, records = taken
                if not all(self._deliver(sender, record) for part in records for record in part):
                    break
                self._retire(batch, records)
            except OSError as error:
                _LOGGER.warning("the queue for %s cannot be read: %s", self.destination.name, error.strerror)
                self._stopping.wait(_FIRST_WAIT)
                self._ready.put(True)
        sender.close()

    def _deliver(self, sender: Sender, record: Record) -> bool:
        """Send one request, again and again until it is taken, refused or too old; False where it stays queued."""
        wait = _FIRST_WAIT
        while True:
            if time.monotonic() > self._stop_at:
                return False
            reply = sender.send(_SIGNALS[record.kind], record.payload)
            if reply.outcome is not Outcome.RETRY:
                self._done(reply.outcome.value)
                return True
            if time.time_ns() - record.received >= self.destination.retry_seconds * 1e9:
                self._done("dropped_too_old")
                return True
            pause = max(reply.retry_after, wait * random.uniform(0.5, 1.0))  # noqa: S311 - only jitter
            if self._stopping.wait(min(pause, _LONGEST_WAIT)):
                return False
            wait = min(_LONGEST_WAIT, wait * 2)

    def _take(self) -> tuple[Batch, list[list[Record]]] | None:
        with self._files:
            batch = self._log.backlog.take()
            return None if batch is None else (batch, [segment.records() for segment in batch.segments])

    def _retire(self, batch: Batch, records: Sequence[Sequence[Record]]) -> None:
        with self._files:
            self._log.retire(batch, [[record.digest for record in part] for part in records])

    def _done(self, outcome: str, count: int = 1) -> None:
        self._count.labels(self.destination.name, outcome).inc(count)
