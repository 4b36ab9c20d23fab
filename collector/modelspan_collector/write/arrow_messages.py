"""The messages of an Arrow IPC stream and where their buffers lie, read before a byte of them is decompressed.

A few kilobytes of zstd can stand for terabytes. Every compressed buffer begins with its uncompressed length (Arrow
columnar format, "Buffer compression"), and where the buffers lie is in each message's flatbuffer: `Message` →
`RecordBatch` → `buffers`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import pyarrow as pa

_HEADER_TYPE, _HEADER, BODY_LENGTH = 1, 2, 3  # fields of Message
_BATCH_BUFFERS, _BATCH_COMPRESSION = 2, 3  # fields of RecordBatch
_CODEC = 0  # field of BodyCompression
_DICTIONARY_DATA = 1  # field of DictionaryBatch
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # values of MessageHeader
NOT_COMPRESSED: Final = -1
"""Stands for the length of a buffer that is not compressed, though its message is."""
PREFIX: Final = struct.Struct("<q")
"""The length before each buffer of a compressed message."""


class Buffer(NamedTuple):
    """A buffer of a compressed message."""

    entry: int
    """Where the message's metadata say of it where it lies: offset and length, of eight bytes each."""
    begin: int
    """Where it lies in the body, from its prefix on."""
    end: int
    size: int
    """Bytes that it has once it is decompressed; `NOT_COMPRESSED` where it is not compressed."""


class Message(NamedTuple):
    """A message of a stream."""

    metadata: bytes
    body: pa.Buffer | None
    codec: int | None
    """What its buffers are compressed with (Arrow's `CompressionType`); None where they are not."""
    buffers: list[Buffer]
    """Those of a compressed message that are not empty."""

    @property
    def size(self) -> int:
        """Bytes of its buffers once they are decompressed."""
        if self.codec is None:
            return 0 if self.body is None else int(self.body.size)
        return sum(each.end - each.begin if each.size == NOT_COMPRESSED else each.size for each in self.buffers)


def read(stream: bytes) -> list[Message]:
    """The messages of a stream, in their order.

    Raises:
        pa.ArrowInvalid: the stream's framing is broken.
        struct.error: a message's metadata is broken.
    """
    return [_message(each.metadata.to_pybytes(), each.body) for each in _messages(stream)]


def _messages(stream: bytes) -> Iterator[pa.Message]:
    reader = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _message(metadata: bytes, body: pa.Buffer | None) -> Message:
    plain = Message(metadata, body, None, [])
    if body is None or body.size == 0:
        return plain
    (root,) = struct.unpack_from("<I", metadata)
    kind_at, header = field(metadata, root, _HEADER_TYPE), _table(metadata, root, _HEADER)
    kind = metadata[kind_at] if kind_at else 0
    if kind == _DICTIONARY_BATCH and header:
        header = _table(metadata, header, _DICTIONARY_DATA)
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header:
        return plain
    buffers, compression = _table(metadata, header, _BATCH_BUFFERS), _table(metadata, header, _BATCH_COMPRESSION)
    if not buffers or not compression:
        return plain
    codec_at = field(metadata, compression, _CODEC)
    return Message(metadata, body, metadata[codec_at] if codec_at else 0, _buffers(metadata, buffers, memoryview(body)))


def _buffers(metadata: bytes, vector: int, content: memoryview) -> list[Buffer]:
    (count,) = struct.unpack_from("<I", metadata, vector)
    first, found = vector + 4, []
    for index, (offset, length) in enumerate(struct.iter_unpack("<qq", metadata[first : first + 16 * count])):
        if length == 0:
            continue
        if offset < 0 or length < 0 or offset + length > len(content):
            raise struct.error("a buffer lies outside its message")
        (size,) = PREFIX.unpack_from(content, offset)
        if size < NOT_COMPRESSED:
            raise struct.error("a buffer has a negative length")
        found.append(Buffer(first + 16 * index, offset, offset + length, size))
    return found


def field(data: bytes, table: int, number: int) -> int:
    """Position of a field of a flatbuffer table; 0 where it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    vtable = table - back
    if vtable < 0:
        raise struct.error("a table lies outside its message")
    (size,) = struct.unpack_from("<H", data, vtable)
    if 4 + 2 * number >= size:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + 4 + 2 * number)
    return table + offset if offset else 0


def _table(data: bytes, table: int, number: int) -> int:
    """Position of the table or vector that a field refers to; 0 where it is absent."""
    at = field(data, table, number)
    return int(at + struct.unpack_from("<I", data, at)[0]) if at else 0
