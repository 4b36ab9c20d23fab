"""What BentoML's monitor of type `otlp` sends as log records, made modelspan's events: each record is a prediction.

A record's body maps columns to values, with `timestamp` (seconds since 1970), `request_id`, `trace_id` (a number), and
`bento_meta`, which has the schema: the role of each column. BentoML may send `bento_meta` with some records alone
(`meta_sample_rate`), so the last one of each service is remembered.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from modelspan import conventions
from modelspan_collector.access.tokens import Tenant
from modelspan_collector.write.stream import encode

SCOPE: Final = "bentoml_monitor_data"
_MOST_SERVICES: Final = 10_000
_TIME, _REQUEST, _TRACE, _META = "timestamp", "request_id", "trace_id", "bento_meta"
_NO_REQUEST: Final = "None"
"""What it says where nothing was asked over the network; the record itself is the id then."""
_UNKNOWN: Final = "not available"
"""What BentoML says of the version of a service that was never built."""


@dataclass(frozen=True, slots=True)
class _Monitor:
    """What a service says of its monitor."""

    name: str
    version: str
    roles: dict[str, str]
    kinds: dict[str, str]


@dataclass(slots=True)
class _Rows:
    """Records of one monitor, as rows."""

    ids: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    traces: list[bytes | None] = field(default_factory=list)
    spans: list[bytes | None] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)


def may_hold(body: bytes) -> bool:
    """False where a logs request holds none of it for certain."""
    return SCOPE.encode() in body


class Monitors:
    """What was heard of monitors; one a collector."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], _Monitor] = {}

    def convert(self, message: Any, sender: Tenant) -> int:
        """Put an event in the place of a monitor's records, in a logs request.

        Returns:
            How many records stay what they are, as no schema of their service has come yet.
        """
        unknown = 0
        for resource in message.resource_logs:
            names = (each.value.string_value for each in resource.resource.attributes if each.key == "service.name")
            service = (sender.name, sender.database, next(names, ""))
            for scope in resource.scope_logs:
                if scope.scope.name == SCOPE:
                    unknown += self._convert(scope, service)
        return unknown

    def _convert(self, scope: Any, service: tuple[str, str, str]) -> int:
        bodies = [_fields(record.body) for record in scope.log_records]
        for body in bodies:
            if isinstance(meta := body.get(_META), dict):
                with self._lock:
                    if len(self._known) < _MOST_SERVICES:
                        self._known[service] = _monitor(meta, service[2])
        monitor = self._known.get(service)
        if monitor is None:
            return len(bodies)
        rows = _rows(scope.log_records, bodies)
        others = [record for record, body in zip(scope.log_records, bodies, strict=True) if _REQUEST not in body]
        if rows.ids:
            kept = [type(record).FromString(record.SerializeToString()) for record in others]
            del scope.log_records[:]
            scope.log_records.extend(kept)
            for event, table in _tables(monitor, rows):
                record = scope.log_records.add(event_name=event, time_unix_nano=rows.times[0])
                record.body.bytes_value = encode(table)
        return 0


def _rows(records: Any, bodies: list[dict[str, Any]]) -> _Rows:
    rows, seen = _Rows(), Counter[str]()
    for record, body in zip(records, bodies, strict=True):
        if _REQUEST not in body:
            continue
        identity = str(body[_REQUEST])
        if identity == _NO_REQUEST:
            identity = hashlib.sha256(record.SerializeToString()).hexdigest()[:32]
        rows.ids.append(f"{identity}_{seen[identity]}" if seen[identity] else identity)
        seen[identity] += 1
        told = body.get(_TIME)
        rows.times.append(int(told * 1e9) if isinstance(told, float) else record.time_unix_nano)
        rows.traces.append(record.trace_id if len(record.trace_id) == 16 else _trace(body.get(_TRACE)))
        rows.spans.append(record.span_id if len(record.span_id) == 8 else None)
        rows.values.append(body)
    return rows


