"""OTLP requests into the store, as one insert that happens once, however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_collector.otlp import wire
from modelspan_collector.otlp.signals import Signal
from modelspan_collector.store import aside
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.record import Record
from modelspan_collector.write import deep, otlp_shape

ONE_BLOCK: Final[dict[str, Any]] = {
    "max_insert_block_size": 1 << 32,
    "min_insert_block_size_rows": 1 << 32,
    "min_insert_block_size_bytes": 1 << 40,
    "max_insert_threads": 1,
    "async_insert": 0,
    "insert_deduplicate": 1,
    "materialize_skip_indexes_on_insert": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "parallel_view_processing": 0,
    "output_format_json_escape_forward_slashes": 0,
}
"""A deduplication token stands for a block, so a batch has to be one block. So is what its views make of it: one that
groups emits hundreds of small blocks, each of which would become a part of every partition that it meets.

Indexes of ids are built at once, so that a trace or a prediction that has just come is found without a scan.
"""
_FOR_MERGES: Final = "exclude_materialize_skip_indexes_on_insert"
FOR_MERGES: Final = (
    *("idx_res_attr_key", "idx_res_attr_value", "idx_span_attr_key", "idx_span_attr_value", "idx_duration"),
    *("idx_log_attr_key", "idx_log_attr_value", "idx_body", "idx_attr_key", "idx_attr_value"),
)
"""Indexes that cost a quarter of an insert of spans, and are built when its parts are merged. A server that is too
old to leave them out builds them at once, too."""


def insert_otlp(
    store: Store, signal: Signal, records: Sequence[Record], token: str, *, flattened: bool = False
) -> None:
    """Insert OTLP requests as they are; views of the store turn them into rows."""
    body = b"".join(part for record in records for part in wire.rows(record.payload, record.received))
    settings = {
        **ONE_BLOCK,
        **_format_settings(store, signal),
        "insert_deduplication_token": token,
        "input_format_protobuf_oneof_presence": 1,
        **({_FOR_MERGES: ", ".join(FOR_MERGES)} if store.knows(_FOR_MERGES) else {}),
    }
    try:
        store.insert_bytes(otlp_shape.table(signal), body, "Protobuf", settings=settings)
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
    return {"format_schema": f"{_schema_file(urlsplit(store.dsn).path, signal)}:{otlp_shape.message_name(signal)}"}


@cache
def _schema_file(store: str, signal: Signal) -> Path:
    """The schema's text as a file beside the store."""
    return aside.lasting(Path(store), f"{signal.name}.proto", otlp_shape.proto(signal))
