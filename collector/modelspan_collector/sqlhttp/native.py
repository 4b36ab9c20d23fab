"""Native blocks of a newer protocol revision, for clients that send `client_protocol_version` (clickhouse-go, Grafana).

The embedded engine writes Native blocks of revision 0. A newer revision puts a header before every block, and from
54454 on a byte (`has_custom_serialization`) between a column's type and its data, so the end of each column has to be
found: this file measures columns, without decoding them. The layout is that of ClickHouse's `NativeWriter`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelspan_collector.sqlhttp import errors

REVISION_WITH_BLOCK_INFO = 51903
REVISION_WITH_CUSTOM_SERIALIZATION = 54454
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"

_WIDTHS = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1, "Nothing": 1,
    "Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
    "Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Time": 4,
    "Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8,
    "Int128": 16, "UInt128": 16, "UUID": 16, "IPv6": 16, "Int256": 32, "UInt256": 32,
}  # fmt: skip
"""Bytes of a value, by type name without arguments."""
_DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))
_KEY_WIDTHS = (1, 2, 4, 8)
_TUPLE_NAME = re.compile(r"^(?:`(?:[^`\\]|\\.)*`|\w+) +(?=[A-Z])")


class BlockUpgrader:
    """Rewrites a stream of Native blocks, whole blocks at a time."""

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._pending = b""
        self._worth_trying = 0

    def feed(self, data: bytes) -> bytes:
        """Add bytes as they come and return the blocks that they complete.

        Raises:
            ClickHouseError: a column's type cannot be measured.
        """
        self._pending += data
        return self._whole_blocks() if len(self._pending) >= self._worth_trying else b""

    def finish(self) -> bytes:
        """The blocks that are left at the end of the stream."""
        return self._whole_blocks()

    def _whole_blocks(self) -> bytes:
        done: list[bytes] = []
        while self._pending:
            try:
                block, end = self._block(_Cursor(self._pending))
            except IndexError:
                break
            done.append(block)
            self._pending = self._pending[end:]
        self._worth_trying = 3 * len(self._pending) // 2  # a large block is not measured anew for every piece of it
        return b"".join(done)

    def _block(self, cursor: _Cursor) -> tuple[bytes, int]:
        parts = [_BLOCK_INFO] if self._revision >= REVISION_WITH_BLOCK_INFO else []
        columns, rows = cursor.varint(), cursor.varint()
        parts.append(cursor.data[: cursor.at])
        for _ in range(columns):
            start = cursor.at
            cursor.skip(cursor.varint())
            type_name = cursor.text()
            parts.append(cursor.data[start : cursor.at])
            if self._revision >= REVISION_WITH_CUSTOM_SERIALIZATION:
                parts.append(b"\x00")
            start = cursor.at
            if rows:
                _skip_prefix(cursor, type_name)
                _skip_values(cursor, type_name, rows)
            parts.append(cursor.data[start : cursor.at])
        return b"".join(parts), cursor.at


@dataclass(slots=True)
class _Cursor:
    """A place in the bytes; running off their end raises IndexError."""

    data: bytes
    at: int = 0

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise IndexError

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def uint64(self) -> int:
        self.skip(8)
        return int.from_bytes(self.data[self.at - 8 : self.at], "little")

    def text(self) -> str:
        size = self.varint()
        self.skip(size)
        return self.data[self.at - size : self.at].decode()


def _skip_prefix(cursor: _Cursor, type_name: str) -> None:
    """A LowCardinality, at any depth, states its version before the column's data."""
    name, arguments = _parse(type_name)
    if name == "LowCardinality":
        cursor.skip(8)
    elif name in ("Array", "Nullable", "Map", "Tuple", "Nested", "SimpleAggregateFunction"):
        for inner in arguments:
            _skip_prefix(cursor, inner)


def _skip_values(cursor: _Cursor, type_name: str, rows: int) -> None:
    name, arguments = _parse(type_name)
    if name in _WIDTHS:
        cursor.skip(_WIDTHS[name] * rows)
    elif name == "String":
        _skip_strings(cursor, rows)
    elif name == "FixedString":
        cursor.skip(int(arguments[0]) * rows)
    elif name == "Decimal":
        precision = int(arguments[0])
        cursor.skip(next(width for most, width in _DECIMAL_WIDTHS if precision <= most) * rows)
    elif name == "Nullable":
        cursor.skip(rows)
        _skip_values(cursor, arguments[0], rows)
    elif name in ("Array", "Map", "Nested"):
        cursor.skip(8 * (rows - 1))
        items = cursor.uint64()
        for inner in arguments:
            _skip_values(cursor, inner, items)
    elif name in ("Tuple", "SimpleAggregateFunction"):
        for inner in arguments:
            _skip_values(cursor, inner, rows)
    elif name == "LowCardinality":
        _skip_dictionary(cursor, arguments[0], rows)
    else:
        raise errors.ClickHouseError(
            48, "NOT_IMPLEMENTED", f"a column of the type {type_name} cannot be sent in this protocol version: cast it"
        )


def _skip_strings(cursor: _Cursor, rows: int) -> None:
    """The one loop over values, so it spares what it can."""
    data, at = cursor.data, cursor.at
    for _ in range(rows):
        size = data[at]
        at += 1
        if size >= 0x80:
            cursor.at = at - 1
            size = cursor.varint()
            at = cursor.at
        at += size
    cursor.at = at
    cursor.skip(0)


def _skip_dictionary(cursor: _Cursor, inner: str, rows: int) -> None:
    """Flags with the width of the keys, the distinct values, then one key a row; nothing where there are no rows."""
    if not rows:
        return
    width = _KEY_WIDTHS[cursor.uint64() & 0xFF]
    name, arguments = _parse(inner)
    _skip_values(cursor, arguments[0] if name == "Nullable" else inner, cursor.uint64())
    cursor.skip(width * cursor.uint64())


def _parse(type_name: str) -> tuple[str, list[str]]:
    """A type's name and its arguments, those that are types where the layout needs them."""
    name, found, inside = type_name.partition("(")
    if not found or name in _WIDTHS:
        return name, []
    arguments = _split(inside[:-1])
    if name in ("Tuple", "Nested"):
        arguments = [_TUPLE_NAME.sub("", argument) for argument in arguments]
    return name, arguments[1:] if name == "SimpleAggregateFunction" else arguments


def _split(text: str) -> list[str]:
    """Split at the commas that are outside parentheses, strings and quoted names."""
    parts, depth, start = [], 0, 0
    for token in re.finditer(r"'[^'\\]*(?:\\.[^'\\]*)*'?|`[^`\\]*(?:\\.[^`\\]*)*`?|[(),]", text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "," and depth == 0:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return [*parts, text[start:].strip()]
