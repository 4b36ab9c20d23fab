"""What the collector's rules of redaction keep from being shown: they may be younger than what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from modelspan_collector.access.rules import NO_RULES, Redaction

_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
V = TypeVar("V")


class Veil:
    """Shows names and values as the gate would store them today."""

    def __init__(self, rules: Redaction = NO_RULES) -> None:
        self._rules = rules

    def text(self, text: str) -> str:
        """A text without what is masked."""
        return self._rules.masked(text)

    def texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Each of some texts."""
        return tuple(map(self.text, texts))

    def dropped(self, name: str) -> bool:
        """Whether a name is not to be shown at all."""
        return self._rules.action(name) == "drop"

    def values(self, named: Mapping[str, V]) -> dict[str, V | str]:
        """Values by their names: those that are dropped are gone, and texts are hashed or masked."""
        return {self.text(name): self.value(name, value) for name, value in named.items() if not self.dropped(name)}

    def value(self, name: str, value: V) -> V | str:
        """One value; what was hashed when it came stays as it is."""
        if self._rules.action(name) == "hash":
            text = str(value)
            return text if _DIGEST.fullmatch(text) else self._rules.digest(text)
        shown = self._rules.masked(str(value))
        return value if shown == str(value) else shown
