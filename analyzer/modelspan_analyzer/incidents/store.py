"""Incidents, their timeline and their explanations in the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from modelspan_analyzer.incidents.as_json import finding_as_json
from modelspan_analyzer.incidents.incident import EVENT_KINDS, OPEN, RESOLVED, Event, Incident, OpenFinding, Severity
from modelspan_analyzer.incidents.work import worked
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result
from modelspan_analyzer.why import Explanation
from modelspan_collector.store.connect import Store

_STAMP = pa.timestamp("ms", "UTC")
_TIMES = ("began_at", "opened_at", "updated_at", "resolved_at", "acknowledged_at")
_COLUMNS = tuple(field.name for field in fields(Incident) if field.name != "news")


def load(
    store: Store, *, model: str = "", status: str = "", incident_id: str = "", limit: int = 1000
) -> list[Incident]:
    """Incidents, the open ones first, and of each the newest; empty arguments do not restrict."""
    rows = store.rows(
        "SELECT * FROM incidents FINAL WHERE ({model:String} = '' OR model = {model:String}) "
        "AND ({status:String} = '' OR status = {status:String}) "
        "AND ({incident_id:String} = '' OR incident_id = {incident_id:String}) "
        "ORDER BY status = 'resolved', opened_at DESC, incident_id LIMIT {limit:UInt32}",
        {"model": model, "status": status, "incident_id": incident_id, "limit": limit},
    )
    return [_incident(row) for row in rows]


def load_open(store: Store, model: str = "") -> list[Incident]:
    """What is wrong now, the newest first."""
    return load(store, model=model, status=OPEN)


def load_resolved(store: Store, since: datetime, limit: int = 200) -> list[Incident]:
    """What has ended since a time, the newest first."""
    rows = store.rows(
        "SELECT * FROM incidents FINAL WHERE status = {status:String} "
        "AND resolved_at >= {since:DateTime64(3, 'UTC')} ORDER BY resolved_at DESC, incident_id LIMIT {limit:UInt32}",
        {"status": RESOLVED, "since": since, "limit": limit},
    )
    return [_incident(row) for row in rows]


def load_lasting(store: Store, since: datetime, until: datetime) -> list[Incident]:
    """All that were opened before `until` and are not over, or ended at `since` or later, the newest first."""
    rows = store.rows(LASTING, {"since": since, "until": until})
    return [_incident(row) for row in rows]


LASTING = """
SELECT * FROM incidents FINAL
WHERE opened_at < {until:DateTime64(3, 'UTC')}
  AND (resolved_at IS NULL OR resolved_at >= {since:DateTime64(3, 'UTC')})
