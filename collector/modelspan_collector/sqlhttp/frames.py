"""ClickHouse's own block framing, which clients ask for with `compress=1` and send with `decompress=1`.

A frame is a CityHash128 (version 1.0.2) of what follows it, a method byte, the size of the compressed data with its
nine bytes of header, the size of the plain data, and the data. Grafana's plugin, the JDBC driver and most exporters
speak it by default.
"""

from __future__ import annotations

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from modelspan_collector.sqlhttp import errors

_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<BII")
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_LOW = (1 << 64) - 1
FRAME_BYTES = 1024**2
"""Plain bytes of one frame that we write; ClickHouse's own default."""
MAX_FRAME_BYTES = 1024**3
"""The largest frame that ClickHouse itself reads."""


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

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Add bytes as they come and return the plain bytes of the frames that they complete.

        Raises:
            ClickHouseError: a frame is damaged or of an unknown method.
        """
        self._pending += data
        plain = []
        while (end := self._frame_end()) and len(self._pending) >= end:
            plain.append(_open(bytes(self._pending[:end])))
            del self._pending[:end]
        return b"".join(plain)

    def finish(self) -> bytes:
        """Check that the stream ended at the end of a frame.

        Raises:
            ClickHouseError: it did not.
        """
        if self._pending:
            raise errors.ClickHouseError(33, "CANNOT_READ_ALL_DATA", "the last compressed block is cut short")
        return b""

    def _frame_end(self) -> int:
        if len(self._pending) < _CHECKSUM_BYTES + _HEADER.size:
            return 0
        _, packed, plain = _HEADER.unpack_from(self._pending, _CHECKSUM_BYTES)
        if not _HEADER.size <= packed <= MAX_FRAME_BYTES or plain > MAX_FRAME_BYTES:
            raise errors.ClickHouseError(271, "CANNOT_DECOMPRESS", "a compressed block has an impossible size")
        return int(_CHECKSUM_BYTES + packed)


def _open(frame: bytes) -> bytes:
    framed = frame[_CHECKSUM_BYTES:]
    if _checksum(framed) != frame[:_CHECKSUM_BYTES]:
        raise errors.ClickHouseError(40, "CHECKSUM_DOESNT_MATCH", "the checksum of a compressed block does not match")
    method, _, size = _HEADER.unpack_from(framed)
    packed = framed[_HEADER.size :]
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        if method == _ZSTD:
            return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise errors.ClickHouseError(271, "CANNOT_DECOMPRESS", f"a compressed block is damaged: {error}") from error
    if method == _NONE:
        return packed
    raise errors.ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", f"unknown compression method 0x{method:02x}")
