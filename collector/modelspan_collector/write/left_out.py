"""What of a stream was left out, so that all else of it could be taken: columns, values and rows, with reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import pyarrow as pa

from modelspan import conventions

_PREFIXES: Final = (
    conventions.COL_FEATURE_PREFIX,
    conventions.COL_SCORE_PREFIX,
    conventions.COL_ATTRIBUTION_PREFIX,
    conventions.COL_TAG_PREFIX,
)
_MOST_NAMES: Final = 200
"""Columns of one stream that its sender may name as left out."""
_MOST_TEXT: Final = 300
_MOST_TOLD: Final = 5
"""Misfits that one answer names; the others are counted, and all are in `ingest_errors`."""


class Misfit(NamedTuple):
    """Something of a stream that was left out."""

    kind: Literal["column_left_out", "value_left_out", "row_left_out"]
    column: str
    """The column that it is, or that has to do with it."""
    rows: int
    """The rows that lack it now, or are left out themselves."""
    reason: str

    def __str__(self) -> str:
        match self.kind:
            case "column_left_out":
                return f"{self.column}: {self.reason}"
            case "value_left_out":
                return f"{self.column} of {self.rows} rows: {self.reason}"
            case _:
                return f"{self.rows} rows: {self.reason}"


def told_by_sender(event: str, table: pa.Table) -> list[Misfit]:
    """What the SDK left out before it sent a stream, as the stream's metadata says; nothing where that is no JSON."""
    told = (table.schema.metadata or {}).get(conventions.META_LEFT_OUT.encode(), b"")
    try:
        columns = json.loads(told) if told else {}
    except (ValueError, RecursionError):
        return []
    return [_told(event, table, *item) for item in list(columns.items())[:_MOST_NAMES]] if type(columns) is dict else []


def _told(event: str, table: pa.Table, name: str, reason: object) -> Misfit:
    """What is said of one column, a feature by its name: of some of its values, where the column is there."""
    column = _short(name)
    if event == conventions.EVENT_PREDICTIONS and not column.startswith(_PREFIXES):
        column = f"{conventions.COL_FEATURE_PREFIX}{column}"
    why = _short(f"{reason} (left out by the SDK)")
    index = table.schema.get_field_index(column)
    if index < 0:
        return Misfit("column_left_out", column, table.num_rows, why)
    lost = int(table.column(index).null_count) or table.num_rows  # none is null where a second of its name is left out
    return Misfit("value_left_out", column, lost, why)


def sentence(misfits: Sequence[Misfit]) -> str:
    """What the sender is told; '' where nothing was left out."""
    if not misfits:
        return ""
    more = f"; and {len(misfits) - _MOST_TOLD} more, see ingest_errors" if len(misfits) > _MOST_TOLD else ""
    return "left out, all else was taken: " + "; ".join(map(str, misfits[:_MOST_TOLD])) + more


def _short(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:_MOST_TEXT]
