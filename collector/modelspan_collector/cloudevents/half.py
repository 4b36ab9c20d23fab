"""One half of a prediction, a request or an answer, as it waits in the log for the other: decoded and redacted already.

What waits is on disk, and nothing may be there that rules take out. So a half is read when it comes: a sender is told
what is not understood, and names of features are there for the rules to meet.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pyarrow as pa

from modelspan import conventions
from modelspan_collector.access.redact_table import redact_columns
from modelspan_collector.access.rules import Redaction
from modelspan_collector.access.tokens import Tenant
from modelspan_collector.cloudevents import columns
from modelspan_collector.cloudevents.events import Event
from modelspan_collector.cloudevents.payloads import MisfitError, decode, version_of

REQUEST, ANSWER = "request", "answer"
_TYPES: Final = {
    "org.kubeflow.serving.inference.request": REQUEST,
    "org.kubeflow.serving.inference.response": ANSWER,
    "io.seldon.serving.inference.request": REQUEST,
    "io.seldon.serving.inference.response": ANSWER,
}
_KEPT: Final = frozenset({conventions.COL_VALUE, conventions.COL_LABEL})
_TRACE_PARENT: Final = "traceparent"


def stream_of(table: pa.Table) -> bytes:
    """A few rows as a stream of Arrow, not compressed: who looks for a name finds it, in a third of the time."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@dataclass(frozen=True, slots=True)
class Half:
    """A request or an answer."""

    side: str
    key: str
    """What it shares with its other half, and with no other: a digest of tenant, service and id."""
    id: str
    model: str
    version: str
    namespace: str
    time: int
    """Nanoseconds since 1970; 0 where the event does not tell."""
    trace: str
    """The id of its trace, 32 digits; '' where it does not tell."""
    tenant: str
    database: str
    rows: int
    table: pa.Table
    """Its columns, named as in a record of predictions."""

    @property
    def sender(self) -> Tenant:
        """Whose it is."""
        return Tenant(self.tenant, self.database)

    def encode(self) -> bytes:
        """Its bytes in the log: a line of JSON, then a stream of Arrow."""
        told = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "table"}
        return orjson.dumps(told) + b"\n" + stream_of(self.table)

    @classmethod
    def decode(cls, body: bytes) -> Half:
        """From its bytes in the log."""
        told, _, stream = body.partition(b"\n")
        return cls(**orjson.loads(told), table=pa.ipc.open_stream(stream).read_all())


def half(event: Event, rules: Redaction, sender: Tenant) -> Half:
    """Read an event of a logger.

    Raises:
        MisfitError: it is none, or what it carries is not understood.
    """
    told = event.attributes
    side = _TYPES.get(told.get("type", ""))
    if side is None:
        raise MisfitError(
            f"events of type {told.get('type', '')[:80]!r}, which are no requests or responses of a model"
        )
    identity = told.get("requestid") or told.get("id") or ""
    model, version = _model(told)
    if not identity:
        raise MisfitError("events without an id")
    if not model:
        raise MisfitError("events that name no model (inferenceservicename or modelid)")
    if event.data is None:
        raise MisfitError("payloads that are no text (binary data)")
    payload = decode(event.data, None, event.content)
    found = columns.features(payload) if side == REQUEST else columns.outputs(payload)
    table, _ = redact_columns(rules, found, _KEPT) if rules.active else (found, 0)
    namespace = told.get("namespace", "")
    key = "\0".join((sender.name, sender.database, namespace, model, version, identity))
    return Half(
        side=side,
        key=hashlib.sha256(key.encode()).hexdigest(),
        id=rules.masked(identity),
        model=rules.masked(model),
        version=rules.masked(version or (version_of(event.data) if side == ANSWER else "")),
        namespace=rules.masked(namespace),
        time=_time(told.get("time", "")),
        trace=_trace(told),
        tenant=sender.name,
        database=sender.database,
        rows=found.num_rows,
        table=table,
    )


def _model(told: Mapping[str, str]) -> tuple[str, str]:
    """Model and version: the service and, beside the usual, its endpoint; of Seldon the model of a graph."""
    service, component = told.get("inferenceservicename", ""), told.get("component", "")
    endpoint = told.get("endpoint", "")
    model = told.get("modelid") or (service if component in ("", "predictor") else f"{service}.{component}")
    return model, "" if endpoint == "default" else endpoint


def _time(text: str) -> int:
    """An instant of RFC 3339 in nanoseconds, to the microsecond; 0 where it is none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return 0
    since = (told if told.tzinfo else told.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def _trace(told: Mapping[str, str]) -> str:
    """The trace of `traceparent`: Seldon's attribute, or a header among KServe's metadata."""
    given: Any = told.get(_TRACE_PARENT)
    if given is None and (metadata := told.get("metadata")):
        try:
            found = orjson.loads(metadata)
        except orjson.JSONDecodeError:
            return ""
        named = {str(name).lower(): text for name, text in found.items()} if isinstance(found, dict) else {}
        given = named.get(_TRACE_PARENT)
        given = given[0] if isinstance(given, list) and given else given
    parts = given.split("-") if isinstance(given, str) else []
    digits = parts[1].lower() if len(parts) >= 4 else ""
    return digits if len(digits) == 32 and not set(digits) - set("0123456789abcdef") else ""
