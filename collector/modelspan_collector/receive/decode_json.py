"""OTLP/JSON to OTLP messages: ids in hexadecimal, enums as numbers, unknown fields ignored.

An item that is not understood is rejected alone. Only where the request as a whole is not understood are its items
read one by one, so that a good one costs nothing more.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import orjson
from google.protobuf import json_format

from modelspan_collector.otlp.errors import BadRequestError
from modelspan_collector.otlp.signals import SIGNALS, Signal
from modelspan_collector.receive import bounds
from modelspan_collector.receive.rejected import NOTHING, Rejected

_HEX_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
_ID_SIZES: Final = (0, 8, 16)
_NOT_UNDERSTOOD: Final = (json_format.ParseError, ValueError, TypeError, AttributeError)


def parse(signal: Signal, body: bytes) -> tuple[Any, bool, Rejected]:
    """The message of a JSON body, whether its text had to be made UTF-8, and which items were not understood.

    Raises:
        BadRequestError: the body is not JSON, or not the message of that signal.
        TooLargeError: it holds too many values.
    """
    bounds.check_json(body)
    try:
        document, repaired = _load(body)
        _check_signal(signal, document)
        _hex_to_base64(document)
        try:
            if all(isinstance(item, dict) for scope in _scopes(signal, document) for item in _items(signal, scope)):
                return _to_message(document, signal.request()), repaired, NOTHING
        except _NOT_UNDERSTOOD:
            pass
        message, rejected = _item_by_item(signal, document)
        return message, repaired, rejected
    except RecursionError as error:
        raise BadRequestError("the JSON is nested too deeply") from error
    except _NOT_UNDERSTOOD as error:
        name = signal.request.DESCRIPTOR.name
        raise BadRequestError(f"the body is not an OTLP/JSON {name}: {_short(error)}") from error


def _load(body: bytes) -> tuple[Any, bool]:
    try:
        return orjson.loads(body), False
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
        return orjson.loads(text), "\ufffd" in text


def _to_message(document: Any, message: Any) -> Any:
    return json_format.ParseDict(document, message, ignore_unknown_fields=True)


def _check_signal(signal: Signal, document: Any) -> None:
    """Refuse another signal's request, whose names would all be ignored.

    Raises:
        BadRequestError: it holds another signal's names and none of its own; the message says where to send it.
    """
    node = document
    for level, name in enumerate(signal.path):
        if not isinstance(node, dict):
            return
        key = _key(node, name)
        if key is None:
            for other in SIGNALS:
                if (found := _key(node, other.path[level])) is not None:
                    raise BadRequestError(f"{found!r} is not of {signal.name}: post it to {other.http_path}")
            return
        node = node[key][0] if isinstance(node[key], list) and node[key] else None


def _key(node: dict[str, Any], name: str) -> str | None:
    """The name of a field as an object spells it, in camel case or as protobuf has it."""
    head, *rest = name.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    return next((spelling for spelling in (camel, name) if spelling in node), None)


def _item_by_item(signal: Signal, document: Any) -> tuple[Any, Rejected]:
    """The message without the items that are not understood.

    Raises:
        ParseError: what is around the items is not understood.
    """
    taken = []
    for scope in _scopes(signal, document):
        taken.append(_items(signal, scope))
        scope.pop(_key(scope, signal.path[2]) or "", None)
    message = _to_message(document, signal.request())
    scopes = [s for resource in signal.resources(message) for s in getattr(resource, signal.path[1])]
    rejected, first = 0, ""
    for scope, items in zip(scopes, taken, strict=True):
        target = getattr(scope, signal.path[2])
        for item in items:
            whole = len(target)
            try:
                _to_message(_object(item), target.add())
            except _NOT_UNDERSTOOD as error:
                del target[whole:]
                rejected, first = rejected + 1, first or f"one of the {signal.name} is not understood: {_short(error)}"
    return message, Rejected(rejected, first)


def _scopes(signal: Signal, document: Any) -> Iterator[dict[str, Any]]:
    for resource in _listed(document, signal.path[0]):
        yield from map(_object, _listed(_object(resource), signal.path[1]))


def _items(signal: Signal, scope: dict[str, Any]) -> list[Any]:
    return _listed(scope, signal.path[2])


def _listed(node: dict[str, Any], name: str) -> list[Any]:
    key = _key(_object(node), name)
    found = None if key is None else node[key]
    if not isinstance(found, list | None):
        raise json_format.ParseError(f"{key} is not a list")
    return found or []


def _object(node: Any) -> Any:
    """The node itself: the runtime takes a text for an object without fields that it knows."""
    if not isinstance(node, dict):
        raise json_format.ParseError(f"an object was expected, not {str(node)[:40]!r}")
    return node


def _hex_to_base64(node: Any) -> None:
    """Rewrite trace and span ids from OTLP's hexadecimal to what protobuf's own JSON expects."""
    if isinstance(node, list):
        for item in node:
            _hex_to_base64(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in _HEX_IDS and isinstance(value, str):
                node[name] = base64.b64encode(_id(value)).decode()
            else:
                _hex_to_base64(value)


def _id(text: str) -> bytes:
    """An id's bytes. What is not hexadecimal becomes what cannot be taken for an id, and is found out as such."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        wrong = text.encode("utf-8", "replace")
        return wrong + b"?" if len(wrong) in _ID_SIZES else wrong


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
