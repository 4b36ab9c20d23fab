"""What the pages of a Parquet file say that they unfold to, read from their headers before one is decompressed.

The reader makes room for what a page's header says, for a page of every column at once. The footer only has sums of it,
which its writer may have made up. Headers are Thrift structures in the compact protocol.
"""

from __future__ import annotations

from typing import Final

import pyarrow.parquet as parquet

from modelspan_analyzer.files.rows import FileError

MOST_PAGES: Final = 200_000
_MOST_NESTED: Final = 16
_BOOLEANS, _BYTE, _NUMBERS, _DOUBLE, _BINARY, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, 12
_UNFOLDED, _PACKED = 2, 3
"""Fields of a page's header."""


class _BrokenError(ValueError):
    """Bytes that are no page header."""


def unfolded_pages(raw: bytes, told: parquet.FileMetaData) -> int:
    """Bytes that all pages say they unfold to.

    Raises:
        FileError: a header cannot be read, or there are more pages than are of use.
    """
    total = pages = 0
    for group in map(told.row_group, range(told.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            start, dictionary = column.data_page_offset, column.dictionary_page_offset
            start = dictionary if column.has_dictionary_page and 0 < (dictionary or 0) < start else start
            end = start + column.total_compressed_size
            if not 0 <= start <= end <= len(raw):
                raise FileError("its footer names pages that are not in it")
            while start < end:
                pages += 1
                if pages > MOST_PAGES:
                    raise FileError(f"it has more than {MOST_PAGES:,} pages; write it again with larger ones")
                unfolded, packed, start = _header(raw, start)
                total, start = total + unfolded, start + packed
    return total


def _header(raw: bytes, at: int) -> tuple[int, int, int]:
    """What a page unfolds to, its bytes in the file, and where they begin."""
    found = {_UNFOLDED: 0, _PACKED: 0}
    try:
        at = _struct(raw, at, found)
    except (IndexError, _BrokenError):
        raise FileError("a header of its pages cannot be read") from None
    return found[_UNFOLDED], found[_PACKED], at


def _struct(raw: bytes, at: int, found: dict[int, int] | None = None, depth: int = 0) -> int:
    """Where a structure ends; its fields that are looked for are noted, the largest where one comes twice."""
    if depth > _MOST_NESTED:
        raise _BrokenError
    name = 0
    while head := raw[at]:
        at, kind = at + 1, head & 15
        if head >> 4:
            name += head >> 4
        else:
            name, at = _number(raw, at)
        if kind in _NUMBERS:
            value, at = _number(raw, at)
            if found is not None and name in found:
                if value < 0:
                    raise _BrokenError
                found[name] = max(found[name], value)
        elif kind not in _BOOLEANS:  # whose value is their kind
            at = _skip(raw, at, kind, depth)
    return at + 1


def _skip(raw: bytes, at: int, kind: int, depth: int) -> int:
    """Where a value ends."""
    if kind == _BYTE:
        return at + 1
    if kind == _DOUBLE:
        return at + 8
    if kind == _BINARY:
        size, at = _varint(raw, at)
        return at + size
    if kind == _STRUCT:
        return _struct(raw, at, None, depth + 1)
    raise _BrokenError  # lists and maps, which no page's header has, and what is unknown


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte, at = raw[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _BrokenError


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """A whole number of 32 bits, as the reader takes it."""
    value, at = _varint(raw, at)
    value &= 0xFFFFFFFF
    return (value >> 1) ^ -(value & 1), at
