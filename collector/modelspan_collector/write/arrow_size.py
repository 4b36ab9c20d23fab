"""How large an Arrow IPC stream becomes when it is read, learnt from its metadata before a byte is decompressed.

A few kilobytes of zstd can stand for terabytes. Every compressed buffer begins with its uncompressed length (Arrow
columnar format, "Buffer compression"), and where the buffers lie is in each message's flatbuffer: `Message` →
`RecordBatch` → `buffers`.
"""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa

_HEADER_TYPE, _HEADER = 1, 2  # fields of Message
_BATCH_BUFFERS, _BATCH_COMPRESSION = 2, 3  # fields of RecordBatch
_DICTIONARY_DATA = 1  # field of DictionaryBatch
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # values of MessageHeader
_NOT_COMPRESSED: Final = -1


def uncompressed_size(stream: bytes) -> int:
    """Bytes that the buffers of a stream take once they are decompressed.

    Raises:
        pa.ArrowInvalid: the stream's framing is broken.
        struct.error: a message's metadata is broken.
    """
    total = 0
    reader = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return total
        total += _message_size(message.metadata.to_pybytes(), message.body)


def _message_size(metadata: bytes, body: pa.Buffer | None) -> int:
    if body is None or body.size == 0:
        return 0
    (root,) = struct.unpack_from("<I", metadata)
    kind_at, header = _field(metadata, root, _HEADER_TYPE), _table(metadata, root, _HEADER)
    kind = metadata[kind_at] if kind_at else 0
    if kind == _DICTIONARY_BATCH and header:
        header = _table(metadata, header, _DICTIONARY_DATA)
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header:
        return int(body.size)
    buffers = _table(metadata, header, _BATCH_BUFFERS)
    if not buffers or not _field(metadata, header, _BATCH_COMPRESSION):
        return int(body.size)
    (count,) = struct.unpack_from("<I", metadata, buffers)
    content = memoryview(body)
    total = 0
    for index in range(count):
        offset, length = struct.unpack_from("<qq", metadata, buffers + 4 + 16 * index)
        if length == 0:
            continue
        if offset < 0:
            raise struct.error("a buffer lies outside its message")
        (size,) = struct.unpack_from("<q", content, offset)
        if size < _NOT_COMPRESSED:
            raise struct.error("a buffer has a negative length")
        total += length if size == _NOT_COMPRESSED else size
    return total


def _field(data: bytes, table: int, number: int) -> int:
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
    at = _field(data, table, number)
    return int(at + struct.unpack_from("<I", data, at)[0]) if at else 0
