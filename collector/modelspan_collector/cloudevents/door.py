"""Takes events into a log of their own, brings requests and answers together, and hands them on as predictions.

An event is acknowledged when it is on disk. A segment of the log is kept until each event in it is settled: handed on,
which is when its prediction is in the log of its tenant, or given up. What a crash interrupts is read again; a
prediction that was handed on before is the same bytes again, and recognised by them.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelspan_collector.background import Background
from modelspan_collector.cloudevents.half import ANSWER, REQUEST, Half
from modelspan_collector.cloudevents.pair import logs_request
from modelspan_collector.cloudevents.payloads import MisfitError
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.errors import BusyError, RefusedError
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.receive.gate import Gate
from modelspan_collector.wal.backlog import Batch
from modelspan_collector.wal.journal import Log, LogFullError, LogOptions
from modelspan_collector.wal.record import Kind, make
from modelspan_collector.write.complaints import Complaint

_LOGGER = logging.getLogger(__name__)
MOST_WAITING: Final = 256 << 20
"""Bytes of halves that wait for their others."""
_AGAIN_SECONDS: Final = 0.5
NAME: Final = "cloudevents"


@dataclass(slots=True, eq=False)
class _Read:
    """A batch of the log, until all of its events are settled."""

    batch: Batch
    digests: list[list[bytes]] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A half, when it came, and what it was read from."""

    half: Half
    received: int
    read: _Read


@dataclass(frozen=True, slots=True)
class _Pair:
    request: _Waiting
    answer: _Waiting


