"""Fields of structures in Thrift's compact protocol, as Parquet has them; what is not asked for is passed over.

Parquet's own reader ends the process where it meets some of what a footer may hold, so what others wrote is looked at
by this reader first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Wanted = Mapping[int, Any]
"""Fields that are asked for, by their numbers: structures and lists of them with their own, all else with `VALUE`."""
VALUE: Final[Wanted] = {}

_MOST_NESTED: Final = 16
_TRUE, _FALSE, _BYTE, _NUMBERS, _DOUBLE, _BINARY = 1, 2, 3, (4, 5, 6), 7, 8
_LISTS, _MAP, _STRUCT, _UUID = (9, 10), 11, 12, 13
_LONG_LIST: Final = 15


class BrokenError(ValueError):
    """Bytes that are no such structure."""


def structure(raw: bytes, at: int, wanted: Wanted, depth: int = 0) -> tuple[dict[int, Any], int]:
    """The fields of a structure that are asked for, and where it ends; a field that comes twice is broken.

    Raises:
        BrokenError: it is none, or none that ends within the bytes.
    """
    if depth > _MOST_NESTED:
        raise BrokenError
    found: dict[int, Any] = {}
    name = 0
    try:
        while head := raw[at]:
            at, kind = at + 1, head & 15
            if head >> 4:
                name += head >> 4
            else:
                name, at = _number(raw, at)
            name = (name + 2**15) % 2**16 - 2**15  # as the reader takes it
            if name in found:
                raise BrokenError
            if name in wanted:
                found[name], at = _value(raw, at, kind, wanted[name], depth)
            elif kind in _NUMBERS:
                at = _varint(raw, at)[1]
            elif kind not in (_TRUE, _FALSE):  # whose value is their kind
                at = _skip(raw, at, kind, depth)
    except IndexError:
        raise BrokenError from None
    return found, at + 1


def _value(raw: bytes, at: int, kind: int, wanted: Wanted, depth: int) -> tuple[Any, int]:
    if kind in _NUMBERS:
        return _number(raw, at)
    if kind == _STRUCT:
        return structure(raw, at, wanted, depth + 1)
    if kind in _LISTS:
        size, kind, at = _list(raw, at)
        if kind != _STRUCT:
            raise BrokenError
        elements = []
        for _ in range(size):
            element, at = structure(raw, at, wanted, depth + 1)
            elements.append(element)
        return elements, at
    return True, at if kind in (_TRUE, _FALSE) else _skip(raw, at, kind, depth)


def _skip(raw: bytes, at: int, kind: int, depth: int) -> int:
    """Where a value ends."""
    if kind in _NUMBERS:
        return _varint(raw, at)[1]
    if kind in (_TRUE, _FALSE, _BYTE):  # as elements of a list, where flags take a byte
        return at + 1
    if kind in (_DOUBLE, _UUID):
        return at + (8 if kind == _DOUBLE else 16)
    if kind == _BINARY:
        size, at = _varint(raw, at)
        return at + size
    if kind == _STRUCT:
        return structure(raw, at, VALUE, depth + 1)[1]
    if kind in _LISTS:
        size, kind, at = _list(raw, at)
        kinds: tuple[int, ...] = (kind,)
    elif kind == _MAP:
        size, at = _varint(raw, at)
        kinds = (raw[at] >> 4, raw[at] & 15) if size else ()
        at += bool(size)
    else:
        raise BrokenError
    if depth > _MOST_NESTED:
        raise BrokenError
    for _ in range(size):
        for each in kinds:
            at = _skip(raw, at, each, depth + 1)
        if at > len(raw):
            raise BrokenError
    return at


def _list(raw: bytes, at: int) -> tuple[int, int, int]:
    """How many elements of which kind a list has, and where they begin."""
    size, kind, at = raw[at] >> 4, raw[at] & 15, at + 1
    if size == _LONG_LIST:
        size, at = _varint(raw, at)
    return size, kind, at


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte, at = raw[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise BrokenError


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(raw, at)
    if value >= 2**64:
        raise BrokenError
    return (value >> 1) ^ -(value & 1), at
