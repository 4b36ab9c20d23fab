"""Encoded records that wait for the receiver: bounded in bytes, the oldest leaves first, every row accounted for."""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial

from modelspan._failsafe import swallowed
from modelspan.records.record import Record

NO_ROOM = "rows were dropped, the oldest first, because more than MODELSPAN_MAX_BYTES waited to be sent"
PATIENCE = 10.0
"""Seconds without an answer after which nobody waits for room until the receiver answers again."""


class Tally:
    """Rows by what became of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = {"sent": 0, "dropped": 0, "failed": 0}

    def add(self, outcome: str, rows: int) -> None:
        """Count rows as `sent` (acknowledged), `dropped` (no room) or `failed` (refused, or not to be encoded)."""
        with self._lock:
            self._rows[outcome] += rows

    def read(self) -> dict[str, int]:
        """Rows by outcome, all of one moment."""
        with self._lock:
            return dict(self._rows)


class Outbox:
    """A queue between the encoder and the sender."""

    def __init__(self, max_bytes: int, tally: Tally) -> None:
        self._max_bytes = max_bytes
        self._tally = tally
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._in_flight: Record | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._settled = 0
        self._answering = True
        """Whether the receiver has answered of late, or was not asked yet."""

    def wait_for_room(self, record: Record) -> None:
        """Wait until there is room for a record, as long as the receiver keeps answering: it may be slower than we."""
        size = len(record.body)
        with self._changed:
            while self._answering and self._is_full(size):
                settled = self._settled
                self._answering = self._changed.wait_for(partial(self._has_moved, settled, size), PATIENCE)

    def _has_moved(self, settled: int, size: int) -> bool:
        return self._settled > settled or not self._is_full(size)

    def _is_full(self, size: int) -> bool:
        return bool(self._records) and self._bytes + size > self._max_bytes and not self._closed

    def put(self, record: Record) -> None:
        """Append a record; for want of room the oldest are dropped and counted, but one may be larger than it all."""
        size, dropped = len(record.body), 0
        with self._changed:
            while self._records and self._bytes + size > self._max_bytes:
                oldest = self._records.popleft()
                self._bytes -= len(oldest.body)
                dropped += oldest.rows
            if self._closed:
                self._tally.add("dropped", record.rows)
            else:
                self._records.append(record)
                self._bytes += size
                self._changed.notify_all()
        if dropped:
            self._tally.add("dropped", dropped)
            swallowed(NO_ROOM)

    def take(self, timeout: float) -> Record | None:
        """The oldest record, to be followed by `settle`; None where none comes in so many seconds, or the end."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._records) or self._closed, timeout)
            if not self._records:
                return None
            record = self._records.popleft()
            self._bytes -= len(record.body)
            self._in_flight = record
            return record

    def settle(self, outcome: str) -> None:
        """Say what became of the record that was taken."""
        with self._changed:
            if self._in_flight is not None:
                self._tally.add(outcome, self._in_flight.rows)
            self._in_flight = None
            self._settled += 1
            self._answering = True
            self._changed.notify_all()

    def wait_empty(self, deadline: float) -> bool:
        """Wait until nothing waits and nothing is under way, at most until a time of the monotonic clock."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._records and self._in_flight is None, max(0.0, deadline - time.monotonic())
            )

    def close(self) -> None:
        """Take nothing more: what comes now is counted as dropped, and who waits for it is woken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Count all that waits, and what is under way without an answer, as dropped: the process ends."""
        self.settle("dropped")
        self.close()
        with self._changed:
            while self._records:
                self._tally.add("dropped", self._records.popleft().rows)
            self._bytes = 0
