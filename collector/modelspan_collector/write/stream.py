"""Reads modelspan's events: an Arrow IPC stream in, a checked table out, or a sentence that says what does not fit.

The contract is `docs/conventions.md`; the bytes come from anyone, so everything is validated before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_collector.write import arrow_text
from modelspan_collector.write.arrow_size import uncompressed_size

MOST_BYTES: Final = 256 << 20
"""The largest stream that is read, decompressed and with its dictionaries spelt out."""

_ONE_THREAD: Final = pa.ipc.IpcReadOptions(use_threads=False)
"""Handing the small buffers of a stream to other threads costs more than to decompress them."""

TypeTest = Callable[[pa.DataType], bool]


class StreamError(ValueError):
    """A stream that does not fit the conventions; the message is for its sender."""


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    tests: tuple[TypeTest, ...] = (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    return any(test(kind) for test in tests)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _is_id(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(kind) or pa.types.is_null(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _is_optional_time(kind: pa.DataType) -> bool:
    return _is_time(kind) or bool(pa.types.is_null(kind))


def _is_texts(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an event's stream."""

    name: str
    fits: TypeTest
    expected: str
    """The type in words, for the message of a refusal."""
    required: bool = False


_TIMESTAMP: Final = Column(names.COL_TIMESTAMP, _is_time, "timestamp[ns, UTC]", required=True)
_PREDICTION_ID: Final = Column(names.COL_PREDICTION_ID, _is_text, "string", required=True)

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    names.EVENT_PREDICTIONS: (
        _TIMESTAMP,
        _PREDICTION_ID,
        Column(names.COL_TRACE_ID, _is_id, "fixed_size_binary(16)"),
        Column(names.COL_SPAN_ID, _is_id, "fixed_size_binary(8)"),
        Column(names.COL_VALUE, _is_number, "float64"),
        Column(names.COL_LABEL, _is_text, "string"),
        Column(names.COL_DURATION, _is_number, "float64"),
        Column(names.COL_ERROR_TYPE, _is_text, "string"),
        Column(names.COL_SAMPLE_WEIGHT, _is_number, "float64"),
    ),
    names.EVENT_LABELS: (
        _TIMESTAMP,
        _PREDICTION_ID,
        Column(names.COL_VALUE, _is_number, "float64"),
        Column(names.COL_LABEL, _is_text, "string"),
    ),
    names.EVENT_MODEL: (
        _TIMESTAMP,
        Column("owner", _is_text, "string"),
        Column("task", _is_text, "string"),
        Column("classes", _is_texts, "list of string"),
        Column("hyperparameters", _is_text, "string"),
        Column("signature", _is_text, "string"),
        Column("training_data", _is_text, "string"),
        Column("deployed_at", _is_optional_time, "timestamp[ns, UTC]"),
    ),
}
"""What each event's stream may hold, next to the prefixed columns of predictions."""


_SCALARS: Final[tuple[TypeTest, ...]] = (pa.types.is_boolean, pa.types.is_decimal, pa.types.is_temporal)


def _is_feature(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_number(kind.value_type)
    if pa.types.is_interval(kind):
        return False
    return _is_text(kind) or _is_number(kind) or any(test(kind) for test in _SCALARS)


PREFIXES: Final = {
    names.COL_FEATURE_PREFIX: Column("feature", _is_feature, "a number, bool, time, string, or list of numbers"),
    names.COL_SCORE_PREFIX: Column("score", _is_number, "float64"),
    names.COL_ATTRIBUTION_PREFIX: Column("attribution", _is_number, "float64"),
    names.COL_TAG_PREFIX: Column("tag", _is_text, "string"),
}
"""What the prefixed columns of predictions may be."""


def read(event: str, body: bytes) -> tuple[pa.Table, int]:
    """Read and check the stream of an event.

    Returns:
        The stream, and how many of its texts were not UTF-8 and have been repaired.

    Raises:
        StreamError: the event is not known, the bytes are not an Arrow stream, or a column does not fit.
    """
    columns = COLUMNS.get(event)
    if columns is None:
        raise StreamError(f"the event {event[:80]!r} is not known; expected one of {', '.join(COLUMNS)}")
    try:
        size = uncompressed_size(body)
        table = pa.ipc.open_stream(body, options=_ONE_THREAD).read_all() if size <= MOST_BYTES else None
        table, repaired = (None, 0) if table is None else _validated(table)
    except (pa.ArrowException, OSError, ValueError, KeyError, struct.error, MemoryError) as error:
        why = " ".join(str(error).split())[:160]
        raise StreamError(f"the body of {event} is not an Arrow IPC stream: {why}") from error
    if table is None:
        raise StreamError(f"the body of {event} holds more than {MOST_BYTES} bytes; send smaller batches")
    _check(event, columns, table)
    return table, repaired


def _validated(table: pa.Table) -> tuple[pa.Table, int]:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        table, repaired = arrow_text.repair(table)
        table.validate(full=True)
        return table, repaired
    return table, 0


def _check(event: str, columns: tuple[Column, ...], table: pa.Table) -> None:
    seen = table.column_names
    if len(set(seen)) != len(seen):
        raise StreamError(f"{event} has a column twice")
    version = (table.schema.metadata or {}).get(names.META_SCHEMA.encode(), b"").decode("utf-8", "replace")
    if version != names.SCHEMA_VERSION:
        raise StreamError(
            f"{event} has {names.META_SCHEMA}={version[:20]!r}; this collector reads {names.SCHEMA_VERSION!r}"
        )
    for column in columns:
        index = table.schema.get_field_index(column.name)
        if index < 0:
            if column.required:
                raise StreamError(f"{event} lacks the column {column.name!r} ({column.expected})")
            continue
        kind = table.schema.field(index).type
        if not column.fits(kind):
            raise StreamError(f"{event} has {column.name!r} as {kind}; expected {column.expected}")
        if column.required and table.column(index).null_count:
            raise StreamError(
                f"{event} has {column.name!r} missing in {table.column(index).null_count} rows; every row needs it"
            )
    for index, field in enumerate(table.schema):
        prefix = next((prefix for prefix in PREFIXES if field.name.startswith(prefix)), None)
        if prefix is not None and not PREFIXES[prefix].fits(field.type):
            raise StreamError(f"{event} has {field.name!r} as {field.type}; expected {PREFIXES[prefix].expected}")
        if pa.types.is_dictionary(field.type) and _spelt_out(table.column(index)) > MOST_BYTES:
            raise StreamError(f"{event} has {field.name!r} larger than {MOST_BYTES} bytes; send smaller batches")
    if event != names.EVENT_LABELS and not metadata(table, names.META_MODEL):
        raise StreamError(f"{event} lacks {names.META_MODEL} in its schema's metadata")


def metadata(table: pa.Table, name: str) -> str:
    """What all rows share, from the schema's metadata; '' where it is absent."""
    value: bytes = (table.schema.metadata or {}).get(name.encode(), b"")
    return value.decode("utf-8", "replace")


def _spelt_out(column: pa.ChunkedArray) -> int:
    """Bytes that a dictionary column may take once its values are repeated for every row."""
    chunks = [chunk for chunk in column.chunks if len(chunk.dictionary)]
    return sum(len(chunk) * int(pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) for chunk in chunks)
