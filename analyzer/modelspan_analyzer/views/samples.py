"""Some predictions of an incident: those of its traces, else some that make its worst finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from modelspan_analyzer.incidents.incident import Incident, OpenFinding
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.views.answered import said_of
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.selection import select
from modelspan_collector.store.connect import Store

MOST: Final = 8
_FEATURES: Final = 3
_COLUMNS: Final = """p.prediction_id AS prediction_id, p.timestamp AS timestamp, toString(p.version) AS version,
       p.value AS value, toString(p.label) AS label, p.trace_id AS trace_id, toString(p.error_type) AS error_type,
       p.duration AS duration, p.numeric_features AS numbers, p.categorical_features AS texts,
       toString(p.shape) AS shape, p.items AS items, p.outputs AS outputs"""
_OF_TRACES: Final = f"""
SELECT {_COLUMNS}
FROM predictions AS p WHERE p.model = {{model:String}} AND p.trace_id IN {{traces:Array(String)}}
ORDER BY timestamp DESC, prediction_id LIMIT {{most:UInt32}}
"""
_SELECTED: Final = f"""
SELECT {_COLUMNS}
{{source}} AND p.timestamp >= {{start:DateTime64(9, 'UTC')}} AND p.timestamp < {{end:DateTime64(9, 'UTC')}}
  AND {{weight}} >= 0.5
ORDER BY timestamp DESC, prediction_id LIMIT {MOST}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One prediction."""

    prediction_id: str
    timestamp: datetime
    version: str
    said: str
    """The class or the number, its parts where it has several, or the error."""
    duration: float | None
    trace_id: str
    features: Mapping[str, str]
    """Those that the incident is about; `missing` where there is no value."""


def samples(store: Store, incident: Incident, veil: Veil) -> tuple[tuple[Sample, ...], Query | None]:
    """Some predictions that show it, and the query behind them; None where it is about no single predictions."""
    features = [name for name in dict.fromkeys(member.feature for member in incident.findings) if name][:_FEATURES]
    query = _of_traces(incident) if incident.traces else _selected(store, incident)
    if query is None:
        return (), None
    return tuple(_sample(row, features, veil) for row in store.rows(query.sql, query.parameters)), query


def _of_traces(incident: Incident) -> Query:
    asked = {"model": incident.model, "traces": list(incident.traces), "most": MOST}
    return Query("Predictions of its sample traces", _OF_TRACES, asked)


def _selected(store: Store, incident: Incident) -> Query | None:
    member = next((one for one in incident.findings if not one.ended), next(iter(incident.findings), None))
    if member is None:
        return None
    window = Window(min(incident.began_at, member.window_end - timedelta(minutes=1)), member.window_end)
    try:
        chosen = select(store, question(_result(incident.model, member, window)))
    except ValueError:  # about no single predictions, or nothing is left to tell them by
        return None
    return Query("Predictions that make its worst finding", chosen.fill(_SELECTED), chosen.during(window))


def _result(model: str, member: OpenFinding, window: Window) -> Result:
    about = {"feature": member.feature, "segment": member.segment, "monitor": member.monitor, "n": member.n}
    return Result(model, member.version, window, member.signal, member.metric, None, Verdict.ALARM, **about)  # type: ignore[arg-type]


def _sample(row: Mapping[str, Any], features: Sequence[str], veil: Veil) -> Sample:
    values = {**row["numbers"], **row["texts"]}
    shown = {name: values.get(name, "missing") for name in features}
    told = {name: f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in shown.items()}
    times = (utc(row["timestamp"]), row["version"])
    said = said_of(row, veil)
    return Sample(veil.text(row["prediction_id"]), *times, said, row["duration"], row["trace_id"], veil.values(told))
