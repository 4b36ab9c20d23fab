"""What every view is: a title, one sentence in plain words, the numbers, and the SQL that they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pyarrow as pa

from modelspan_analyzer.views.query import Query


class NotThereError(LookupError):
    """What was asked for by name or id is not in the store; the message is for who asked."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A page's content; each view adds its own fields, and what of them is a table."""

    title: str
    sentence: str
    """What there is to know, in plain words."""
    queries: tuple[Query, ...] = ()
    problem: str = ""
    """Why what was asked for cannot be shown; empty where it is."""

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        shown: dict[str, Any] = plain(self)
        shown["queries"] = [{"title": query.title, "sql": query.text} for query in self.queries]
        return shown

    def tables(self) -> Mapping[str, pa.Table]:
        """What can be taken away as CSV, by name; the first where none is asked for."""
        return {}


def plain(value: Any) -> Any:
    """A value as JSON has it: records as objects, times as ISO 8601 in UTC, and null for what is no number."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    return value


def table_of(records: Sequence[Any], columns: Sequence[str]) -> pa.Table:
    """Some fields of records as a table; what is no single value goes as text."""
    made = {name: [plain(getattr(record, name)) for record in records] for name in columns}
    return pa.table({name: pa.array([_cell(value) for value in values]) for name, values in made.items()})


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, dict | list) else value
