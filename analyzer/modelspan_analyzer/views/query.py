"""The SQL behind what is shown, as its reader can run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelspan_collector.store.written import written_out


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
        return written_out(self.sql, self.parameters)
