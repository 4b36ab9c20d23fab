"""A request and its answer as one logs request that holds a record of predictions, the same whenever it is made."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from modelspan import conventions
from modelspan_collector.cloudevents.half import Half, stream_of
from modelspan_collector.cloudevents.payloads import MisfitError
from modelspan_collector.otlp.signals import LOGS
from modelspan_collector.receive.decode import Decoded


def logs_request(request: Half, answer: Half, received: int) -> Decoded:
    """The two halves as predictions.

    Args:
        request: what was asked.
        answer: what was answered.
        received: when the request came, in nanoseconds since 1970: the time where its event tells none.

    Raises:
        MisfitError: there are more or fewer answers than rows that were asked of.
    """
    rows = request.rows
    if rows != answer.rows:
        raise MisfitError("answers of more or fewer rows than were asked of")
    time = request.time or answer.time or received
    columns: dict[str, Any] = {
        conventions.COL_TIMESTAMP: pa.array([time] * rows, pa.timestamp("ns", "UTC")),
        conventions.COL_PREDICTION_ID: [request.id] if rows == 1 else [f"{request.id}_{row}" for row in range(rows)],
    }
    if trace := request.trace or answer.trace:
        columns[conventions.COL_TRACE_ID] = pa.array([bytes.fromhex(trace)] * rows, pa.binary(16))
    if request.namespace:
        columns[f"{conventions.COL_TAG_PREFIX}namespace"] = [request.namespace] * rows
    for half in (answer, request):
        columns |= dict(zip(half.table.column_names, half.table.columns, strict=True))
    shared = {
        conventions.META_SCHEMA: conventions.SCHEMA_VERSION,
        conventions.META_MODEL: request.model,
        conventions.META_VERSION: request.version or answer.version,
        conventions.META_ROLE: conventions.ROLE_PRIMARY,
    }
    message = LOGS.request()
    resource = message.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = request.model
    record = resource.scope_logs.add().log_records.add(event_name=conventions.EVENT_PREDICTIONS, time_unix_nano=time)
    record.body.bytes_value = stream_of(pa.table(columns).replace_schema_metadata(shared))
    return Decoded(message.SerializeToString(), message)
