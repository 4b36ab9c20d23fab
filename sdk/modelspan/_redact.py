"""Privacy at the source: which features and tags leave the process, and in which form.

A rule is `"drop"`, `"hash"` or `truncate(n)`, for a name or a pattern with `*` and `?`, whatever the case; the first
that fits counts. The
same rules apply to records and to spans. Hashes are HMAC-SHA-256 (RFC 2104) with the secret of `MODELSPAN_REDACT_KEY`,
of which the first 128 bits are kept; without a secret such a feature is dropped, since an unkeyed hash of a short value
hides nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from modelspan._failsafe import swallowed
from modelspan.patterns import fits


@dataclass(frozen=True, slots=True)
class truncate:  # noqa: N801 - reads as a verb where it is used
    """Keep the first `length` characters of a value's text, such as the district of a postal code."""

    length: int


Rule: TypeAlias = Literal["drop", "hash"] | truncate
_Change = Callable[[Any], Any]


def _nothing(_value: Any) -> None:
    return None


class Redaction:
    """What happens to each name: nothing, a change of its values, or removal."""

    def __init__(
        self,
        rules: Mapping[str, Rule] | None = None,
        allow: Iterable[str] | None = None,
        max_length: int = 1024,
        key: bytes | None = None,
    ) -> None:
        """Compile the rules.

        Raises:
            ValueError: A rule is none of those known.
        """
        self._rules = [(pattern, self._compiled(pattern, rule, key)) for pattern, rule in (rules or {}).items()]
        self._allow = list(allow) if allow is not None else None
        self._max_length = max_length
        self._changes: dict[str, _Change | None] = {}

    @staticmethod
    def _compiled(pattern: str, rule: Rule, key: bytes | None) -> _Change:
        if rule == "drop":
            return _nothing
        if isinstance(rule, truncate):
            length = rule.length
            return lambda value: _text(value)[:length]
        if rule != "hash":
            raise ValueError(f"redact[{pattern!r}] is {rule!r}; expected 'drop', 'hash' or modelspan.truncate(length)")
        if key is None:
            swallowed("features to be hashed are dropped, because MODELSPAN_REDACT_KEY holds no secret")
            return _nothing
        return lambda value: hmac.new(key, _text(value).encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]

    def change(self, name: str) -> _Change | None:
        """How values of a name change: None where not at all; a change that returns None for all removes the name."""
        try:
            return self._changes[name]
        except KeyError:
            found = next((change for pattern, change in self._rules if fits(name, pattern)), None)
            if self._allow is not None and not any(fits(name, pattern) for pattern in self._allow):
                found = _nothing
            if len(self._changes) < 10_000:
                self._changes[name] = found
            return found

    def removes(self, name: str) -> bool:
        """Whether the name does not leave the process at all."""
        return self.change(name) is _nothing

    def takes_out(self, name: str) -> bool:
        """Whether a rule meets the name of a number of an answer: of numbers no hash and no beginning is kept.

        The list of allowed features says nothing of answers.
        """
        return any(fits(name, pattern) for pattern, _ in self._rules)

    def value(self, name: str, value: Any) -> Any:
        """One value as it may leave the process; None where it may not."""
        change = self.change(name)
        if change is not None:
            value = None if _is_missing(value) else change(value)
        return value[: self._max_length] if isinstance(value, str) else value

    def columns(self, prefix: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Arrow columns as they may leave the process, their names prefixed."""
        kept: dict[str, Any] = {}
        for name, column in columns.items():
            change = self.change(name)
            if change is not _nothing:
                kept[f"{prefix}{self.cut(name)}"] = self.bounded(column if change is None else _changed(column, change))
        return kept

    def cut(self, text: str) -> str:
        """A text no longer than allowed."""
        return text if len(text) <= self._max_length else text[: self._max_length]

    def bounded(self, column: Any) -> Any:
        """An Arrow column whose texts are no longer than allowed."""
        import pyarrow as pa

        kind = column.type
        if pa.types.is_dictionary(kind) and pa.types.is_large_string(kind.value_type) | pa.types.is_string(
            kind.value_type
        ):
            return pa.DictionaryArray.from_arrays(column.indices, self.bounded(column.dictionary))
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            return column
        import pyarrow.compute as pc

        if column.nbytes <= self._max_length or (pc.max(pc.utf8_length(column)).as_py() or 0) <= self._max_length:
            return column
        return pc.utf8_slice_codeunits(column, 0, self._max_length)


def _is_missing(value: Any) -> bool:
    """None and NaN: what is missing stays so, and has no digest that would look like a value."""
    return value is None or (isinstance(value, float) and value != value)


def _text(value: Any) -> str:
    """The text that is hashed or cut, the same however a value arrives: `"2"` for 2.0, instants in UTC, no zone told.

    Of instants and spans pandas has its own types, whose texts are others.
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return str(value if value.tzinfo is None else value.astimezone(datetime.UTC).replace(tzinfo=None))
    if isinstance(value, datetime.timedelta):
        return str(datetime.timedelta(value.days, value.seconds, value.microseconds))
    return str(value)


def _changed(column: Any, change: _Change) -> Any:
    """Each distinct value changed once."""
    import pyarrow as pa

    if pa.types.is_nested(column.type):
        return pa.array([None if _is_missing(value) else change(value) for value in column.to_pylist()], pa.string())
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [None if _is_missing(value) else change(value) for value in coded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(texts, pa.string())).dictionary_decode()
