"""Streams that the gate has read and checked, held for the writer, which wants the same ones a moment later.

To decompress a stream is most of what it costs to take it, and without this it would be done twice. A stream that is
not held any more is read again from the log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa

MOST_BYTES: Final = 128 << 20
"""Bytes of streams held at one time; the oldest go."""
_COLUMN_BYTES: Final = 8 << 10
"""What a column takes beside its values: of many small streams that is nearly all."""


class Checked(NamedTuple):
    """A stream that the gate has read and checked."""

    table: pa.Table
    size: int
    """Bytes that it takes once its dictionaries are spelt out."""


class HeldStreams:
    """The streams of each record of events, in their order, by the record's digest."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._streams: OrderedDict[bytes, Sequence[Checked]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, digest: bytes, streams: Sequence[Checked]) -> None:
        """Hold what the streams of a record were read as."""
        with self._lock:
            if digest not in self._streams:
                self._streams[digest] = streams
                self._bytes += _size(streams)
            while self._bytes > self._most_bytes:
                self._bytes -= _size(self._streams.popitem(last=False)[1])

    def take(self, digest: bytes) -> Sequence[Checked] | None:
        """What the streams of a record were read as, held no longer; None where it is not known."""
        with self._lock:
            streams = self._streams.pop(digest, None)
            if streams is not None:
                self._bytes -= _size(streams)
            return streams


def _size(streams: Sequence[Checked]) -> int:
    return sum(each.size + _COLUMN_BYTES * int(each.table.num_columns) for each in streams)
