"""The spans of one trace, in the order of their tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.instants import utc
from modelspan_collector.store.connect import Store

MOST_SPANS: Final = 300
"""Of a trace that are read; what is beyond them is counted."""

SPANS: Final = """
SELECT SpanId AS span_id, ParentSpanId AS parent, toString(ServiceName) AS service, toString(SpanName) AS name,
       Timestamp AS start, Duration / 1e6 AS milliseconds, toString(StatusCode) AS status, StatusMessage AS message,
       ResourceAttributes['service.version'] AS service_version, count() OVER () AS spans
FROM otel_traces WHERE TraceId = {trace_id:String}
ORDER BY start, span_id LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span as it is stored."""

    span_id: str
    parent: str
    service: str
    service_version: str
    name: str
    start: datetime
    milliseconds: float
    failed: bool
    message: str
    depth: int
    """How many of the spans that are stored it is within."""


@dataclass(frozen=True, slots=True)
class TraceRows:
    """A trace, as far as it is stored and read."""

    trace_id: str
    spans: tuple[SpanRow, ...]
    left_out: int
    """Spans beyond `MOST_SPANS`."""


def read_trace(store: Store, trace_id: str) -> TraceRows:
    """A trace by its id; without spans where none is stored."""
    rows = store.rows(SPANS, {"trace_id": trace_id, "most": MOST_SPANS})
    total = int(rows[0]["spans"]) if rows else 0
    ordered = [_span(row, depth) for row, depth in _in_tree(rows)]
    return TraceRows(trace_id, tuple(ordered), total - len(rows))


def _in_tree(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each span before those within it; one whose parent is not stored stands by itself, and none comes twice."""
    there = {row["span_id"] for row in rows}
    within: dict[str, list[Mapping[str, Any]]] = {}
    roots: list[Mapping[str, Any]] = []
    for row in rows:
        inner = row["parent"] in there and row["parent"] != row["span_id"]
        (within.setdefault(row["parent"], []) if inner else roots).append(row)
    seen: set[int] = set()
    for start in (*roots, *rows):  # spans that are within each other have no root
        ahead = [(start, 0)]
        while ahead:
            row, depth = ahead.pop()
            if id(row) in seen:
                continue
            seen.add(id(row))
            yield row, depth
            ahead += [(inner, depth + 1) for inner in reversed(within.get(row["span_id"], []))]


def _span(row: Mapping[str, Any], depth: int) -> SpanRow:
    return SpanRow(
        row["span_id"],
        row["parent"],
        row["service"],
        row["service_version"],
        row["name"],
        utc(row["start"]),
        float(row["milliseconds"]),
        row["status"].removeprefix("STATUS_CODE_").capitalize() == "Error",
        row["message"],
        depth,
    )
