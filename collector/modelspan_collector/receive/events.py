"""Takes modelspan's events out of a logs request, checked and redacted, and says which were rejected and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from modelspan import conventions
from modelspan_collector.access.redact import Redaction, redact_table
from modelspan_collector.receive.signals import LOGS
from modelspan_collector.write.stream import StreamError, read


@dataclass(frozen=True, slots=True)
class Rejected:
    """Events that were not taken."""

    count: int
    message: str
    """Why, for the first of them."""


NOTHING_REJECTED = Rejected(0, "")


@dataclass(frozen=True, slots=True)
class Split:
    """A logs request in two: each part is a request of its own, empty where it holds nothing."""

    others: bytes
    events: bytes
    rejected: Rejected


def may_hold(body: bytes) -> bool:
    """False where a logs request holds no event for certain: a scan of its bytes, not a walk of its records."""
    return conventions.EVENT_PREFIX.encode() in body


def split(message: Any, redaction: Redaction) -> Split:
    """Take the events out of a parsed request; `message` keeps the rest."""
    taken, rejected, first = LOGS.request(), 0, ""
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            found = [record for record in scope.log_records if _is_event(record)]
            if not found:
                continue
            target = taken.resource_logs.add()
            target.resource.CopyFrom(resource.resource)
            records = target.scope_logs.add().log_records
            for record in found:
                try:
                    body = _checked(record, redaction)
                except StreamError as error:  # noqa: PERF203 - a bad event must not take the good ones with it
                    rejected, first = rejected + 1, first or str(error)
                else:
                    records.add(event_name=record.event_name).body.bytes_value = body
            _remove_events(scope.log_records)
    others = message.SerializeToString() if LOGS.count(message) else b""
    events = taken.SerializeToString() if LOGS.count(taken) else b""
    return Split(others, events, Rejected(rejected, first))


def _is_event(record: Any) -> bool:
    return bool(record.event_name.startswith(conventions.EVENT_PREFIX))


def _remove_events(records: Any) -> None:
    for index in range(len(records) - 1, -1, -1):
        if _is_event(records[index]):
            del records[index]


def _checked(record: Any, redaction: Redaction) -> bytes:
    body: bytes = record.body.bytes_value
    table = read(record.event_name, body)
    if not redaction.active:
        return body
    table, touched = redact_table(redaction, table)
    if not touched:
        return body
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
