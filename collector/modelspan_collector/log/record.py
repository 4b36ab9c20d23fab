"""One record of the write-ahead log: a header that proves itself, then the bytes of a request.

    magic (4) · length (4) · kind (1) · received, ns since 1970 (8) · SHA-256 of the payload, first half (16) · CRC-32
    of the above (4)

The digest serves twice: it tells a torn or rotten record from a whole one, and it recognises a request that a client
sends again.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_HEADER: Final = struct.Struct("<4sIBQ16s")
_CHECK: Final = struct.Struct("<I")
_MAGIC: Final = b"MSR1"
HEADER_BYTES: Final = _HEADER.size + _CHECK.size


class Kind(IntEnum):
    """What a record's payload is."""

    OTLP = 1
    """An OTLP request of the log's signal."""
    EVENTS = 2
    """An OTLP logs request that holds nothing but modelspan's events."""
    TRACES = 3
    """In a queue of the forwarder: an OTLP request of this signal, as it is sent on."""
    METRICS = 4
    LOGS = 5


@dataclass(frozen=True, slots=True)
class Record:
    """A request, as it is kept until it is in the store."""

    kind: Kind
    received: int
    """Nanoseconds since 1970."""
    digest: bytes
    """The first half of the payload's SHA-256."""
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes that the record takes in a segment."""
        return HEADER_BYTES + len(self.payload)

    def encode(self) -> tuple[bytes, bytes]:
        """Header and payload, in the order in which they are written."""
        header = _HEADER.pack(_MAGIC, len(self.payload), self.kind, self.received, self.digest)
        return header + _CHECK.pack(zlib.crc32(header)), self.payload


def make(kind: Kind, received: int, payload: bytes) -> Record:
    """A record of a payload, with its digest."""
    return Record(kind, received, hashlib.sha256(payload).digest()[:16], payload)


def read(data: bytes, offset: int = 0, *, prove: bool = True) -> Iterator[tuple[Record, int]]:
    """Every whole record from `offset` on, with the offset behind it; stops at the first that does not prove itself.

    Without `prove` the digests of payloads are believed, as those may be that this process has written or has proved.
    """
    while offset + HEADER_BYTES <= len(data):
        magic, length, kind, received, digest = _HEADER.unpack_from(data, offset)
        (check,) = _CHECK.unpack_from(data, offset + _HEADER.size)
        begin, end = offset + HEADER_BYTES, offset + HEADER_BYTES + length
        if magic != _MAGIC or check != zlib.crc32(data[offset : offset + _HEADER.size]) or end > len(data):
            return
        payload = data[begin:end]
        if prove and hashlib.sha256(payload).digest()[:16] != digest:
            return
        yield Record(Kind(kind), received, digest, payload), end
        offset = end
