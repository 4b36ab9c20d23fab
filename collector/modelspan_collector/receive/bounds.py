"""How much a request may hold, counted before it is parsed: two bytes of an empty span are 170 once it is a message.

A request within the bounds costs next to nothing here: its size, or how many of its bytes can be the tag of a nested
message at all, mostly settles it. Only where that leaves doubt its messages are counted one by one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import numpy as np

from modelspan_collector.otlp.errors import BadRequestError, TooLargeError
from modelspan_collector.otlp.signals import METRICS, Signal

MOST_ITEMS: Final = 500_000
"""Resources, scopes, spans, metrics and log records of a request."""
MOST_MESSAGES: Final = 2_000_000
"""Those, and all that is nested in them: attributes, values, events, points."""
MOST_VALUES: Final = 1_000_000
"""Values of a JSON request."""
MOST_REPEATED_BYTES: Final = 256 << 20
"""Bytes of resources, scopes and metrics, as each of their rows repeats them."""

_ITEM_LEVELS: Final = 3
_ALL_LEVELS: Final = 1000
_FEW_POINTS: Final = 4
"""A metric of so few points repeats next to nothing, which is most metrics: they are not measured."""
_PACKED: Final = 16
"""Numbers without tags of their own, which count as one message together: they are eight bytes each in memory."""
_BYTES: Final = 2
"""The wire type of messages, texts and packed numbers."""
_STRING: Final = re.compile(rb'"[^"]*"?')
"""Without escapes in it; one that never ends takes the rest along, so no text is looked at twice."""


def check_protobuf(signal: Signal, body: bytes) -> None:
    """Refuse a request that would become too many messages.

    Raises:
        TooLargeError: it holds too many.
        BadRequestError: it is no protobuf, as far as was looked.
    """
    if len(body) // 2 <= MOST_ITEMS or (most := _most_messages(signal, body)) <= MOST_ITEMS:
        return
    try:
        _count(body, signal.request.DESCRIPTOR, _ITEM_LEVELS if most <= MOST_MESSAGES else _ALL_LEVELS)
    except IndexError:
        raise BadRequestError("the body is not protobuf: it is cut off or corrupt") from None


def check_json(body: bytes) -> None:
    """Refuse a JSON request of too many values.

    Raises:
        TooLargeError: it holds too many.
    """
    if _values(body) > MOST_VALUES and _values(_without_strings(body)) > MOST_VALUES:
        raise TooLargeError(f"the JSON holds more than {MOST_VALUES} values; send smaller batches, or protobuf")


def _without_strings(body: bytes) -> bytes:
    return _STRING.sub(b"", body.replace(b"\\\\", b"").replace(b'\\"', b""))


def check_repeated(signal: Signal, message: Any) -> None:
    """Refuse a parsed request that is small only because it says once what every row of a table says.

    Raises:
        TooLargeError: its rows would be too large.
    """
    total = 0
    for resource in signal.resources(message):
        shared = resource.resource.ByteSize()
        for scope in getattr(resource, signal.path[1]):
            total += (shared + scope.scope.ByteSize()) * (1 + _rows(signal, scope))
            total += sum(map(_repeated_by_points, scope.metrics)) if signal is METRICS else 0
            if total > MOST_REPEATED_BYTES:
                raise TooLargeError(
                    f"the rows of this request would repeat its resources, scopes and metrics in more than "
                    f"{MOST_REPEATED_BYTES} bytes; send smaller batches, or smaller attributes of the resource"
                )


def _rows(signal: Signal, scope: Any) -> int:
    items = getattr(scope, signal.path[2])
    return sum(len(points(metric)) for metric in items) if signal is METRICS else len(items)


def points(metric: Any) -> Any:
    """The data points of a metric of any kind."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def _repeated_by_points(metric: Any) -> int:
    """Bytes that a metric's points repeat: all of it but the points."""
    count = len(points(metric))
    if count < _FEW_POINTS:
        return 0
    texts = len(metric.name) + len(metric.description) + len(metric.unit)
    return int(texts + sum(each.ByteSize() for each in metric.metadata)) * count


def _values(body: bytes) -> int:
    return body.count(b",") + body.count(b"{") + body.count(b"[")


def _most_messages(signal: Signal, body: bytes) -> int:
    """A bound from above: as many nested messages as there are bytes that can be the first of their tags."""
    tags, packs = _tags(signal.request.DESCRIPTOR)
    marked = np.frombuffer(body.translate(tags), np.bool_)
    return int(np.count_nonzero(marked)) + (len(body) // _PACKED if packs else 0)


@cache
def _tags(root: Any) -> tuple[bytes, bool]:
    """For every byte 1 where a tag of a nested message or list can begin with it, else 0; and whether numbers can be
    packed.
    """
    found, waiting = set[Any](), [root]
    while waiting:
        message = waiting.pop()
        if message not in found:
            found.add(message)
            waiting += [child for child in _nested(message).values() if child is not None]
    tags = {(number << 3 | _BYTES) & 0x7F for message in found for number in _nested(message)}
    packs = any(field.is_packed for message in found for field in message.fields)
    return bytes(byte & 0x7F in tags for byte in range(256)), packs


@cache
def _nested(descriptor: Any) -> dict[int, Any]:
    """The fields that become more than their bytes, by number: messages with their type, other lists with None."""
    return {
        field.number: field.message_type
        for field in descriptor.fields
        if field.message_type is not None or field.is_repeated
    }


def _count(body: bytes, root: Any, levels: int) -> None:
    messages, items = 0, 0
    waiting = [(0, len(body), root, 1)]
    while waiting:
        at, end, message, level = waiting.pop()
        nested = _nested(message)
        while at < end:
            tag, at = _varint(body, at)
            if tag & 7 != _BYTES:
                at = _skip(body, at, tag & 7)
                continue
            size, at = _varint(body, at)
            number = tag >> 3
            if number in nested:
                child = nested[number]
                messages += 1 if child is not None else 1 + size // _PACKED
                items += level <= _ITEM_LEVELS
                if messages > MOST_MESSAGES or items > MOST_ITEMS:
                    raise TooLargeError(
                        f"the request holds more than {MOST_ITEMS} spans, metrics or records, or more than "
                        f"{MOST_MESSAGES} attributes, values and events; send smaller batches"
                    )
                if size and child is not None and level < levels:
                    waiting.append((at, at + size, child, level + 1))
            at += size
        if at > end:
            raise IndexError


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = body[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for shift in range(7, 70, 7):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError


def _skip(body: bytes, at: int, wire: int) -> int:
    """Behind the value of a field that is no message; a group is read as if its fields stood outside of it."""
    if wire == 0:
        return _varint(body, at)[1]
    if wire in (1, 5):
        return at + (8 if wire == 1 else 4)
    if wire in (3, 4):
        return at
    raise IndexError
