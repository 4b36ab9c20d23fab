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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct("<4sIBQ16s")
_CHECK: Final = struct.Struct("<I")
_MAGIC: Final = b"MSR1"
_DIGEST_BYTES: Final = 16
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
    CLOUDEVENT = 6
    """In the log of events of serving platforms: a request or an answer that waits for its other half."""


_KINDS: Final = frozenset(Kind)


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
    return Record(kind, received, _digest(payload), payload)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file of records: a whole record, or damage."""

    begin: int
    end: int
    record: Record | None = None
    """None where the stretch is damaged."""
    torn: bool = False
    """True for an end that was never written whole, and so never acknowledged: a crash leaves such."""


def read(data: bytes) -> Iterator[tuple[Record, int]]:
    """Every record that proves itself, with the offset behind it; what is damaged between them is passed over."""
    return ((piece.record, piece.end) for piece in pieces(data) if piece.record is not None)


def pieces(data: bytes) -> Iterator[Piece]:
    """The whole of a file: its records, and the damage between and behind them.

    A damaged record costs no other one. Where its header is sound, that says where the next one begins; else it is
    found by what the header still holds, its length or its digest, and only then by looking for the next record.
    """
    offset = 0
    while offset < len(data):
        header = _header_at(data, offset)
        begin = offset + HEADER_BYTES
        if header is None:
            end = _resume(data, offset)
            yield Piece(offset, end, torn=end == len(data) and _never_written(data, offset))
        elif begin + header.length > len(data):
            end = len(data)
            yield Piece(offset, end, torn=True)
        else:
            end = begin + header.length
            payload = data[begin:end]
            sound = _digest(payload) == header.digest
            record = Record(Kind(header.kind), header.received, header.digest, payload) if sound else None
            yield Piece(offset, end, record)
        offset = end


class _Header(NamedTuple):
    magic: bytes
    length: int
    kind: int
    received: int
    digest: bytes


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:_DIGEST_BYTES]


def _header_at(data: bytes, offset: int) -> _Header | None:
    """The header at an offset; None where there is none that proves itself."""
    if offset + HEADER_BYTES > len(data):
        return None
    header = _Header(*_HEADER.unpack_from(data, offset))
    (check,) = _CHECK.unpack_from(data, offset + _HEADER.size)
    sound = header.magic == _MAGIC and check == zlib.crc32(data[offset : offset + _HEADER.size])
    return header if sound and header.kind in _KINDS else None


def _resume(data: bytes, offset: int) -> int:
    """Where the next record begins behind a header that is damaged; the end of the file where there is none.

    A request may hold, within its payload, what looks like a record, and a damaged length may lead to just that: the
    digest is believed first, then the length, and only where neither leads to an end is the next record looked for.
    """
    begin = offset + HEADER_BYTES
    if begin > len(data):
        return len(data)
    damaged = _Header(*_HEADER.unpack_from(data, offset))
    by_length = begin + damaged.length
    at_length = by_length == len(data) or _header_at(data, by_length) is not None
    if at_length and _digest(data[begin:by_length]) == damaged.digest:
        return by_length
    candidates = [*_candidates(data, offset + 1), len(data)]
    by_digest = _with_digest(data, begin, candidates, damaged.digest)
    if by_digest is not None:
        return by_digest
    return by_length if at_length else candidates[0]


def _with_digest(data: bytes, begin: int, ends: Iterable[int], wanted: bytes) -> int | None:
    """The first of some ends at which what began before has a digest; None where it has it at none."""
    hashed, digest = begin, hashlib.sha256()
    for end in ends:
        if end >= begin:
            digest.update(memoryview(data)[hashed:end])
            hashed = end
            if digest.digest()[:_DIGEST_BYTES] == wanted:
                return end
    return None


def _candidates(data: bytes, offset: int) -> Iterator[int]:
    """Where headers stand that prove themselves."""
    while (offset := data.find(_MAGIC, offset)) >= 0:
        if _header_at(data, offset) is not None:
            yield offset
        offset += 1


def _never_written(data: bytes, offset: int) -> bool:
    """Whether a file's end is less than a header, or the zeros of a file that grew before its bytes came."""
    return len(data) - offset < HEADER_BYTES or not data[offset:].strip(b"\0")
