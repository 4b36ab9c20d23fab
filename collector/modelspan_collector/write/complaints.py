"""Tells users what of theirs was not taken as it was: rows of `ingest_errors`, written off the request's path.

Best effort: while the store is away complaints wait, a thousand kinds of them and the others as one; the counters at
`/metrics` are exact.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from modelspan_collector.background import Background
from modelspan_collector.store.connect import Store

_FLUSH_SECONDS = 1.0
_AGAIN_SECONDS = 60.0
_MOST = 1000
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One row of `ingest_errors`, but for its count."""

    signal: str
    kind: str
    """`rejected`, `column_left_out`, `value_left_out`, `row_left_out`, `sketch_left_out`, `invalid_text`,
    `wild_timestamp`, `rounded` or `dead_letter`."""
    service: str
    reason: str
    model: str = ""
    column: str = ""
    database: str = ""
    """The tenant's, whose table it is written to; '' is the collector's own."""


_OTHERS = Complaint("", "more", "", "more kinds of complaints came at one time than are listed one by one")


class Complaints:
    """Counts complaints, and writes them: a new one within a second, one that comes again once a minute."""

    def __init__(self, store: Callable[[str], Store]) -> None:
        """Begin with nothing to say.

        Args:
            store: the store of a database by its name; of '' the collector's own.
        """
        self._store = store
        self._waiting: Counter[Complaint] = Counter()
        self._written: dict[Complaint, float] = {}
        """When each was last written."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._background = Background.every("modelspan-complaints", _FLUSH_SECONDS, lambda: self._flush(self._is_due))

    def add(self, complaint: Complaint, count: int) -> None:
        """Note that `count` items were treated so."""
        with self._lock:
            if complaint not in self._waiting and len(self._waiting) >= _MOST:
                complaint = _OTHERS
            self._waiting[complaint] += count

    def start(self) -> None:
        """Begin to write."""
        self._background.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._background.stop()
        self.flush()

    def flush(self) -> None:
        """Write what waits now; on return it is in the table, unless the store is away."""
        self._flush(lambda _complaint: True)

    def _is_due(self, complaint: Complaint) -> bool:
        return time.monotonic() - self._written.get(complaint, -_AGAIN_SECONDS) >= _AGAIN_SECONDS

    def _flush(self, is_due: Callable[[Complaint], bool]) -> None:
        with self._writing:
            with self._lock:
                due = {complaint: count for complaint, count in self._waiting.items() if is_due(complaint)}
                for complaint in due:
                    del self._waiting[complaint]
            for database in {complaint.database for complaint in due}:
                self._write(database, {each: count for each, count in due.items() if each.database == database})
            if len(self._written) > _MOST:
                self._written.clear()
            self._written.update(dict.fromkeys(due, time.monotonic()))

    def _write(self, database: str, waiting: Mapping[Complaint, int]) -> None:
        names = {"column_name": "column"}
        columns = {
            column: [_clean(getattr(complaint, names.get(column, column))) for complaint in waiting]
            for column in ("signal", "kind", "service", "model", "column_name", "reason")
        }
        try:
            rows = pa.table({**columns, "count": pa.array(waiting.values(), pa.uint64())})
            self._store(database).insert("ingest_errors", rows)
        except Exception as error:
            _LOGGER.warning("cannot write ingest_errors, keeping %d: %s", len(waiting), type(error).__name__)
            with self._lock:
                self._waiting.update(waiting)


def _clean(text: str) -> str:
    """Text that a table can hold: a reason may quote half a character."""
    return text.encode("utf-8", "replace").decode()
