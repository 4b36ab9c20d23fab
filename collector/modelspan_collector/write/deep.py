"""Values nested deeper than the store's columns reach, spelt out as the JSON text that the views make of the others.

The views refuse such values (`throwIf`), and only then is a batch walked here: what everybody sends costs nothing.
"""

from __future__ import annotations

import base64
import math
from typing import Any, Final

import orjson

from modelspan_collector.otlp.signals import Signal
from modelspan_collector.write.otlp_shape import DEPTH

TOO_DEEP: Final = 395
"""ClickHouse's error code of `throwIf`."""
_NESTED = ("array_value", "kvlist_value")


def flatten(signal: Signal, payload: bytes) -> bytes:
    """A logged request with every value that is nested too deeply replaced by its JSON text."""
    message = signal.request.FromString(payload)
    _flatten(message)
    return bytes(message.SerializeToString())


def _flatten(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for item in value if field.is_repeated else [value]:
            if field.message_type.name != "AnyValue":
                _flatten(item)
            elif _levels(item) >= DEPTH:
                item.string_value = json_of(item)


def _levels(value: Any) -> int:
    """Lists and maps inside of each other: 0 for a plain value."""
    return 1 + max(map(_levels, _members(value)), default=0) if value.WhichOneof("value") in _NESTED else 0


def _members(value: Any) -> list[Any]:
    if value.WhichOneof("value") == "array_value":
        return list(value.array_value.values)
    return [member.value for member in value.kvlist_value.values]


def json_of(value: Any) -> str:
    """An `AnyValue` as JSON text; bytes in base64, and numbers that JSON does not have as strings."""
    match value.WhichOneof("value"):
        case None:
            return "null"
        case "array_value":
            return f"[{','.join(map(json_of, value.array_value.values))}]"
        case "kvlist_value":
            members = (f"{_text(member.key)}:{json_of(member.value)}" for member in value.kvlist_value.values)
            return f"{{{','.join(members)}}}"
        case "bytes_value":
            return _text(base64.b64encode(value.bytes_value).decode())
        case "double_value":
            number = repr(value.double_value).removesuffix(".0")
            return number if math.isfinite(value.double_value) else _text(number)
        case scalar:
            return orjson.dumps(getattr(value, scalar)).decode()


def _text(text: str) -> str:
    return orjson.dumps(text).decode()
