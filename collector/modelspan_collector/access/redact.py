"""Redaction at the gate: what is dropped, hashed or masked before anything is written to disk or sent on.

The SDK redacts first; this is the second line, for senders that did not. What cannot be read is dropped, and counted.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from modelspan import conventions
from modelspan_collector.access.redact_text import redact_text
from modelspan_collector.access.rules import LOG_BODY, Redaction, spelt

_NUMBERS = ("int_value", "double_value")


def redact_message(rules: Redaction, message: Any) -> int:
    """Redact every attribute of an OTLP message, at any depth, its log bodies, and, by the masks, all of its text.

    Fields that OTLP does not know go as well: nobody can say what is in them.

    Returns:
        How many attributes, bodies and texts were touched. Bodies of modelspan's events are not: `redact_table` is for
        those.
    """
    message.DiscardUnknownFields()
    return _redact(rules, message)


def _redact(rules: Redaction, message: Any) -> int:
    kind = message.DESCRIPTOR.name
    if kind == "AnyValue":
        return _redact_value(rules, message)
    touched = 0
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            touched += _mask_field(rules, message, field, value)
        elif kind == "LogRecord" and field.name == "body":
            touched += _redact_body(rules, message)
        elif field.message_type is not None:
            if field.message_type.name == "KeyValue":
                touched += _redact_attributes(rules, value)
            touched += sum(_redact(rules, item) for item in (value if field.is_repeated else [value]))
    return touched


def _mask_field(rules: Redaction, message: Any, field: Any, value: Any) -> int:
    before = list(value) if field.is_repeated else [value]
    after = [rules.masked(text) for text in before]
    if after == before:
        return 0
    if field.is_repeated:
        value[:] = after
    else:
        setattr(message, field.name, after[0])
    return sum(one != other for one, other in zip(before, after, strict=True))


def _redact_attributes(rules: Redaction, attributes: Any) -> int:
    touched = 0
    for index in range(len(attributes) - 1, -1, -1):
        attribute = attributes[index]
        action = "keep" if _is_score(rules, attribute) else rules.action(attribute.key)
        if action == "drop":
            del attributes[index]
        elif action == "hash":
            attribute.value.string_value = rules.digest(_plain(attribute.value))
        touched += action != "keep"
    return touched


def _is_score(rules: Redaction, attribute: Any) -> bool:
    """The number of a class belongs to a prediction; under a name that only looks like it, a text does not."""
    return (
        attribute.key.startswith(conventions.PREDICTION_SCORE_PREFIX)
        and attribute.value.WhichOneof("value") in _NUMBERS
        and rules.named(attribute.key) == "keep"
    )


def _redact_body(rules: Redaction, record: Any) -> int:
    """A body with names, a map or JSON text of one, is redacted by those; any other is met as `log.body`."""
    if record.event_name.startswith(conventions.EVENT_PREFIX):
        return 0
    kind = record.body.WhichOneof("value")
    if kind in ("string_value", "bytes_value"):
        return _redact_value(rules, record.body, LOG_BODY)
    match rules.named(LOG_BODY) if kind == "kvlist_value" else rules.action(LOG_BODY):
        case "drop":
            record.ClearField("body")
        case "hash":
            record.body.string_value = rules.digest(_plain(record.body))
        case "keep":
            return _redact_value(rules, record.body)
    return 1


def _redact_value(rules: Redaction, value: Any, name: str = "") -> int:
    """Text, and bytes that are text, by the names in it and by masks; whole numbers by masks; others by their parts."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        text, touched = redact_text(rules, value.string_value, name)
        _set(value, kind, text, touched)
    elif kind == "bytes_value":
        content, touched = _redact_bytes(rules, value.bytes_value, name)
        _set(value, kind, content, touched)
    elif kind == "int_value":
        number = str(value.int_value)
        masked = rules.masked(number)
        touched = int(masked != number)
        _set(value, "string_value", masked, touched)
    elif kind == "array_value":
        touched = sum(_redact(rules, item) for item in value.array_value.values)
    elif kind == "kvlist_value":
        touched = _redact(rules, value.kvlist_value)
    else:
        touched = 0
    return touched


def _redact_bytes(rules: Redaction, value: bytes, name: str) -> tuple[bytes | None, int]:
    """Bytes that are text; others cannot be read."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None, 1
    kept, touched = redact_text(rules, text, name)
    return None if kept is None else kept.encode("utf-8", "replace"), touched


def _set(value: Any, kind: str, kept: Any, touched: int) -> None:
    if kept is None:
        value.Clear()
    elif touched:
        setattr(value, kind, kept)


def _plain(value: Any) -> str:
    kind = value.WhichOneof("value")
    return "" if kind is None else spelt(getattr(value, kind))
