"""From the log into the store: takes what is sealed, inserts it as one, and tries again until the store has it.

A store that is away or slow only lets the log grow, and a tenant whose inserts fail delays no other. Records that the
store refuses for what they are get isolated by halving the batch, and set aside as dead letters, so that one poisoned
record holds up nothing.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.signals import Signal
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.backlog import Batch
from modelspan_collector.wal.journal import Log
from modelspan_collector.wal.record import Kind, Record
from modelspan_collector.wal.segment import SUFFIX
from modelspan_collector.write import refusals
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.failing import Failing
from modelspan_collector.write.held import HeldStreams
from modelspan_collector.write.insert import insert_otlp
from modelspan_collector.write.insert_events import insert_events

_LOGGER = logging.getLogger(__name__)


class Writer:
    """Threads that empty the logs into the store."""

    def __init__(
        self,
        sealed: queue.Queue[Log],
        target: Callable[[Log], tuple[Store, Signal]],
        *,
        dead: Path,
        metrics: Metrics,
        complain: Callable[[Complaint, int], None],
        held: HeldStreams,
        threads: int,
    ) -> None:
        self._sealed = sealed
        self._target = target
        self._dead = dead
        self._metrics = metrics
        self._complain = complain
        self._held = held
        self._failing = Failing(sealed)
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, name=f"modelspan-writer-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to take segments."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the inserts that are under way; what is left in the log is replayed at the next start."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def drain(self, logs: Sequence[Log], timeout: float) -> None:
        """Wait until the logs are empty.

        Raises:
            TimeoutError: they are not in time; the store is away or slow.
        """
        deadline = time.monotonic() + timeout
        with self._idle:
            while any(log.waiting_bytes for log in logs):
                if not self._idle.wait(min(0.5, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    waiting = sum(log.waiting_bytes for log in logs)
                    raise TimeoutError(f"{waiting} bytes still wait for the store after {timeout:g} s")

    def _run(self) -> None:
        while not self._stopping.is_set():
            again = self._failing.due()
            if again is not None:
                self._retry(*again)
            else:
                try:
                    log = self._sealed.get(timeout=0.1)
                except queue.Empty:
                    continue
                if not self._failing.hold(log):
                    self._store(log)
            with self._idle:
                self._idle.notify_all()

    def _store(self, log: Log) -> None:
        """Insert what waits in a log, up to the size of one insert."""
        batch: Batch | None = None
        try:
            batch = log.backlog.take()
            if batch is not None:
                self._store_batch(log, batch)
        except Exception as error:
            self._warn(log, error, self._failing.add(log, batch))

    def _retry(self, log: Log, batches: Sequence[Batch]) -> None:
        """Insert what failed before."""
        try:
            for batch in batches:
                self._store_batch(log, batch)
                self._failing.stored(log, batch)
            self._failing.end(log)
        except Exception as error:
            self._warn(log, error, self._failing.again(log))

    def _warn(self, log: Log, error: Exception, wait: float) -> None:
        self._metrics.insert_errors.labels(log.folder.name, "retry").inc()
        _LOGGER.warning("insert failed, trying again in %.1f s: %s", wait, refusals.kind(error))

    def _store_batch(self, log: Log, batch: Batch) -> None:
        store, signal = self._target(log)
        parts = [segment.records() for segment in batch.segments]
        kinds: dict[Kind, list[Record]] = {}
        for record in chain.from_iterable(parts):
            kinds.setdefault(record.kind, []).append(record)
        for kind, records in kinds.items():
            self._insert(store, signal, kind, records, f"{batch.token}.{kind.value}")
        log.retire(batch, [[record.digest for record in part] for part in parts])
        self._metrics.stored.labels(signal.name).inc(sum(map(len, parts)))
        self._metrics.stored_bytes.labels(signal.name).inc(batch.size)

    def _insert(self, store: Store, signal: Signal, kind: Kind, records: Sequence[Record], token: str) -> None:
        if kind is Kind.OTLP:
            self._insert_otlp(store, signal, records, token)
            return
        with self._metrics.insert_seconds.labels(signal.name).time():
            outcome = insert_events(store, records, token, self._metrics, self._held)
        for unfit in outcome.unfit:
            self._set_aside(store, signal, unfit.record, unfit.token, unfit.reason)
        for complaint, count in outcome.complaints.items():
            self._complain(replace(complaint, database=store.database), count)

    def _insert_otlp(self, store: Store, signal: Signal, records: Sequence[Record], token: str) -> None:
        """Insert requests; where the store refuses them, insert the halves, down to the one that is at fault."""
        try:
            with self._metrics.insert_seconds.labels(signal.name).time():
                insert_otlp(store, signal, records, token)
        except (DatabaseError, MemoryError, ValueError) as error:
            # What fails without the store fails the next time, too: it must not hold up what is behind it.
            if isinstance(error, DatabaseError) and not refusals.is_about_data(error):
                raise
            self._metrics.insert_errors.labels(signal.name, "split").inc()
            if len(records) == 1:
                self._set_aside(store, signal, records[0], token, refusals.reason(error))
                return
            middle = len(records) // 2
            self._insert_otlp(store, signal, records[:middle], f"{token}.0")
            self._insert_otlp(store, signal, records[middle:], f"{token}.1")

    def _set_aside(self, store: Store, signal: Signal, record: Record, token: str, reason: str) -> None:
        """Keep a record that the store refuses, with the reason beside it."""
        folder = self._dead / store.database / signal.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{token}{SUFFIX}"
        path.write_bytes(b"".join(record.encode()))
        about = {"signal": signal.name, "received": record.received, "bytes": len(record.payload), "reason": reason}
        path.with_suffix(".json").write_text(json.dumps(about))
        self._metrics.dead_letters.labels(signal.name).inc()
        self._complain(Complaint(signal.name, "dead_letter", "", reason, database=store.database), 1)
        _LOGGER.error("the store refuses a request; kept as %s, with the reason beside it", path.name)
