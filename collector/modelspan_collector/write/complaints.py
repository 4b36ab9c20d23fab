"""Tells users what of theirs was not taken as it was: rows of `ingest_errors`, written off the request's path.

Best effort: while the store is away complaints wait, at most a thousand kinds of them; the counters at `/metrics` are
exact.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from modelspan_collector.store.connect import Store

_FLUSH_SECONDS = 1.0
_MOST = 1000
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One row of `ingest_errors`, but for its count."""

    signal: str
    kind: str
    """`rejected`, `invalid_text`, `wild_timestamp` or `dead_letter`."""
    service: str
    reason: str


class Complaints:
    """Counts complaints, and writes them once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: Counter[Complaint] = Counter()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modelspan-complaints", daemon=True)

    def add(self, complaint: Complaint, count: int) -> None:
        """Note that `count` items were treated so."""
        with self._lock:
            if complaint in self._waiting or len(self._waiting) < _MOST:
                self._waiting[complaint] += count

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_FLUSH_SECONDS):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Write what waits now; on return it is in the table, unless the store is away."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, Counter()
            if waiting:
                self._write(waiting)

    def _write(self, waiting: Counter[Complaint]) -> None:
        columns = {
            "signal": [complaint.signal for complaint in waiting],
            "kind": [complaint.kind for complaint in waiting],
            "service": [complaint.service for complaint in waiting],
            "count": pa.array(waiting.values(), pa.uint64()),
            "reason": [complaint.reason for complaint in waiting],
        }
        try:
            self._store.insert("ingest_errors", pa.table(columns))
        except Exception as error:
            _LOGGER.warning("cannot write ingest_errors, keeping %d: %s", len(waiting), type(error).__name__)
            with self._lock:
                self._waiting.update(waiting)
