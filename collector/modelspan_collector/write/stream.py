"""Reads modelspan's events: an Arrow IPC stream in, a checked table out, or a sentence that says what does not fit.

The contract is `docs/conventions.md`; the bytes come from anyone, so everything is validated before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from modelspan import conventions as names

TypeTest = Callable[[pa.DataType], bool]


class StreamError(ValueError):
    """A stream that does not fit the conventions; the message is for its sender."""


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests: tuple[TypeTest, ...] = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
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


def read(event: str, body: bytes) -> pa.Table:
    """Read and check the stream of an event.

    Raises:
        StreamError: the event is not known, the bytes are not an Arrow stream, or a column does not fit.
    """
    columns = COLUMNS.get(event)
    if columns is None:
        raise StreamError(f"the event {event[:80]!r} is not known; expected one of {', '.join(COLUMNS)}")
    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise StreamError(
            f"the body of {event} is not an Arrow IPC stream: {' '.join(str(error).split())[:160]}"
        ) from error
    _check(event, columns, table)
    return table


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
    if event != names.EVENT_LABELS and not metadata(table, names.META_MODEL):
        raise StreamError(f"{event} lacks {names.META_MODEL} in its schema's metadata")


def metadata(table: pa.Table, name: str) -> str:
    """What all rows share, from the schema's metadata; '' where it is absent."""
    value: bytes = (table.schema.metadata or {}).get(name.encode(), b"")
    return value.decode("utf-8", "replace")
