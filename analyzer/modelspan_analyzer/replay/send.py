"""Sends Arrow tables to a collector as OTLP events over HTTP."""

from __future__ import annotations

import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus

import pyarrow as pa
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_HEADERS
from opentelemetry.util.re import parse_env_headers

from modelspan import conventions as names

ATTEMPTS = 6


class SendError(RuntimeError):
    """The collector did not take the rows."""


def send(
    url: str,
    event: str,
    rows: pa.Table,
    shared: Mapping[str, str],
    service: str,
    context: ssl.SSLContext | None = None,
) -> None:
    """Post one event, retrying while the collector asks for patience; over TLS with a context of its own.

    Raises:
        SendError: it was refused, in whole or in part, or not taken after several attempts.
    """
    request = urllib.request.Request(  # noqa: S310 - the URL is the instance's own
        f"{url}/v1/logs",
        data=_encode(event, rows, shared, service),
        headers={**given_headers(), "Content-Type": "application/x-protobuf"},
    )
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as response:  # noqa: S310
                answer = ExportLogsServiceResponse.FromString(response.read())
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504):
                raise SendError(f"the collector refused {event}: {error.code} {_reason(error)}") from error
            time.sleep(float(error.headers.get("Retry-After") or 2**attempt))
            continue
        if answer.partial_success.rejected_log_records:
            raise SendError(f"the collector rejected {event}: {answer.partial_success.error_message}")
        return
    raise SendError(f"the collector was too busy for {event} after {ATTEMPTS} attempts")


def given_headers() -> dict[str, str]:
    """Headers of the environment, as OpenTelemetry's exporters have them: where a collector asks for a token."""
    return dict(parse_env_headers(os.environ.get(OTEL_EXPORTER_OTLP_HEADERS, ""), liberal=True))


def _reason(error: urllib.error.HTTPError) -> str:
    """Why it was refused, which OTLP says in a message."""
    try:
        why = str(Status.FromString(error.read()).message)
    except DecodeError:
        why = error.reason
    asked = f" (a command takes it from {OTEL_EXPORTER_OTLP_HEADERS}, such as authorization=Bearer%20TOKEN)"
    return why + (asked if error.code == HTTPStatus.UNAUTHORIZED else "")


def _encode(event: str, rows: pa.Table, shared: Mapping[str, str], service: str) -> bytes:
    metadata = {names.META_SCHEMA: names.SCHEMA_VERSION, **shared}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, rows.schema.with_metadata(metadata), options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(rows)
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    attribute = resource.resource.attributes.add(key="service.name")
    attribute.value.string_value = service
    record = resource.scope_logs.add().log_records.add(event_name=event, time_unix_nano=time.time_ns())
    record.body.bytes_value = sink.getvalue().to_pybytes()
    return request.SerializeToString()
