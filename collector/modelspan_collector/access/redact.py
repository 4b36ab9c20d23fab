"""Redaction at the gate: what is dropped, hashed or masked before anything is written to disk or sent on.

The SDK redacts first; this is the second line, for senders that did not. Patterns of names are shell-style (`user.*`,
`*email*`) and meet attribute names, feature names (without prefix) and tag names alike; a mask is a regular expression
and meets text wherever it stands.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor import FieldDescriptor

from modelspan import conventions
from modelspan_collector.write.stream import COLUMNS

Action = Literal["keep", "drop", "hash"]
_PREFIXES = (
    conventions.FEATURE_PREFIX,
    conventions.TAG_PREFIX,
    conventions.COL_FEATURE_PREFIX,
    conventions.COL_TAG_PREFIX,
    conventions.COL_ATTRIBUTION_PREFIX,
)
_STRUCTURAL = (
    "service.name",
    "modelspan.model.",
    "modelspan.prediction.",
    "modelspan.recorded",
    "modelspan.batch.size",
)
"""Names without which a row has no place: no allow-list needs to name them."""
_STRUCTURAL_COLUMNS = frozenset(column.name for columns in COLUMNS.values() for column in columns)
LOG_BODY: Final = "log.body"
"""The name under which rules meet the body of a log record, where it has no names of its own."""
_MASK = "***"


class RedactionError(ValueError):
    """A mask that is no regular expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """Which names are dropped, which hashed, and, where `allow` is given, which alone are kept."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    """Regular expressions (RE2 and Python alike): what they match in any text becomes `***`."""
    key: bytes = b""
    """Key of the hashes (HMAC-SHA-256): without one, short values can be guessed."""

    def __post_init__(self) -> None:
        """Try the masks.

        Raises:
            RedactionError: one is no regular expression.
        """
        try:
            for mask in self.mask:
                re.compile(mask)
                pc.replace_substring_regex(pa.array([""]), mask, _MASK)
        except (re.error, pa.ArrowInvalid) as error:
            raise RedactionError(f"a mask is not a regular expression that RE2 has: {error}") from error

    @property
    def active(self) -> bool:
        """True where anything is redacted at all."""
        return bool(self.drop or self.hash or self.allow or self.mask)

    def action(self, name: str) -> Action:
        """What happens to an attribute, feature or tag of that name."""
        named = self.named(name)
        if named == "keep" and self.allow and not name.startswith(_STRUCTURAL) and not _matches(self.allow, name):
            return "drop"
        return named

    def named(self, name: str) -> Action:
        """What the patterns of `drop` and `hash` alone say."""
        return "drop" if _matches(self.drop, name) else "hash" if _matches(self.hash, name) else "keep"

    def masked(self, text: str) -> str:
        """The text with what the masks match taken out."""
        for mask in self.mask:
            text = re.sub(mask, _MASK, text)
        return text

    def digest(self, value: str) -> str:
        """What is kept of a value that is hashed: 16 hexadecimal digits, the same for the same value."""
        return hmac.new(self.key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


@lru_cache(maxsize=65_536)
def _matches(patterns: Sequence[str], name: str) -> bool:
    names = [name, *(name[len(prefix) :] for prefix in _PREFIXES if name.startswith(prefix))]
    return any(fnmatch.fnmatchcase(candidate, pattern) for candidate in names for pattern in patterns)


def redact_message(rules: Redaction, message: Any) -> int:
    """Redact every attribute of an OTLP message, at any depth, its log bodies, and, by the masks, all of its text.

    Returns:
        How many attributes, bodies and texts were touched. Bodies of modelspan's events are not: `redact_table` is for
        those.
    """
    touched = _redact_body(rules, message) if message.DESCRIPTOR.name == "LogRecord" else 0
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            touched += _mask_field(rules, message, field, value)
        if field.message_type is None:
            continue
        if field.message_type.name == "KeyValue":
            touched += _redact_attributes(rules, value)
        for item in value if field.is_repeated else [value]:
            touched += redact_message(rules, item)
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
        action = rules.action(attribute.key)
        if action == "drop":
            del attributes[index]
        elif action == "hash":
            attribute.value.string_value = rules.digest(_plain(attribute.value))
        touched += action != "keep"
    return touched


def _redact_body(rules: Redaction, record: Any) -> int:
    """A body with names, a map or JSON text of one, is redacted by those; any other is met as `log.body`."""
    body = record.body
    kind = body.WhichOneof("value")
    if kind is None or record.event_name.startswith(conventions.EVENT_PREFIX):
        return 0
    document = _document(body.string_value) if kind == "string_value" else None
    has_names = kind == "kvlist_value" or document is not None
    match rules.named(LOG_BODY) if has_names else rules.action(LOG_BODY):
        case "drop":
            record.ClearField("body")
        case "hash":
            body.string_value = rules.digest(_plain(body))
        case "keep" if document is None:
            return 0
        case "keep":
            document, touched = _redact_document(rules, document)
            if touched:
                body.string_value = orjson.dumps(document).decode()
            return touched
    return 1


def _document(text: str) -> Any:
    """What a JSON text holds, where it is an object or a list of such; else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    objects = found if isinstance(found, list) else [found]
    return found if all(isinstance(item, dict) for item in objects) else None


def _redact_document(rules: Redaction, node: Any) -> tuple[Any, int]:
    """A JSON document without what the rules take out, and how many values that were."""
    if isinstance(node, list):
        parts = [_redact_document(rules, item) for item in node]
        return [part for part, _ in parts], sum(count for _, count in parts)
    if not isinstance(node, dict):
        return node, 0
    kept, touched = {}, 0
    for name, value in node.items():
        action = rules.action(name)
        if action == "hash":
            kept[name] = rules.digest(value if isinstance(value, str) else orjson.dumps(value).decode())
        elif action == "keep":
            kept[name], inner = _redact_document(rules, value)
            touched += inner
        touched += action != "keep"
    return kept, touched


def _plain(value: Any) -> str:
    kind = value.WhichOneof("value")
    return "" if kind is None else str(getattr(value, kind))


def redact_table(rules: Redaction, table: pa.Table) -> tuple[pa.Table, int]:
    """Redact the columns of an event's stream: by name all but those that make it one, by the masks all text.

    Returns:
        The stream, and how many columns were touched.
    """
    touched = 0
    for name in table.column_names:
        index = table.schema.get_field_index(name)
        structural = name in _STRUCTURAL_COLUMNS or name.startswith(conventions.COL_SCORE_PREFIX)
        action = "keep" if structural else rules.action(name)
        if action == "drop":
            table = table.drop_columns([name])
        elif action == "hash":
            values = table.column(index).to_pylist()
            hashed = pa.array([None if value is None else rules.digest(str(value)) for value in values], pa.string())
            table = table.set_column(index, name, hashed)
        elif (masked := _mask_column(rules, table.column(index))) is not None:
            table = table.set_column(index, name, masked)
            touched += 1
        touched += action != "keep"
    return table, touched


def _mask_column(rules: Redaction, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column of text with what the masks match taken out; None where that is nothing."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not rules.mask or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    before = after = column.cast(kind)
    for mask in rules.mask:
        after = pc.replace_substring_regex(after, mask, _MASK)
    return None if after.equals(before) else after
