"""One batch into the store: how its records become inserts that happen once, however often they are sent."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_collector.log.record import Kind, Record
from modelspan_collector.metrics import Metrics
from modelspan_collector.receive.signals import LOGS, Signal
from modelspan_collector.store.connect import Store
from modelspan_collector.write import deep, otlp_shape, rows, stream, wire
from modelspan_collector.write.held import HELD

_ONE_BLOCK: Final[dict[str, Any]] = {
    "max_insert_block_size": 1 << 32,
    "min_insert_block_size_rows": 1 << 32,
    "min_insert_block_size_bytes": 1 << 40,
    "max_insert_threads": 1,
    "async_insert": 0,
    "insert_deduplicate": 1,
    "materialize_skip_indexes_on_insert": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "parallel_view_processing": 0,
    "output_format_json_escape_forward_slashes": 0,
}
"""A deduplication token stands for a block, so a batch has to be one block. So is what its views make of it: one that
groups emits hundreds of small blocks, each of which would become a part of every partition that it meets."""


class UnfitError(ValueError):
    """Events that passed the gate and yet cannot become rows: sending them again is of no use."""


def insert_otlp(
    store: Store, signal: Signal, records: Sequence[Record], token: str, *, flattened: bool = False
) -> None:
    """Insert OTLP requests as they are; views of the store turn them into rows."""
    body = b"".join(part for record in records for part in wire.rows(record.payload, record.received))
    settings = {
        **_ONE_BLOCK,
        **_format_settings(store, signal),
        "insert_deduplication_token": token,
        "input_format_protobuf_oneof_presence": 1,
    }
    try:
        store.client().raw_insert(otlp_shape.table(signal), insert_block=body, fmt="Protobuf", settings=settings)
    except DatabaseError as error:
        if error.code != deep.TOO_DEEP or flattened:
            raise
        spelt_out = [replace(record, payload=deep.flatten(signal, record.payload)) for record in records]
        insert_otlp(store, signal, spelt_out, token, flattened=True)


def _format_settings(store: Store, signal: Signal) -> dict[str, str]:
    """How ClickHouse is told the schema of a signal's requests.

    A server takes the text. The embedded engine would leave a copy of it in the working directory, so it gets a file.
    """
    if not store.embedded:
        return {
            "format_schema_source": "string",
            "format_schema": otlp_shape.proto(signal),
            "format_schema_message_name": otlp_shape.message_name(signal),
        }
    return {"format_schema": f"{_schema_file(signal)}:{otlp_shape.message_name(signal)}"}


@cache
def _schema_file(signal: Signal) -> Path:
    """A file of this process with the schema text."""
    folder = Path(tempfile.mkdtemp(prefix="modelspan-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / f"{signal.name}.proto"
    path.write_text(otlp_shape.proto(signal))
    return path


def insert_events(store: Store, records: Sequence[Record], token: str, metrics: Metrics) -> None:
    """Insert modelspan's events: streams of one shape are converted together, and become one insert a table."""
    try:
        converted = _convert(records)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UnfitError(f"the events cannot become rows: {error}") from error
    for table, parts in converted.items():
        batch = pa.concat_tables([part.rows for part in parts]).combine_chunks()
        settings = {**_ONE_BLOCK, "insert_deduplication_token": f"{token}/{table}"}
        store.client().insert_arrow(table, batch, settings=settings)
        metrics.rows.labels(table).inc(batch.num_rows)
        metrics.wild.labels(table).inc(sum(part.wild for part in parts))
        metrics.rounded.labels(table).inc(sum(part.rounded for part in parts))


def _convert(records: Sequence[Record]) -> dict[str, list[rows.Rows]]:
    """The rows of all events, by table."""
    converted: dict[str, list[rows.Rows]] = {}
    for shape, streams in _by_shape(records).items():
        received = np.repeat([s.received for s in streams], [s.table.num_rows for s in streams])
        whole = pa.concat_tables([s.table for s in streams]).combine_chunks()
        result = rows.CONVERT[shape.event](whole, pa.array(received, pa.int64()), shape.service, shape.tenant)
        converted.setdefault(result.table, []).append(result)
    return converted


@dataclass(frozen=True, slots=True)
class _Shape:
    """What streams have in common that are converted together."""

    event: str
    service: str
    tenant: str
    schema: bytes


@dataclass(frozen=True, slots=True)
class _Stream:
    table: pa.Table
    received: int


def _by_shape(records: Sequence[Record]) -> dict[_Shape, list[_Stream]]:
    """The streams of all events, in the order in which they came."""
    found: dict[_Shape, list[_Stream]] = {}
    for record in records:
        message = LOGS.request.FromString(record.payload)
        tenant = wire.tenant_of(record.payload)
        held = iter(HELD.take(record.digest) or ())
        for resource in message.resource_logs:
            names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            for scope in resource.scope_logs:
                for event in scope.log_records:
                    table = next(held, None)
                    if table is None:
                        table = stream.read(event.event_name, event.body.bytes_value).table
                    schema = table.schema.serialize().to_pybytes()
                    shape = _Shape(event.event_name, names.get("service.name", ""), tenant, schema)
                    found.setdefault(shape, []).append(_Stream(table, record.received))
    return found


def insert(store: Store, signal: Signal, kind: Kind, records: Sequence[Record], token: str, metrics: Metrics) -> None:
    """Insert the records of one batch, or a part of them.

    Args:
        store: the store of the batch's tenant.
        signal: the log that the batch belongs to.
        kind: what all the records are.
        records: what to insert.
        token: names exactly these records; sent again, it inserts nothing.
        metrics: where stored rows are counted.
    """
    if kind is Kind.OTLP:
        insert_otlp(store, signal, records, token)
    else:
        insert_events(store, records, token, metrics)
