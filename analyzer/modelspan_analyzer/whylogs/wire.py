"""Protocol Buffers' wire format, as far as profiles use it: fields by number, without a schema.

Layout: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

Value = int | bytes
"""A number, or the bytes of a text, of a message or of a number of fixed width."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT: Final = 10


class WireError(ValueError):
    """Bytes that are no such message, or that end within it."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of variable length, and where what follows it begins.

    Raises:
        WireError: it does not end.

    >>> varint(b"\\xac\\x02", 0)
    (300, 2)
    """
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise WireError(f"a number does not end at byte {at}")


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message, in the order in which they stand.

    Raises:
        WireError: it is none.

    >>> list(fields(b"\\x08\\x96\\x01\\x12\\x02hi"))
    [(1, 150), (2, b'hi')]
    """
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = varint(data, at)
        elif kind in _WIDTHS:
            size = _WIDTHS[kind]
        else:
            raise WireError(f"field {number} is of the unknown kind {kind}")
        if at + size > len(data):
            raise WireError(f"field {number} ends {at + size - len(data)} bytes beyond its message")
        yield number, data[at : at + size]
        at += size


def delimited(data: bytes, at: int) -> tuple[bytes, int]:
    """A message with its length before it, and where what follows it begins.

    Raises:
        WireError: it ends beyond the data.
    """
    size, at = varint(data, at)
    if at + size > len(data):
        raise WireError(f"{at + size - len(data):,} bytes are missing at the end")
    return data[at : at + size], at + size


def nested(value: Value) -> bytes:
    """The bytes of a field that has to be a message or a text.

    Raises:
        WireError: it is a number.
    """
    if isinstance(value, int):
        raise WireError("a number stands where a message should")
    return value


def number(value: Value) -> int:
    """The value of a field that has to be a whole number; negative ones are in two's complement of 64 bits.

    Raises:
        WireError: it is something else.

    >>> number(2**64 - 1)
    -1
    """
    if not isinstance(value, int):
        raise WireError("something else stands where a number should")
    return value - 2**64 if value >= 2**63 else value


def double(value: Value) -> float:
    """The value of a field that has to be a double.

    Raises:
        WireError: it is something else.
    """
    if isinstance(value, int) or len(value) != _WIDTHS[_FIXED64]:
        raise WireError("something else stands where a double should")
    return float(struct.unpack("<d", value)[0])


def entry(value: Value) -> dict[int, Value]:
    """The fields of a message that has each of them once, such as a map's entry."""
    return dict(fields(nested(value)))
