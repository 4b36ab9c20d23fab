"""ClickHouse's own block framing, which clients ask for with `compress=1` and send with `decompress=1`.

A frame is a CityHash128 (version 1.0.2) of what follows it, a method byte, the size of the compressed data with its
nine bytes of header, the size of the plain data, and the data. Grafana's plugin, the JDBC driver and most exporters
speak it by default.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from modelspan_collector import bounded
from modelspan_collector.sqlhttp import errors

_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<BII")
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_LOW = (1 << 64) - 1
FRAME_BYTES = 1024**2
"""Plain bytes of one frame that we write; ClickHouse's own default."""
MAX_FRAME_BYTES = 64 * 1024**2
"""The largest frame that is taken, packed or plain: each is held in memory."""


def compress(data: bytes) -> bytes:
    """Frame `data` with LZ4."""
    return b"".join(_frame(data[start : start + FRAME_BYTES]) for start in range(0, len(data), FRAME_BYTES))


def _frame(data: bytes) -> bytes:
    packed = lz4.block.compress(data, store_size=False)
    framed: bytes = _HEADER.pack(_LZ4, len(packed) + _HEADER.size, len(data)) + packed
    return _checksum(framed) + framed


def _checksum(framed: bytes) -> bytes:
    number = CityHash128(framed)
    return struct.pack("<QQ", number >> 64, number & _LOW)


class Decompressor:
    """Turns a stream of frames into plain bytes, whole frames at a time."""

    def __init__(self, limit: int) -> None:
        """Begin; `limit` is the most plain bytes of the whole stream."""
        self._pending = bytearray()
        self._limit = limit
        self._frames = self._produced = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of the frames that more bytes complete.

        Raises:
            ClickHouseError: a frame is of an unknown method, or its checksum is not right.
            DamagedError: a frame is damaged.
            TooManyBytesError: the content is larger than the limit.
        """
        self._pending += data
        while (end := self._frame_end()) and len(self._pending) >= end:
            plain = _open(bytes(self._pending[:end]))
            del self._pending[:end]
            self._frames += 1
            self._produced += len(plain)
            if self._frames > bounded.FREE_FRAMES + self._produced // bounded.BYTES_A_FRAME:
                raise bounded.DamagedError("the compressed blocks hold next to nothing")
            yield plain

    def finish(self) -> None:
        """Check that the stream ended at the end of a frame.

        Raises:
            DamagedError: it did not.
        """
        if self._pending:
            raise bounded.DamagedError("the last compressed block is cut off")

    def _frame_end(self) -> int:
        if len(self._pending) < _CHECKSUM_BYTES + _HEADER.size:
            return 0
        _, packed, plain = _HEADER.unpack_from(self._pending, _CHECKSUM_BYTES)
        if not _HEADER.size <= packed <= MAX_FRAME_BYTES or plain > MAX_FRAME_BYTES:
            raise bounded.DamagedError(f"a compressed block may have {MAX_FRAME_BYTES} bytes at most")
        if self._produced + plain > self._limit:
            raise bounded.TooManyBytesError(f"the content is larger than the limit of {self._limit} bytes")
        return int(_CHECKSUM_BYTES + packed)


def _open(frame: bytes) -> bytes:
    framed = frame[_CHECKSUM_BYTES:]
    if _checksum(framed) != frame[:_CHECKSUM_BYTES]:
        raise errors.ClickHouseError(40, "CHECKSUM_DOESNT_MATCH", "the checksum of a compressed block does not match")
    method, _, size = _HEADER.unpack_from(framed)
    packed = framed[_HEADER.size :]
    if method == _LZ4:
        try:
            plain = bytes(lz4.block.decompress(packed, uncompressed_size=size))
        except lz4.block.LZ4BlockError as error:
            raise bounded.DamagedError(f"a compressed block is damaged: {error}") from error
    elif method == _ZSTD:
        plain = bounded.decompress("zstd", packed, size)
    elif method == _NONE:
        plain = packed
    else:
        raise errors.ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", f"unknown compression method 0x{method:02x}")
    if len(plain) != size:
        raise bounded.DamagedError(f"a compressed block has {len(plain)} bytes, where it says {size}")
    return plain
