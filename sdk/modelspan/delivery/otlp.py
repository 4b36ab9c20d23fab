"""OTLP messages of the logs service, one record a request so that a partial success says which record it means.

Field numbers: opentelemetry-proto 1.x, `common.proto`, `resource.proto`, `logs.proto`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from modelspan.delivery.protobuf import FIXED64, VARINT, head, message, pack_double, pack_fixed64, tag, text, varint
from modelspan.records.record import Record

SCOPE = "modelspan"
CONTENT_TYPE = "application/x-protobuf"


def any_value(value: object) -> bytes:
    """An `AnyValue`; what has no kind of its own goes as text."""
    if isinstance(value, str):
        return text(1, value)
    if isinstance(value, bool):
        return tag(2, VARINT) + varint(value)
    if isinstance(value, int):
        return tag(3, VARINT) + varint(value)
    if isinstance(value, float):
        return tag(4, FIXED64) + pack_double(value)
    if isinstance(value, bytes):
        return message(7, value)
    if isinstance(value, Mapping):
        return message(6, attributes(1, value))
    if isinstance(value, (list, tuple)):
        return message(5, b"".join(message(1, any_value(each)) for each in value))
    return b"" if value is None else text(1, str(value))


def attributes(field: int, values: Mapping[str, Any]) -> bytes:
    """`KeyValue`s, each as the given field."""
    return b"".join(message(field, text(1, key) + message(2, any_value(value))) for key, value in values.items())


def resource_of(values: Mapping[str, object]) -> bytes:
    """A resource of these attributes."""
    return attributes(1, values)


def scope(name: str, version: str = "") -> bytes:
    """An `InstrumentationScope`."""
    return text(1, name) + (text(2, version) if version else b"")


def request(resource: bytes, record: Record) -> list[bytes | memoryview]:
    """An `ExportLogsServiceRequest` with one log record, in parts, so that the record's bytes are not copied."""
    body = memoryview(record.body)
    log = (
        tag(1, FIXED64)
        + pack_fixed64(max(0, record.time_ns))
        + tag(11, FIXED64)
        + pack_fixed64(time.time_ns())
        + text(12, record.event)
        + head(5, len(head(7, len(body))) + len(body))
        + head(7, len(body))
    )
    scope_logs = message(1, scope(SCOPE)) + head(2, len(log) + len(body)) + log
    resource_logs = message(1, resource) + head(2, len(scope_logs) + len(body)) + scope_logs
    return [head(1, len(resource_logs) + len(body)) + resource_logs, body]


def rejected(answer: bytes) -> int:
    """How many of its items a successful answer of any signal rejects; an answer that is no message rejects none.

    The partial success, and in it the number of rejected items, have the same field numbers for all signals.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    try:
        return int(ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records)
    except DecodeError:
        return 0
