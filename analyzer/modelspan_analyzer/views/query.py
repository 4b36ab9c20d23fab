"""The SQL behind what is shown, as its reader can run it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from modelspan_collector.store.quote import quote_string

_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Query:
    """One query, with the values of its parameters."""

    title: str
    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The query with its parameters written out.

        >>> Query("", "SELECT {a:String}, {b:UInt8}", {"a": "x", "b": 5}).text
        "SELECT 'x', 5"
        """
        return _PARAMETER.sub(self._written, self.sql).strip()

    def _written(self, found: re.Match[str]) -> str:
        name, kind = found.groups()
        return written(self.parameters[name], kind) if name in self.parameters else found[0]


def written(value: object, kind: str) -> str:
    """A value as SQL of one of ClickHouse's types.

    >>> written(["a", "b"], "Array(String)")
    "['a', 'b']"
    """
    if isinstance(value, datetime):
        return f"CAST({quote_string(f'{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}')}, {quote_string(kind)})"
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        inner = kind.removeprefix("Array(").removesuffix(")")
        return f"[{', '.join(written(each, inner) for each in value)}]"
    return quote_string(str(value))