class Door:
    """The way of events into a collector; it is started once and stopped once."""

    def __init__(
        self,
        folder: Path,
        options: LogOptions,
        gate: Gate,
        metrics: Metrics,
        complain: Callable[[Complaint, int], None],
        *,
        patience: float,
    ) -> None:
        """Describe it.

        Args:
            folder: of its log.
            options: of its log.
            gate: takes predictions; its rules of redaction are none, as halves are redacted when they come.
            metrics: counts what becomes of events.
            complain: tells users of events that never became predictions.
            patience: seconds for which a half waits for its other one.
        """
        self._sealed: queue.Queue[Log] = queue.Queue()
        self.log = Log(folder, options, self._sealed.put)
        self._gate, self._metrics, self._complain = gate, metrics, complain
        self._patience = patience
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._bytes = 0
        self._reads: list[_Read] = []
        """What the log keeps for events that are not settled."""
        self._working = threading.Lock()
        """Held by who changes what is in memory."""
        self._whole: list[_Pair] = []
        """Pairs that are to be handed on."""
        self._idle = threading.Condition()
        self._thread = Background("modelspan-cloudevents", self._run)

    def start(self) -> None:
        """Take over what an earlier process left, then take events."""
        self.log.start()
        self._metrics.torn_bytes.labels(NAME).inc(self.log.replay.torn_bytes)
        self._metrics.replayed.labels(NAME).inc(self.log.replay.records)
        self._metrics.log_bytes.labels(NAME).set_function(lambda: self.log.waiting_bytes)
        self._metrics.broken_bytes.labels(NAME).set_function(lambda: self.log.broken_bytes)
        self._metrics.cloudevents_waiting.set_function(lambda: len(self._waiting))
        self._thread.start()

    def stop(self) -> None:
        """Hand on what has come whole; what still waits stays in the log."""
        self.log.stop()
        self._thread.stop()

    def take(self, halves: Sequence[Half]) -> Future[None]:
        """Keep events; the future is done when they are on disk.

        Raises:
            BusyError: too much waits.
        """
        if self._bytes > MOST_WAITING:
            raise BusyError("too many events wait for their other half; send again later", retry_after=5.0)
        now = time.time_ns()
        try:
            written = self.log.append([make(Kind.CLOUDEVENT, now, half.encode()) for half in halves])
        except LogFullError as error:
            raise BusyError(str(error), retry_after=5.0) from error
        written.add_done_callback(lambda done: self._metrics.took(NAME, len(halves), done))
        return written

    def flush(self, timeout: float) -> None:
        """Everything that has come whole so far is handed on, on return.

        Raises:
            TimeoutError: it is not in time.
        """
        self.log.flush()
        with self._idle:
            if not self._idle.wait_for(lambda: not self._sealed.unfinished_tasks and not self._whole, timeout):
                raise TimeoutError(f"events could not be handed on within {timeout:g} s")

    @contextmanager
    def still(self) -> Iterator[None]:
        """Hold still: the files of the log may be read and rewritten; what they hold then is what waits."""
        with self._working:
            try:
                yield
            finally:
                self._waiting.clear()
                self._bytes, self._whole = 0, []
                for read in list(self._reads):
                    self._look_at(read)

    # --- the thread --------------------------------------------------------------------------------

    def _run(self, stopping: threading.Event) -> None:
        while not (stopping.is_set() and self._sealed.empty()):
            try:
                self._sealed.get(timeout=0.1)
            except queue.Empty:
                with self._working:
                    self._hand_on()
                    self._give_up()
            else:
                with self._working:
                    self._take_up(stopping)
                    self._give_up()
                self._sealed.task_done()
            with self._idle:
                self._idle.notify_all()

    def _take_up(self, stopping: threading.Event) -> None:
        try:
            self._read()
        except OSError as error:
            _LOGGER.warning("events cannot be taken from their log, trying again: %s", error)
            self._sealed.put(self.log)
            stopping.wait(_AGAIN_SECONDS)
        self._hand_on()

    def _read(self) -> None:
        batch = self.log.backlog.take()
        if batch is None:
            return
        read = _Read(batch)
        self._reads.append(read)
        self._look_at(read)

    def _look_at(self, read: _Read) -> None:
        """Take all events of a batch into memory, and what is whole by them."""
        parts = [segment.records() for segment in read.batch.segments]
        read.digests = [[record.digest for record in part] for part in parts]
        read.left = sum(map(len, parts)) + 1
        for record in (each for part in parts for each in part):
            found = self._matched(_Waiting(Half.decode(record.payload), record.received, read))
            if found is not None:
                self._whole.append(found)
        self._settle(read)

    def _matched(self, came: _Waiting) -> _Pair | None:
        """The pair that a half completes; None where it waits."""
        half = came.half
        other = self._waiting.pop((half.key, ANSWER if half.side == REQUEST else REQUEST), None)
        if other is not None:
            self._bytes -= other.half.table.nbytes
            return _Pair(came, other) if half.side == REQUEST else _Pair(other, came)
        if (half.key, half.side) in self._waiting:
            self._leave_out(came, "events whose id another one had, which still waits for its other half")
        else:
            self._waiting[half.key, half.side] = came
            self._bytes += half.table.nbytes
        return None

    def _hand_on(self) -> None:
        """Hand on what is whole; what cannot be taken now is tried again, and is read again where the process ends."""
        tried = [(pair, self._accepted(pair)) for pair in self._whole]
        left = []
        for pair, written in tried:
            if written is None or not _succeeded(written):
                left.append(pair)
                continue
            self._settle(pair.request.read)
            self._settle(pair.answer.read)
        self._whole = left

    def _accepted(self, pair: _Pair) -> Future[None] | None:
        """The future of a pair's being in the log; None where it cannot be taken now."""
        request, answer = pair.request, pair.answer
        try:
            decoded = logs_request(request.half, answer.half, request.received)
            written = self._gate.accept(LOGS, decoded, request.half.sender).written
            self._metrics.cloudevents.labels("paired").inc(2)
            return written
        except BusyError:
            return None
        except (MisfitError, RefusedError) as error:
            self._complain(_complaint(request.half, str(error)), 1)
            self._metrics.cloudevents.labels("unread").inc(2)
            done: Future[None] = Future()
            done.set_result(None)
            return done

    def _give_up(self) -> None:
        """Halves that have waited for long enough; they came in this order."""
        horizon = time.time_ns() - int(self._patience * 1e9)
        late = []
        for waiting in self._waiting.values():
            if waiting.received > horizon:
                break
            late.append(waiting)
        for waiting in late:
            half = waiting.half
            del self._waiting[half.key, half.side]
            self._bytes -= half.table.nbytes
            what = "a request without an answer" if half.side == REQUEST else "an answer without a request"
            self._leave_out(waiting, f"{what} within {self._patience:g} s")

    def _leave_out(self, waiting: _Waiting, reason: str) -> None:
        self._metrics.cloudevents.labels("alone").inc()
        self._complain(_complaint(waiting.half, reason), 1)
        self._settle(waiting.read)

    def _settle(self, read: _Read) -> None:
        """One event less is to be settled; with the last one the log forgets the batch."""
        read.left -= 1
        if not read.left:
            self._reads.remove(read)
            self.log.retire(read.batch, read.digests)


def _succeeded(written: Future[None]) -> bool:
    try:
        written.result()
    except LogFullError:
        return False
    return True


def _complaint(half: Half, reason: str) -> Complaint:
    return Complaint(NAME, "row_left_out", half.model, reason, half.model, database=half.database)
