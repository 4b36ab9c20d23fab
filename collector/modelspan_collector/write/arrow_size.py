"""How large an Arrow IPC stream becomes: when it is read, learnt before a byte is decompressed, and when it is used.

A few kilobytes of zstd can stand for terabytes. Every compressed buffer begins with its uncompressed length (Arrow
columnar format, "Buffer compression"), and where the buffers lie is in each message's flatbuffer: `Message` →
`RecordBatch` → `buffers`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEADER_TYPE, _HEADER = 1, 2  # fields of Message
_BATCH_BUFFERS, _BATCH_COMPRESSION = 2, 3  # fields of RecordBatch
_DICTIONARY_DATA = 1  # field of DictionaryBatch
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # values of MessageHeader
_NOT_COMPRESSED: Final = -1
_TEXTS: Final = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)
_LISTS: Final = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


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


def pieces(table: pa.Table) -> int:
    """Columns of a table, once for each batch that it came in: each costs some Python, however few rows it has."""
    return int(table.num_columns) * max(1, table.column(0).num_chunks if table.num_columns else 0)


def cells(table: pa.Table) -> int:
    """Values of a table, those in lists and dictionaries included, however few bytes they take: a null takes none."""
    return sum(len(chunk) + _elements(chunk) for column in table.columns for chunk in column.chunks)


def _elements(array: pa.Array) -> int:
    kind = array.type
    if _is_flat(kind):
        return 0
    if isinstance(array, pa.ExtensionArray):
        return _elements(array.storage)
    if pa.types.is_dictionary(kind):
        return len(array.dictionary) + _elements(array.dictionary)
    if pa.types.is_run_end_encoded(kind):
        return len(array.values) + _elements(array.values)
    if pa.types.is_fixed_size_list(kind):
        return len(array) * int(kind.list_size)
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):  # views may overlap
        width = np.int32 if pa.types.is_list_view(kind) else np.int64
        return int(_numbers(array, 2, width, 1).sum())
    return len(array.values) if pa.types.is_list(kind) or pa.types.is_large_list(kind) else 0


def spelt_out(column: pa.ChunkedArray) -> int:
    """Bytes that the values of a column may take once each row has its own."""
    return 0 if _is_flat(column.type) else sum(_repeated(chunk) for chunk in column.chunks)


def _repeated(array: pa.Array) -> int:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _repeated(array.storage)
    if pa.types.is_dictionary(kind):
        return len(array) * _longest(array.dictionary)
    if pa.types.is_run_end_encoded(kind):
        return len(array) * _longest(array.values)
    return int(_view_lengths(array).sum()) if _is_view(kind) else 0


def _is_flat(kind: pa.DataType) -> bool:
    """Whether each row has its bytes on the wire: the types of almost all columns."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_string(kind))


def _longest(values: pa.Array) -> int:
    """Bytes that one of these values may take; at most, where that is not easily told."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return _longest(values.storage)
    if pa.types.is_null(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        return 8
    if _is_view(kind):
        return int(_view_lengths(values).max(initial=0))
    if pa.types.is_dictionary(kind):
        return _longest(values.dictionary)
    if any(test(kind) for test in _TEXTS):
        return int(pc.max(pc.binary_length(values)).as_py() or 0)
    if any(test(kind) for test in _LISTS) and pa.types.is_primitive(kind.value_type):
        return 8 * int(pc.max(pc.list_value_length(values)).as_py() or 0)
    if pa.types.is_struct(kind) and all(pa.types.is_primitive(part.type) for part in kind):
        return 32 * int(kind.num_fields)  # an interval, which becomes a text
    return int(values.nbytes)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _view_lengths(array: pa.Array) -> Any:
    """The lengths of texts that may share their bytes: the first four of the sixteen bytes of each view."""
    return _numbers(array, 1, np.int32, 4)


def _numbers(array: pa.Array, buffer: int, width: Any, step: int) -> Any:
    """The lengths that stand in a buffer for the rows of an array."""
    raw = np.frombuffer(array.buffers()[buffer] or b"", width)[::step]
    return np.maximum(raw[array.offset : array.offset + len(array)].astype(np.int64), 0)


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
