"""Incidents as a list: what is wrong now, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

import pyarrow as pa

from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, Incident, need_status
from modelspan_analyzer.incidents.store import load
from modelspan_analyzer.reading.names import need_all
from modelspan_analyzer.views.evidence import without_traces
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"model", "status"})
MOST: Final = 200
_LIST: Final = """
SELECT incident_id, status, severity, model, version, title, why, owner, began_at, opened_at, resolved_at, affected,
       acknowledged_at, acknowledged_by, assignee, action, outcome, closed_by
FROM incidents FINAL
WHERE ({model:String} = '' OR model = {model:String}) AND ({status:String} = '' OR status = {status:String})
ORDER BY status = 'resolved', opened_at DESC, incident_id LIMIT {limit:UInt32}
"""
_COUNTS: Final = """
SELECT toString(status) AS status, count() AS incidents FROM incidents FINAL
WHERE {model:String} = '' OR model = {model:String} GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One incident."""

    incident_id: str
    status: str
    severity: str
    model: str
    version: str
    title: str
    why: str
    owner: str
    began_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    affected: int
    """Predictions; 0 where that is not known."""
    acknowledged_at: datetime | None
    acknowledged_by: str
    assignee: str
    """Empty where it is its owner's."""
    action: str
    outcome: str
    closed_by: str


@dataclass(frozen=True, kw_only=True)
class Incidents(View):
    """The newest ones that match."""

    incidents: tuple[Line, ...]
    counts: Mapping[str, int]
    """Of the model, or of all, by status."""
    left_out: int
    """That match, beyond those that are shown."""

    def tables(self) -> Mapping[str, pa.Table]:
        """Those that are shown."""
        columns = ("incident_id", "status", "severity", "model", "version", "title", "why", "owner")
        times = ("began_at", "opened_at", "resolved_at", "affected", "acknowledged_at")
        people = ("acknowledged_by", "assignee", "action", "outcome", "closed_by")
        return {"incidents": table_of(self.incidents, (*columns, *times, *people))}


def read(store: Store, given: Mapping[str, str]) -> Incidents:
    """Incidents, as they are asked for: `model`, `status`.

    Raises:
        ValueError: there is no such model or status.
    """
    model, status = given.get("model", ""), given.get("status", "")
    need_status(status)
    need_all(store, [model], [])
    found = load(store, model=model, status=status, limit=MOST)
    counts = {row["status"]: int(row["incidents"]) for row in store.rows(_COUNTS, {"model": model})}
    matching = counts.get(status, 0) if status else sum(counts.values())
    asked = {"model": model, "status": status, "limit": MOST}
    return Incidents(
        title="Incidents",
        sentence=_sentence(counts, model),
        queries=(Query("The incidents of this list", _LIST, asked),),
        incidents=tuple(map(_line, found)),
        counts=counts,
        left_out=max(0, matching - len(found)),
    )


def _line(one: Incident) -> Line:
    given = {field.name: getattr(one, field.name) for field in fields(Line)}
    return Line(**given | {"severity": one.severity.value, "why": without_traces(one.why)})


def _sentence(counts: Mapping[str, int], model: str) -> str:
    of = f" of {model}" if model else ""
    if not counts:
        return f"No incident{of} was ever opened; the fleet says whether anything was looked at."
    open_now, over = counts.get(OPEN, 0), counts.get(RESOLVED, 0)
    first = f"{open_now:,} incident{'s are' if open_now != 1 else ' is'} open{of}" if open_now else f"None{of} is open"
    return f"{first}; {over:,} {'were' if over != 1 else 'was'} resolved." if over else f"{first}."
