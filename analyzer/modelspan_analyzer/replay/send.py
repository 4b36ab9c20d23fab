"""Sends Arrow tables to a collector as OTLP events over HTTP."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping

import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from modelspan import conventions as names

ATTEMPTS = 6


class SendError(RuntimeError):
    """The collector did not take the rows."""


def send(url: str, event: str, rows: pa.Table, shared: Mapping[str, str], service: str) -> None:
    """Post one event, retrying while the collector asks for patience.

    Raises:
        SendError: it was refused, in whole or in part, or not taken after several attempts.
    """
    request = urllib.request.Request(  # noqa: S310 - the URL is the instance's own
        f"{url}/v1/logs", data=_encode(event, rows, shared, service), headers={"Content-Type": "application/x-protobuf"}
    )
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                answer = ExportLogsServiceResponse.FromString(response.read())
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504):
                raise SendError(f"the collector refused {event}: {error.code} {error.read()[:500]!r}") from error
            time.sleep(float(error.headers.get("Retry-After") or 2**attempt))
            continue
        if answer.partial_success.rejected_log_records:
            raise SendError(f"the collector rejected {event}: {answer.partial_success.error_message}")
        return
    raise SendError(f"the collector was too busy for {event} after {ATTEMPTS} attempts")


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
