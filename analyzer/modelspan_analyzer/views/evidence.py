"""What was found out of why: the sentence, and what sets the predictions of a finding apart, in numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.instants import utc
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.why.facts import Key
from modelspan_analyzer.why.sentence import NAMED, short
from modelspan_collector.store.connect import Store

_EXPLANATIONS: Final = """
SELECT signal, metric, feature, segment, sentence, began_at, flagged, others, details, window_start, window_end
FROM explanations FINAL
WHERE model = {model:String} AND version IN {versions:Array(String)}
  AND window_end > {since:DateTime64(3, 'UTC')} AND window_start < {until:DateTime64(3, 'UTC')}
ORDER BY window_end DESC LIMIT 1 BY signal, metric, feature, segment, monitor
LIMIT 200
"""
_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that sets them apart."""

    what: str
    kind: str
    flagged_share: float
    other_share: float
    risk_ratio: float | None
    lower: float | None
    upper: float | None
    q_value: float
    support: int
    since: datetime | None
    release: str
    also: tuple[str, ...]
    sentence: str
    traces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """The answer to one finding's why."""

    about: str
    """The finding: signal, metric, feature, segment."""
    sentence: str
    flagged: int
    others: int
    window_start: datetime
    window_end: datetime
    evidence: tuple[Evidence, ...]


def reasons(store: Store, incident: Incident, veil: Veil) -> tuple[tuple[Reasons, ...], Query]:
    """What is kept of the why of an incident's findings, one a sentence, and the query behind it."""
    asked = {
        "model": incident.model,
        "versions": sorted({member.version for member in incident.findings} | {incident.version}),
        "since": incident.began_at,
        "until": max((member.window_end for member in incident.findings), default=incident.updated_at),
    }
    query = Query("Explanations of its findings", _EXPLANATIONS, asked)
    keys = {(member.signal, member.metric, member.feature, member.segment) for member in incident.findings}
    found: dict[str, Reasons] = {}
    for row in store.rows(query.sql, query.parameters):
        if (row["signal"], row["metric"], row["feature"], row["segment"]) in keys:
            found.setdefault(row["sentence"], _reasons(row, veil))
    told = veil.text(without_traces(incident.why))
    ordered = sorted(found.values(), key=lambda each: (each.sentence != told, not each.evidence))
    return tuple(ordered[:_MOST]), query


def _reasons(row: Mapping[str, Any], veil: Veil) -> Reasons:
    about = " ".join(part for part in (row["signal"], row["metric"], row["feature"], row["segment"]) if part)
    causes: Sequence[Mapping[str, Any]] = json.loads(row["details"] or "{}").get("causes", [])
    return Reasons(
        about,
        veil.text(without_traces(row["sentence"])),
        int(row["flagged"]),
        int(row["others"]),
        utc(row["window_start"]),
        utc(row["window_end"]),
        tuple(_evidence(cause, veil) for cause in causes),
    )


def without_traces(sentence: str) -> str:
    """A sentence of a why without the ids of its traces, which are shown by themselves."""
    said, _, traces = sentence.rpartition("; ")
    return f"{said}." if said and " sample trace" in traces else sentence


def _fact(cause: Mapping[str, Any]) -> str:
    """What the cause says, in a few words; on which side of its bound is in the sentence alone."""
    below = any(words in cause["sentence"] for words in (" less than ", " behind "))
    names = (cause["kind"], cause["service"], cause["span_name"], cause["attribute"], cause["value"])
    return short(Key(*names, above=not below)) if cause["kind"] in NAMED else f"{cause['attribute']}={cause['value']}"


def _evidence(cause: Mapping[str, Any], veil: Veil) -> Evidence:
    lower, upper = (*cause["interval"], None, None)[:2]
    return Evidence(
        veil.text(_fact(cause)),
        cause["kind"],
        cause["flagged_share"],
        cause["other_share"],
        cause["risk_ratio"],
        lower,
        upper,
        cause["q_value"],
        int(cause["support"]),
        datetime.fromisoformat(cause["since"]) if cause["since"] else None,
        cause["release"] or "",
        veil.texts(cause["also"]),
        veil.text(without_traces(cause["sentence"])),
        tuple(cause["sample_trace_ids"]),
    )
