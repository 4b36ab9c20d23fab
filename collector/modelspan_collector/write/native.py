"""ClickHouse's Native format: a block of columns, each of them bytes as the engine holds them.

A column is made of NumPy arrays and Arrow buffers as they are, so that nothing is done for a row or a value in Python.
The format is described at https://clickhouse.com/docs/interfaces/formats/Native and, of its columns, in the engine's
`SerializationLowCardinality`, `SerializationArray` and `SerializationMap`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes: TypeAlias = npt.NDArray[np.uint8]
Integers: TypeAlias = npt.NDArray[Any]
Flags: TypeAlias = npt.NDArray[np.bool_]

_DICTIONARY_VERSION: Final = (1).to_bytes(8, "little")
_OWN_KEYS: Final = 1 << 9 | 1 << 10
"""The block brings its dictionary along."""
_INDEX_TYPES: Final = (np.uint8, np.uint16, np.uint32, np.uint64)
_HEX: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""The two digits of each byte."""


class Column(NamedTuple):
    """A column, or a part of one."""

    kind: str
    """ClickHouse's name of its type."""
    parts: Sequence[npt.NDArray[Any]]
    """Its values, one array behind the other."""
    prefix: bytes = b""
    """Stands before the values of the whole column."""


def block(columns: Mapping[str, Column], rows: int) -> bytes:
    """The block of `rows` rows that these columns are."""
    pieces: list[Any] = [_varint(len(columns)), _varint(rows)]
    for name, column in columns.items():
        pieces += [_word(name), _word(column.kind), column.prefix]
        pieces += [np.ascontiguousarray(part).data.cast("B") for part in column.parts if part.size]
    return b"".join(pieces)


def numbers(values: npt.NDArray[Any], kind: str = "Float64") -> Column:
    """Values of a type of fixed width, which the array has."""
    return Column(kind, [values])


def nullable(values: npt.NDArray[Any], missing: Flags, kind: str = "Float64") -> Column:
    """The same, of which some are NULL."""
    return Column(f"Nullable({kind})", [missing, values])


def text(strings: pa.Array) -> Column:
    """Texts; a null is empty."""
    return Column("String", [_with_lengths(strings)[0]])


def chosen(entries: pa.Array, codes: Integers) -> Column:
    """Texts that repeat: for each code the entry at that place."""
    content, ends = _with_lengths(entries)
    offsets = pa.py_buffer(np.concatenate(([0], ends)))
    spelt = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(entries), [None, offsets, pa.py_buffer(content)])
    taken = spelt.take(pa.array(codes))
    return Column("String", [np.frombuffer(taken.buffers()[2] or b"", np.uint8)])


def hexadecimal(ids: pa.Array, width: int) -> Column:
    """Ids of `width` bytes as lower-case hexadecimal texts; empty for null and for all zeros."""
    rows = len(ids)
    if pa.types.is_null(ids.type):
        return Column("String", [np.zeros(rows, np.uint8)])
    filled = ids.fill_null(bytes(width))
    whole = np.frombuffer(filled.buffers()[1] or b"", np.uint8)
    raw = whole[filled.offset * width : (filled.offset + rows) * width].reshape(rows, width)
    spelt = np.empty((rows, 1 + 2 * width), np.uint8)
    spelt[:, 0] = 2 * width
    spelt[:, 1:] = _HEX[raw].view(np.uint8)
    known: Flags = np.asarray(raw.any(axis=1))
    if known.all():
        return Column("String", [spelt])
    spelt[~known, 0] = 0
    kept = np.broadcast_to(known[:, None], spelt.shape).copy()
    kept[:, 0] = True
    return Column("String", [spelt[kept]])


def low_cardinality(entries: pa.Array, codes: Integers) -> Column:
    """Texts by their place in a dictionary of the block's own."""
    if not codes.size:
        return Column("LowCardinality(String)", [], _DICTIONARY_VERSION)
    width = index_type(len(entries))
    header = [_OWN_KEYS | _INDEX_TYPES.index(width), len(entries)]
    parts = [np.array(header, np.uint64), *text(entries).parts, np.array([codes.size], np.uint64)]
    return Column("LowCardinality(String)", [*parts, codes.astype(width, copy=False)], _DICTIONARY_VERSION)


def shared(values: Sequence[str], sizes: Sequence[int]) -> Column:
    """Texts of which each stands for so many rows."""
    entries = sorted(set(values))
    codes = np.array([entries.index(value) for value in values], index_type(len(entries)))
    return low_cardinality(pa.array(entries, pa.string()), np.repeat(codes, sizes))


def index_type(entries: int) -> Any:
    """The narrowest type of integers that tells so many apart."""
    return next(each for each in _INDEX_TYPES if entries <= np.iinfo(each).max + 1)


def array(lengths: Integers, elements: Column) -> Column:
    """An array a row, of so many of the elements each."""
    return Column(f"Array({elements.kind})", [_ends(lengths), *elements.parts], elements.prefix)


def maps(lengths: Integers, keys: Column, values: Column) -> Column:
    """A map a row, of so many of the keys and values each."""
    parts = [_ends(lengths), *keys.parts, *values.parts]
    return Column(f"Map({keys.kind}, {values.kind})", parts, keys.prefix + values.prefix)


def joined(columns: Iterable[Column]) -> Column:
    """Columns of one type, of fixed width or of text, one behind the other."""
    every = list(columns)
    return Column(every[0].kind, [part for column in every for part in column.parts])


def _ends(lengths: Integers) -> Integers:
    return np.cumsum(lengths, dtype=np.uint64)


def _with_lengths(strings: pa.Array) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Texts one behind the other, each behind its length in seven bits a byte, and where each of them ends."""
    whole = strings.fill_null("").cast(pa.large_string())
    raw = np.frombuffer(whole.buffers()[1] or bytes(8), np.int64)[whole.offset : whole.offset + len(whole) + 1]
    content = np.frombuffer(whole.buffers()[2] or b"", np.uint8)[raw[0] : raw[-1]]
    sizes = np.diff(raw)
    widths = np.ones(len(whole), np.int64)
    longest, bits = int(sizes.max(initial=0)), 7
    while longest >> bits:
        widths += sizes >> bits > 0
        bits += 7
    ends = np.cumsum(sizes + widths)
    spelt = np.empty(int(ends[-1]) if len(whole) else 0, np.uint8)
    is_text = np.ones(spelt.size, np.bool_)
    begins = ends - sizes - widths
    for byte in range(bits // 7):
        there = widths > byte if byte else slice(None)
        at = begins[there] + byte
        more = (widths[there] > byte + 1).astype(np.uint8) << 7
        spelt[at] = (sizes[there] >> 7 * byte & 0x7F).astype(np.uint8) | more
        is_text[at] = False
    spelt[is_text] = content
    return spelt, ends


def _varint(number: int) -> bytes:
    spelt = bytearray()
    while number >= 0x80:
        spelt.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*spelt, number])


def _word(name: str) -> bytes:
    spelt = name.encode()
    return _varint(len(spelt)) + spelt
