"""How large an Arrow IPC stream becomes: when it is read, and when it is used."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_collector.write import arrow_messages

_OFFSETS: Final = {
    pa.string(): np.int32,
    pa.binary(): np.int32,
    pa.large_string(): np.int64,
    pa.large_binary(): np.int64,
}
"""Types of texts that stand one behind the other, by the type of where they begin."""
_LISTS: Final = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def uncompressed_size(stream: bytes) -> int:
    """Bytes that the buffers of a stream take once they are decompressed.

    Raises:
        pa.ArrowInvalid: the stream's framing is broken.
        struct.error: a message's metadata is broken.
    """
    return sum(message.size for message in arrow_messages.read(stream))


def pieces(table: pa.Table) -> int:
    """Columns of a table, once for each batch that it came in: each costs some Python, however few rows it has."""
    return int(table.num_columns) * max(1, table.column(0).num_chunks if table.num_columns else 0)


def cells(table: pa.Table) -> int:
    """Values of a table, those in lists and dictionaries included, however few bytes they take: a null takes none."""
    nested = (index for index, kind in enumerate(table.schema.types) if not _is_flat(kind))
    inside = sum(_elements(chunk) for index in nested for chunk in table.column(index).chunks)
    return int(table.num_rows * table.num_columns) + inside


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
    if pa.types.is_fixed_size_binary(kind):
        return int(kind.byte_width)
    if (width := _OFFSETS.get(kind)) is not None:
        ends = np.frombuffer(values.buffers()[1] or b"", width)[values.offset : values.offset + len(values) + 1]
        return int(np.diff(ends).max(initial=0))
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
