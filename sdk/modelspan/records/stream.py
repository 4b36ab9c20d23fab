"""An Arrow table as the bytes of one IPC stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspan import conventions


def write(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Columns of equal length as one zstd-compressed IPC stream with our schema version and the given metadata."""
    import pyarrow as pa

    fields = [pa.field(name, column.type) for name, column in columns.items()]
    schema = pa.schema(fields, {conventions.META_SCHEMA: conventions.SCHEMA_VERSION, **metadata})
    batch = pa.record_batch(list(columns.values()), schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
