"""What a Parquet file says that it unfolds to, in its footer and its pages' headers, before a page is decompressed.

The reader makes room for what a page's header says, for a page of every column at once. The footer only has sums of it,
which its writer may have made up. Parquet's own metadata are not asked: they end the process where a
column is encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.files.thrift import VALUE, BrokenError, structure

MOST_PAGES: Final = 200_000
_MOST_FOOTER: Final = 64 << 20
_MAGIC: Final = b"PAR1"

_UNFOLDED, _PACKED = 2, 3
"""Fields of a page's header."""
_SCHEMA, _GROUPS, _ENCRYPTION = 2, 4, 8
"""Fields of the footer."""
_CHILDREN = 5
"""Field of an element of the schema."""
_CHUNKS, _GROUP_BYTES = 1, 2
"""Fields of a group of rows."""
_META, _CRYPTO, _SEALED = 3, 8, 9
"""Fields of a column's chunk."""
_VALUES, _CHUNK_PACKED, _DATA_AT, _DICTIONARY_AT = 5, 7, 9, 11
"""Fields of a chunk's metadata."""

_META_WANTED: Final = dict.fromkeys((_VALUES, _CHUNK_PACKED, _DATA_AT, _DICTIONARY_AT), VALUE)
_CHUNK_WANTED: Final = {_META: _META_WANTED, _CRYPTO: VALUE, _SEALED: VALUE}
_WANTED: Final = {
    _SCHEMA: {_CHILDREN: VALUE},
    _GROUPS: {_CHUNKS: _CHUNK_WANTED, _GROUP_BYTES: VALUE},
    _ENCRYPTION: VALUE,
}
_HEADER: Final = {_UNFOLDED: VALUE, _PACKED: VALUE}


def told_size(raw: bytes) -> int:
    """Bytes that a file says it unfolds to, in its footer or in its pages, whichever says more.

    Raises:
        FileError: it is encrypted, its footer or a header cannot be read, or there are more pages than are of use.
    """
    groups = _groups(raw)
    metas: list[dict[int, int]] = [chunk[_META] for group in groups for chunk in group[_CHUNKS]]
    footer: int = sum(group.get(_GROUP_BYTES, 0) for group in groups)
    return max(footer, sum(meta.get(_VALUES, 0) for meta in metas) // 8, sum(_pages(raw, metas)))


def _groups(raw: bytes) -> list[dict[int, Any]]:
    """The groups of rows as the footer tells them, each with all the columns of the schema."""
    size = int.from_bytes(raw[-8:-4], "little")
    if raw[-4:] != _MAGIC or not 0 < size <= len(raw) - 12:
        raise FileError("it begins as Parquet and does not end as such: it is cut off")
    if size > _MOST_FOOTER:
        raise FileError(f"its footer has more than {_MOST_FOOTER >> 20} MiB; write it with fewer groups or statistics")
    try:
        told, _ = structure(raw[-8 - size : -8], 0, _WANTED)
        groups: list[dict[int, Any]] = told.get(_GROUPS, [])
        chunks = [chunk for group in groups for chunk in group[_CHUNKS]]
        sealed = _ENCRYPTION in told or any(_CRYPTO in chunk or _SEALED in chunk for chunk in chunks)
        leaves = sum(not element.get(_CHILDREN) for element in told[_SCHEMA][1:])
        whole = all(len(group[_CHUNKS]) == leaves for group in groups)
        whole = whole and (sealed or all(number >= 0 for chunk in chunks for number in chunk[_META].values()))
    except (BrokenError, KeyError, TypeError, AttributeError):
        raise FileError("its footer cannot be read") from None
    if sealed:
        raise FileError("it is encrypted: write it again without encryption")
    if not whole:
        raise FileError("its footer cannot be read")
    return groups


def _pages(raw: bytes, metas: list[dict[int, int]]) -> Iterator[int]:
    """What each page says that it unfolds to."""
    pages = 0
    for meta in metas:
        start, dictionary = meta.get(_DATA_AT, 0), meta.get(_DICTIONARY_AT, 0)
        start = dictionary if 0 < dictionary < start else start
        end = start + meta.get(_CHUNK_PACKED, 0)
        if end > len(raw):
            raise FileError("its footer names pages that are not in it")
        while start < end:
            pages += 1
            if pages > MOST_PAGES:
                raise FileError(f"it has more than {MOST_PAGES:,} pages; write it again with larger ones")
            try:
                found, start = structure(raw, start, _HEADER)
            except BrokenError:
                raise FileError("a header of its pages cannot be read") from None
            unfolded, packed = found.get(_UNFOLDED, 0), found.get(_PACKED, 0)
            if not all(isinstance(size, int) and 0 <= size < 2**31 for size in (unfolded, packed)):
                raise FileError("a header of its pages cannot be read")
            yield unfolded
            start += packed
