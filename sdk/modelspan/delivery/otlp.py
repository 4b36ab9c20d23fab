"""OTLP messages of the logs service, one record a request so that a partial success says which record it means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelspan.records.encode import Record

if TYPE_CHECKING:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

SCOPE = "modelspan"
CONTENT_TYPE = "application/x-protobuf"


def resource_of(attributes: Mapping[str, object]) -> Resource:
    """A resource's attributes as a message."""
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    def any_value(value: object) -> AnyValue:
        if isinstance(value, bool):
            return AnyValue(bool_value=value)
        if isinstance(value, int):
            return AnyValue(int_value=value)
        if isinstance(value, float):
            return AnyValue(double_value=value)
        if isinstance(value, (list, tuple)):
            return AnyValue(array_value=ArrayValue(values=[any_value(each) for each in value]))
        return AnyValue(string_value=str(value))

    return Resource(attributes=[KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()])


def request(resource: Resource, record: Record) -> bytes:
    """An `ExportLogsServiceRequest` with one log record, its body the record's bytes."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

    log = LogRecord(
        time_unix_nano=record.time_ns,
        observed_time_unix_nano=time.time_ns(),
        event_name=record.event,
        body=AnyValue(bytes_value=record.body),
    )
    scope = ScopeLogs(scope=InstrumentationScope(name=SCOPE), log_records=[log])
    message = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scope])])
    return message.SerializeToString()


def rejected(answer: bytes) -> bool:
    """Whether a successful answer says that the record was rejected; an answer that is no message says nothing."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    try:
        return bool(ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records)
    except DecodeError:
        return False