ORDER BY opened_at DESC, incident_id
"""
"""Parameters: since, until."""


def _incident(row: dict[str, Any]) -> Incident:
    given = {name: row[name] for name in _COLUMNS}
    for name in _TIMES:
        given[name] = utc(given[name]) if given[name] is not None else None
    findings = [
        entry | {name: datetime.fromisoformat(entry[name]) for name in ("window_end", "since") if entry.get(name)}
        for entry in json.loads(row["findings"])
    ]
    given |= {
        "severity": Severity(row["severity"]),
        "severities": tuple(map(Severity, row["severities"] or [row["severity"]])),
        "findings": tuple(OpenFinding(**entry) for entry in findings),
        "traces": tuple(row["traces"]),
    }
    return Incident(**given)


def save(store: Store, incidents: Sequence[Incident]) -> None:
    """Store the new state of incidents, as findings have it, and what it adds to their timelines."""
    if not incidents:
        return
    add_events(store, [(one.incident_id, event) for one in incidents for event in one.news])
    known = timelines(store, [one.incident_id for one in incidents])
    _write(store, [worked(one, known.get(one.incident_id, ())) for one in incidents])
    settle(store, [one.incident_id for one in incidents])


def settle(store: Store, incident_ids: Sequence[str]) -> None:
    """Bring rows in line with what people did, where they are not.

    Called after every event and every row, so that of an analyzer and a person who write at the same time whoever is
    last sees the other's. The row that it writes is barely newer than the one that it read: what an analyzer wrote in
    between stands, and the analyzer then comes here itself.
    """
    rows = store.rows(
        "SELECT * FROM incidents FINAL WHERE incident_id IN {ids:Array(String)}", {"ids": list(incident_ids)}
    )
    known = timelines(store, incident_ids)
    stored = [_incident(row) for row in rows]
    after = [(one, worked(one, known.get(one.incident_id, ()))) for one in stored]
    step = timedelta(milliseconds=1)
    _write(store, [replace(new, updated_at=old.updated_at + step) for old, new in after if new != old])


def _write(store: Store, incidents: Sequence[Incident]) -> None:
    if not incidents:
        return
    columns: dict[str, pa.Array] = {}
    for name in _COLUMNS:
        values = [getattr(one, name) for one in incidents]
        if name in _TIMES:
            columns[name] = pa.array(values, _STAMP)
        elif name == "findings":
            columns[name] = pa.array(
                [json.dumps([finding_as_json(member) for member in members]) for members in values]
            )
        elif name == "severity":
            columns[name] = pa.array([value.value for value in values])
        elif name == "severities":
            columns[name] = pa.array([[one.value for one in value] for value in values], pa.list_(pa.string()))
        elif name == "traces":
            columns[name] = pa.array([list(value) for value in values], pa.list_(pa.string()))
        elif name == "affected":
            columns[name] = pa.array(values, pa.uint64())
        else:
            columns[name] = pa.array(values)
    store.insert("incidents", pa.table(columns))


def add_events(store: Store, events: Sequence[tuple[str, Event]]) -> None:
    """Add lines to timelines."""
    if not events:
        return
    store.insert(
        "incident_events",
        pa.table(
            {
                "incident_id": pa.array([incident_id for incident_id, _ in events]),
                "at": pa.array([event.at for _, event in events], _STAMP),
                "kind": pa.array([event.kind for _, event in events]),
                "text": pa.array([event.text for _, event in events]),
                "actor": pa.array([event.actor for _, event in events]),
                "value": pa.array([event.value for _, event in events]),
            }
        ),
    )


def timeline(store: Store, incident_id: str) -> list[Event]:
    """What happened, in order."""
    return timelines(store, [incident_id]).get(incident_id, [])


def timelines(store: Store, incident_ids: Sequence[str]) -> dict[str, list[Event]]:
    """What happened to each of some incidents, in order."""
    rows = store.rows(
        "SELECT incident_id, at, kind, text, actor, value FROM incident_events FINAL "
        "WHERE incident_id IN {ids:Array(String)} ORDER BY at, indexOf({kinds:Array(String)}, kind), text",
        {"ids": list(incident_ids), "kinds": list(EVENT_KINDS)},
    )
    known: dict[str, list[Event]] = {}
    for row in rows:
        event = Event(utc(row["at"]), row["kind"], row["text"], row["actor"], row["value"])
        known.setdefault(row["incident_id"], []).append(event)
    return known


def save_explanations(store: Store, explained: Sequence[tuple[Result, Explanation]]) -> None:
    """Keep explanations with the results that they explain."""
    if not explained:
        return
    stamp = pa.timestamp("ns", "UTC")
    first = [explanation.causes[0] if explanation.causes else None for _, explanation in explained]
    columns: dict[str, pa.Array] = {
        "window_start": pa.array([result.window.start for result, _ in explained], stamp),
        "window_end": pa.array([result.window.end for result, _ in explained], stamp),
        "kind": pa.array([explanation.finding.kind for _, explanation in explained]),
        "sentence": pa.array([explanation.sentence for _, explanation in explained]),
        "service": pa.array([cause.service if cause else "" for cause in first]),
        "release": pa.array([(cause.release or "") if cause else "" for cause in first]),
        "began_at": pa.array([explanation.since for _, explanation in explained], _STAMP),
        "flagged": pa.array([explanation.n_flagged for _, explanation in explained], pa.uint64()),
        "others": pa.array([explanation.n_other for _, explanation in explained], pa.uint64()),
        "seconds": pa.array([explanation.seconds for _, explanation in explained]),
        "details": pa.array([json.dumps(explanation.as_json()) for _, explanation in explained]),
    }
    for name in ("model", "version", "signal", "metric", "feature", "segment", "monitor"):
        columns[name] = pa.array([getattr(result, name) for result, _ in explained])
    store.insert("explanations", pa.table(columns))
