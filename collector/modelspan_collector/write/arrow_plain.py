"""A stream with its zstd undone, all buffers by one decompressor.

Arrow makes a decompressor for each buffer, and zstd asks the processor what it can each time: on a virtual machine that
is answered from outside, and took as long as three quarters of reading a stream.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any, Final

import zstandard

from modelspan_collector.write.arrow_messages import BODY_LENGTH, NOT_COMPRESSED, PREFIX, Buffer, Message, field

_ZSTD: Final = 1  # of Arrow's CompressionType
_CONTINUES: Final = b"\xff\xff\xff\xff"
_ALIGNED: Final = 8
_own = threading.local()


def plain(stream: bytes, messages: Sequence[Message]) -> bytes:
    """The stream of these messages, its zstd undone; what is damaged is as it came, for Arrow to say so.

    Args:
        stream: as it came.
        messages: what it holds; together they must not be larger than fits into memory.
    """
    if not any(message.codec == _ZSTD for message in messages):
        return stream
    return b"".join(piece for message in messages for piece in _pieces(message))


def _pieces(message: Message) -> list[Any]:
    """The bytes of a message: how long its metadata are, these, and its buffers."""
    if message.codec != _ZSTD or message.body is None:
        return [*_head(message.metadata), message.body or b""]
    metadata, content = bytearray(message.metadata), memoryview(message.body)
    body: list[Any] = []
    at = 0
    for buffer in message.buffers:
        size, undone = _undone(content, buffer)
        struct.pack_into("<qq", metadata, buffer.entry, at, PREFIX.size + len(undone))
        gap = -len(undone) % _ALIGNED
        body += [PREFIX.pack(size), undone, bytes(gap)]
        at += PREFIX.size + len(undone) + gap
    (root,) = struct.unpack_from("<I", metadata)
    PREFIX.pack_into(metadata, field(message.metadata, root, BODY_LENGTH), at)
    return [*_head(metadata), *body]


def _head(metadata: bytes | bytearray) -> list[bytes | bytearray]:
    gap = -len(metadata) % _ALIGNED
    return [_CONTINUES, struct.pack("<i", len(metadata) + gap), metadata, bytes(gap)]


def _undone(content: memoryview, buffer: Buffer) -> tuple[int, bytes | memoryview]:
    """What stands before a buffer, and its bytes; undone only where they say themselves how many they become."""
    packed = content[buffer.begin + PREFIX.size : buffer.end]
    if buffer.size == NOT_COMPRESSED:
        return buffer.size, packed
    try:
        if zstandard.frame_content_size(packed) == buffer.size:
            return NOT_COMPRESSED, _decompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError:
        pass
    return buffer.size, packed


def _decompressor() -> Any:
    """The calling thread's: two threads must not share one."""
    if not hasattr(_own, "decompressor"):
        _own.decompressor = zstandard.ZstdDecompressor()
    return _own.decompressor
