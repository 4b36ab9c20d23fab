"""Streams that the gate has read and checked, held for the writer, which wants the same ones a moment later.

To decompress a stream is most of what it costs to take it, and without this it would be done twice. A stream that is
not held any more is read again from the log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

MOST_BYTES: Final = 128 << 20
"""Bytes of tables held at one time; the oldest go."""
_COLUMN_BYTES: Final = 8 << 10
"""What a column takes beside its values: of many small streams that is nearly all."""


class HeldStreams:
    """The tables of each record of events, in their order, by the record's digest."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._tables: OrderedDict[bytes, Sequence[pa.Table]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, digest: bytes, tables: Sequence[pa.Table]) -> None:
        """Hold what the streams of a record were read as."""
        with self._lock:
            if digest not in self._tables:
                self._tables[digest] = tables
                self._bytes += _size(tables)
            while self._bytes > self._most_bytes:
                self._bytes -= _size(self._tables.popitem(last=False)[1])

    def take(self, digest: bytes) -> Sequence[pa.Table] | None:
        """What the streams of a record were read as, held no longer; None where it is not known."""
        with self._lock:
            tables = self._tables.pop(digest, None)
            if tables is not None:
                self._bytes -= _size(tables)
            return tables


def _size(tables: Sequence[pa.Table]) -> int:
    return sum(table.nbytes + _COLUMN_BYTES * table.num_columns for table in tables)
