"""The rules of redaction: which names are dropped, hashed or kept, and what is masked in text.

Patterns of names are shell-style (`user.*`, `*email*`), whatever the case, and meet attribute names, and names of
features, tags and numbers of answers (without prefix) alike; a mask is a regular expression and meets text wherever it
stands.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions, features
from modelspan.patterns import fits
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE

Action = Literal["keep", "drop", "hash"]
PREFIXES: Final = (
    conventions.FEATURE_PREFIX,
    conventions.TAG_PREFIX,
    conventions.COL_FEATURE_PREFIX,
    conventions.COL_TAG_PREFIX,
    conventions.COL_ATTRIBUTION_PREFIX,
    conventions.COL_OUTPUT_PREFIX,
)
STRUCTURAL: Final = frozenset({
    "service.name",
    conventions.MODEL_NAME,
    conventions.MODEL_VERSION,
    conventions.MODEL_ROLE,
    conventions.MODEL_PROJECT,
    conventions.PREDICTION_ID,
    conventions.PREDICTION_VALUE,
    conventions.PREDICTION_LABEL,
    conventions.RECORDED,
    conventions.BATCH_SIZE,
    conventions.SAMPLE_WEIGHT,
    conventions.FLAGGED,
    TENANT_ATTRIBUTE,
})  # fmt: skip
"""Names without which a row has no place: no allow-list needs to name them. What only begins like one is not meant."""
LOG_BODY: Final = "log.body"
"""The name under which rules meet the body of a log record, where it has no names of its own."""
MASK: Final = conventions.MASK
_LOGGER = logging.getLogger(__name__)


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
    """Key of the hashes (HMAC-SHA-256). Without one short values could be guessed, so that they are dropped instead."""

    def __post_init__(self) -> None:
        """Try the masks.

        Raises:
            RedactionError: one is no regular expression.
        """
        if self.hash and not self.key:
            _LOGGER.warning("what is to be hashed is dropped, because there is no key: give one with --hash-key FILE")
        try:
            for mask in self.mask:
                re.compile(mask)
                pc.replace_substring_regex(pa.array([""]), mask, MASK)
        except (re.error, pa.ArrowInvalid) as error:
            raise RedactionError(f"a mask is not a regular expression that RE2 has: {error}") from error

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> Redaction:
        """The rules as `as_note` wrote them; none of an empty note."""
        given = {name: tuple(note.get(name, ())) for name in ("drop", "hash", "allow", "mask")}
        return cls(**given, key=bytes.fromhex(note.get("key", "")))

    def as_note(self) -> dict[str, Any]:
        """The rules as JSON, for another process of the same owner; the key of the hashes is among them."""
        return {
            **{name: list(getattr(self, name)) for name in ("drop", "hash", "allow", "mask")},
            "key": self.key.hex(),
        }

    @property
    def active(self) -> bool:
        """True where anything is redacted at all."""
        return bool(self.drop or self.hash or self.allow or self.mask)

    def action(self, name: str) -> Action:
        """What happens to an attribute, feature or tag of that name."""
        named = self.named(name)
        return "drop" if named == "keep" and self.allow and not self._allowed(name) else named

    def named(self, name: str) -> Action:
        """What the patterns of `drop` and `hash` alone say."""
        if _matches(self.drop, name):
            return "drop"
        if _matches(self.hash, name):
            return "hash" if self.key else "drop"
        return "keep"

    def _allowed(self, name: str) -> bool:
        return name in STRUCTURAL or _matches(self.allow, name)

    def masked(self, text: str) -> str:
        """The text with what the masks match taken out, also where it is spelt with escapes."""
        if not self.mask:
            return text
        once = self._sub(text)
        if "\\" in once:
            plain = unescape(once)
            if (masked := self._sub(plain)) != plain:
                return masked
        return once

    def _sub(self, text: str) -> str:
        for mask in self.mask:
            text = re.sub(mask, MASK, text)
        return text

    def digest(self, value: str) -> str:
        """What is kept of a value that is hashed: 16 hexadecimal digits, the same for the same value (see `spelt`)."""
        return hmac.new(self.key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


NO_RULES: Final = Redaction()
"""Nothing is redacted."""


def spelt(value: object) -> str:
    """The one spelling of a value for its digest, whichever type its sender gave it: as in a category, 7.0 is `7`.

    What a category cannot hold, such as a list, is spelt as Python does.
    """
    if isinstance(value, (bool, float)):
        written = features.text(pa.array([value])).column
        return str(value) if written is None or written[0].as_py() is None else str(written[0].as_py())
    return str(value)


@lru_cache(maxsize=65_536)
def _matches(patterns: Sequence[str], name: str) -> bool:
    names = [name, *(name[len(prefix) :] for prefix in PREFIXES if name.startswith(prefix))]
    return any(fits(candidate, pattern) for candidate in names for pattern in patterns)


_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")


def unescape(text: str) -> str:
    """The text with the escapes of JSON and of programs spelt out, however often it was escaped."""
    while "\\\\" in text:
        text = text.replace("\\\\", "\\")
    plain = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
