"""The few parts of the Protocol Buffers encoding that our messages need.

The protobuf runtime copies a message into each message around it, which for a record of some megabytes takes longer
than to make the record; and of a span it builds objects for every attribute, which takes five times as long as to
write the bytes. Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import struct

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
pack_double = struct.Struct("<d").pack
pack_fixed64 = struct.Struct("<Q").pack
pack_fixed32 = struct.Struct("<I").pack


def varint(number: int) -> bytes:
    """A whole number of at most 64 bits; negative ones as their two's complement."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    if number < 0x80:
        return _SMALL[number]
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


_SMALL = [bytes((number,)) for number in range(0x80)]


def tag(field: int, wire_type: int) -> bytes:
    """What stands before a field's value."""
    return varint(field << 3 | wire_type)


def message(field: int, body: bytes) -> bytes:
    """A field of bytes: a text, bytes, or another message."""
    return head(field, len(body)) + body


def head(field: int, length: int) -> bytes:
    """What stands before a field of so many bytes."""
    if length < 0x80 and field < 0x10:
        return _SMALL[field << 3 | BYTES] + _SMALL[length]
    return varint(field << 3 | BYTES) + varint(length)


def text(field: int, value: str) -> bytes:
    """A field of text; characters that UTF-8 does not have are replaced."""
    return message(field, value.encode("utf-8", "replace"))
