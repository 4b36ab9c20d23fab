"""Redaction at the gate: attributes and features are dropped or hashed before anything is written to disk or sent on.

The SDK redacts first; this is the second line, for senders that did not. Patterns are shell-style (`user.*`,
`*email*`) and meet attribute names, feature names (without prefix) and tag names alike.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa

from modelspan import conventions

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


@dataclass(frozen=True, slots=True)
class Redaction:
    """Which names are dropped, which hashed, and, where `allow` is given, which alone are kept."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    key: bytes = b""
    """Key of the hashes (HMAC-SHA-256): without one, short values can be guessed."""

    @property
    def active(self) -> bool:
        """True where anything is redacted at all."""
        return bool(self.drop or self.hash or self.allow)

    def action(self, name: str) -> Action:
        """What happens to an attribute, feature or tag of that name."""
        return _action(self, name)

    def digest(self, value: str) -> str:
        """What is kept of a value that is hashed: 16 hexadecimal digits, the same for the same value."""
        return hmac.new(self.key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


@lru_cache(maxsize=65_536)
def _action(rules: Redaction, name: str) -> Action:
    names = [name, *(name[len(prefix) :] for prefix in _PREFIXES if name.startswith(prefix))]

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatchcase(candidate, pattern) for candidate in names for pattern in patterns)

    if matches(rules.drop):
        return "drop"
    if matches(rules.hash):
        return "hash"
    if rules.allow and not name.startswith(_STRUCTURAL) and not matches(rules.allow):
        return "drop"
    return "keep"


def redact_message(rules: Redaction, message: Any) -> int:
    """Redact every attribute of an OTLP message, at any depth; returns how many were touched."""
    touched = 0
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.name == "KeyValue":
            touched += _redact_attributes(rules, value)
        for item in value if field.is_repeated else [value]:
            touched += redact_message(rules, item)
    return touched


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


def _plain(value: Any) -> str:
    kind = value.WhichOneof("value")
    return "" if kind is None else str(getattr(value, kind))


def redact_table(rules: Redaction, table: pa.Table) -> tuple[pa.Table, int]:
    """Redact the feature, tag and attribution columns of prediction records; returns how many columns were touched."""
    touched = 0
    for name in table.column_names:
        if not name.startswith(_PREFIXES):
            continue
        action = rules.action(name)
        touched += action != "keep"
        if action == "drop":
            table = table.drop_columns([name])
        elif action == "hash":
            values = table.column(name).to_pylist()
            hashed = pa.array([None if value is None else rules.digest(str(value)) for value in values], pa.string())
            table = table.set_column(table.schema.get_field_index(name), name, hashed)
    return table, touched