def _trace(told: Any) -> bytes | None:
    """The trace that BentoML writes as a number in text; None where it is none."""
    number = int(told) if isinstance(told, str) and told.isdecimal() and len(told) < 40 else 0
    return number.to_bytes(16, "big") if 0 < number < 1 << 128 else None


def _tables(monitor: _Monitor, rows: _Rows) -> list[tuple[str, pa.Table]]:
    """The predictions, and what was true of them where a column is a target."""
    shared = {
        conventions.META_SCHEMA: conventions.SCHEMA_VERSION,
        conventions.META_MODEL: monitor.name,
        conventions.META_VERSION: monitor.version,
        conventions.META_ROLE: conventions.ROLE_PRIMARY,
    }
    identity: dict[str, Any] = {
        conventions.COL_TIMESTAMP: pa.array(rows.times, pa.timestamp("ns", "UTC")),
        conventions.COL_PREDICTION_ID: pa.array(rows.ids, pa.string()),
    }
    predictions = {
        **identity,
        conventions.COL_TRACE_ID: pa.array(rows.traces, pa.binary(16)),
        conventions.COL_SPAN_ID: pa.array(rows.spans, pa.binary(8)),
        **_outcomes(monitor, rows, "prediction"),
    }
    for name, role in monitor.roles.items():
        if role == "feature":
            column = _column([body.get(name) for body in rows.values], monitor.kinds[name])
            predictions[f"{conventions.COL_FEATURE_PREFIX}{name}"] = column
    found = [(conventions.EVENT_PREDICTIONS, pa.table(predictions).replace_schema_metadata(shared))]
    if truth := _outcomes(monitor, rows, "target"):
        found.append((conventions.EVENT_LABELS, pa.table({**identity, **truth}).replace_schema_metadata(shared)))
    return found


def _outcomes(monitor: _Monitor, rows: _Rows, role: str) -> dict[str, pa.Array]:
    """The columns of a role: a number is the value, a category the label, a sequence the scores of classes."""
    found: dict[str, pa.Array] = {}
    for name in (name for name, told in monitor.roles.items() if told == role):
        given = [body.get(name) for body in rows.values]
        if monitor.kinds[name] == "numerical_sequence":
            width = max((len(each) for each in given if isinstance(each, list)), default=0)
            for place in range(width):
                scores = [each[place] if isinstance(each, list) and place < len(each) else None for each in given]
                found.setdefault(f"{conventions.COL_SCORE_PREFIX}{place}", _column(scores, "numerical"))
        else:
            kind = monitor.kinds[name]
            column = conventions.COL_VALUE if kind == "numerical" else conventions.COL_LABEL
            found.setdefault(column, _column(given, kind))
    return found


def _column(values: list[Any], kind: str) -> pa.Array:
    """Values as the schema calls them; one that is of another kind is missing."""
    if kind == "numerical":
        return pa.array([float(each) if isinstance(each, (int, float)) else None for each in values], pa.float64())
    if kind == "numerical_sequence":
        return pa.array([each if _is_vector(each) else None for each in values], pa.list_(pa.float64()))
    return pa.array([None if each is None else _text(each) for each in values], pa.string())


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, (int, float)) for each in value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _monitor(meta: dict[str, Any], service: str) -> _Monitor:
    schema = meta.get("schema")
    columns = {name: each for name, each in (schema or {}).items() if isinstance(each, dict)}
    version = str(meta.get("bento_version") or "")
    return _Monitor(
        str(meta.get("monitor_name") or service),
        "" if version == _UNKNOWN else version,
        {name: str(each.get("role")) for name, each in columns.items()},
        {name: str(each.get("type")) for name, each in columns.items()},
    )


def _fields(value: Any) -> dict[str, Any]:
    """A body that is a map; {} of any other."""
    found = _plain(value)
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "kvlist_value":
        return {each.key: _plain(each.value) for each in value.kvlist_value.values}
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    return getattr(value, kind)
