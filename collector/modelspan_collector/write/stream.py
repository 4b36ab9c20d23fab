"""Reads modelspan's events: an Arrow IPC stream in, a table of plain types out, and a sentence for what does not fit.

The contract is `docs/conventions.md`; the bytes come from anyone, so everything is validated before it is used. What
does not fit costs nothing beside it: a stream is refused only where what every row needs is not there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_collector.write import arrow_messages, arrow_plain, arrow_text, by_storage, roles
from modelspan_collector.write.arrow_size import cells, pieces, spelt_out
from modelspan_collector.write.left_out import Misfit

MOST_BYTES: Final = 256 << 20
"""The largest stream that is read, decompressed, and the largest column once its dictionaries are spelt out."""
MOST_CELLS: Final = MOST_BYTES // 8
"""The most values of a stream: as many as Float64 fits into its bytes. Nulls and runs take none on the wire."""


MOST_PIECES: Final = 2**17
"""The most columns of a stream, each counted as often as the stream has record batches."""
_NOT_ITS_TYPE: Final = "its bytes are not what its type says"


class StreamError(ValueError):
    """A stream that does not fit the conventions; the message is for its sender."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an event's stream."""

    name: str
    role: roles.Role
    expected: str
    """The type in words, for the message of a refusal."""
    required: bool = False
    """Rows without it are left out, and a stream without it is refused."""


class Read(NamedTuple):
    """A stream as the gate hands it on."""

    table: pa.Table
    """Its columns and rows that fit, in plain types."""
    repaired: int
    """Texts that were not UTF-8 and have been repaired."""
    left_out: list[Misfit]


_TIMESTAMP: Final = Column(names.COL_TIMESTAMP, roles.instant, "timestamp[ns, UTC]", required=True)
_PREDICTION_ID: Final = Column(names.COL_PREDICTION_ID, roles.text, "string", required=True)

_ANSWER: Final = (
    Column(names.COL_SHAPE, roles.text, "string"),
    Column(names.COL_ITEMS, roles.texts, "list of string"),
)

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    names.EVENT_PREDICTIONS: (
        _TIMESTAMP,
        _PREDICTION_ID,
        Column(names.COL_TRACE_ID, roles.identity(16), "fixed_size_binary(16)"),
        Column(names.COL_SPAN_ID, roles.identity(8), "fixed_size_binary(8)"),
        Column(names.COL_VALUE, roles.number, "float64"),
        Column(names.COL_LABEL, roles.text, "string"),
        *_ANSWER,
        Column(names.COL_DURATION, roles.seconds, "float64"),
        Column(names.COL_ERROR_TYPE, roles.text, "string"),
        Column(names.COL_SAMPLE_WEIGHT, roles.number, "float64"),
    ),
    names.EVENT_LABELS: (
        _TIMESTAMP,
        _PREDICTION_ID,
        Column(names.COL_VALUE, roles.number, "float64"),
        Column(names.COL_LABEL, roles.text, "string"),
        *_ANSWER,
        Column(names.COL_OUTCOME, roles.text, "string"),
    ),
    names.EVENT_MODEL: (
        _TIMESTAMP,
        Column("owner", roles.text, "string"),
        Column("task", roles.text, "string"),
        Column("classes", roles.texts, "list of string"),
        Column("hyperparameters", roles.text, "string"),
        Column("signature", roles.text, "string"),
        Column("training_data", roles.text, "string"),
        Column("deployed_at", roles.instant, "timestamp[ns, UTC]"),
        Column("project", roles.text, "string"),
    ),
}
"""What each event's stream may hold, next to the prefixed columns of predictions."""


PREFIXES: Final = {
    names.COL_FEATURE_PREFIX: Column("feature", roles.feature, "a number, bool, time, text, or list of numbers"),
    names.COL_SCORE_PREFIX: Column("score", roles.number, "float64"),
    names.COL_ATTRIBUTION_PREFIX: Column("attribution", roles.number, "float64"),
    names.COL_TAG_PREFIX: Column("tag", roles.text, "string"),
    names.COL_OUTPUT_PREFIX: Column("output", roles.numbers, "list of float64"),
}
"""What the prefixed columns of predictions may be."""


def read(event: str, body: bytes) -> Read:
    """Read the stream of an event. A column, value or row that does not fit is left out alone.

    Raises:
        StreamError: the event is not known, the bytes are not an Arrow stream, it is too large, or what every row of
            it needs is not there.
    """
    if event not in COLUMNS:
        raise StreamError(f"the event {event[:80]!r} is not known; expected one of {', '.join(COLUMNS)}")
    misfits: list[Misfit] = []
    table, repaired = _opened(event, body, misfits)
    _check_shared(event, table)
    table = _complete_rows(event, _fitting_columns(event, table, misfits), misfits)
    return Read(table, repaired, misfits)


def _opened(event: str, body: bytes, misfits: list[Misfit]) -> tuple[pa.Table, int]:
    """The valid columns of a stream, and how many texts had to be repaired."""
    try:
        messages = arrow_messages.read(body)
        size = sum(message.size for message in messages)
        table = by_storage.read(arrow_plain.plain(body, messages)) if size <= MOST_BYTES else pa.table({})
        large = size > MOST_BYTES or pieces(table) > MOST_PIECES or cells(table) > MOST_CELLS
        table, repaired = (table, 0) if large else _validated(table, misfits)
    except (pa.ArrowException, OSError, ValueError, KeyError, struct.error, MemoryError) as error:
        why = " ".join(str(error).split())[:160]
        raise StreamError(f"the body of {event} is not an Arrow IPC stream: {why}") from error
    if large:
        raise StreamError(
            f"the body of {event} has more than {MOST_BYTES} bytes, {MOST_CELLS} values, or {MOST_PIECES} columns "
            "(counted once for each record batch); send smaller batches"
        )
    return table, repaired


def _validated(table: pa.Table, misfits: list[Misfit]) -> tuple[pa.Table, int]:
    try:
        table.validate(full=True)
    except pa.ArrowException:
        table, repaired = arrow_text.repair(table)
        broken = [index for index, column in enumerate(table.columns) if not _is_valid(column)]
        misfits += [
            Misfit("column_left_out", table.field(index).name, table.num_rows, _NOT_ITS_TYPE) for index in broken
        ]
        return table.select([index for index in range(table.num_columns) if index not in broken]), repaired
    return table, 0


def _is_valid(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowException:
        return False
    return True


def _check_shared(event: str, table: pa.Table) -> None:
    version = metadata(table, names.META_SCHEMA)
    if version != names.SCHEMA_VERSION:
        raise StreamError(
            f"{event} has {names.META_SCHEMA}={version[:20]!r}; this collector reads {names.SCHEMA_VERSION!r}"
        )
    if event != names.EVENT_LABELS and not metadata(table, names.META_MODEL):
        raise StreamError(f"{event} lacks {names.META_MODEL} in its schema's metadata")


def _fitting_columns(event: str, table: pa.Table, misfits: list[Misfit]) -> pa.Table:
    """The columns of a stream in plain types, without those that do not fit."""
    known = {column.name: column for column in COLUMNS[event]}
    kept: dict[str, tuple[pa.Field, pa.ChunkedArray]] = {}
    changed = False
    for name, field, column in zip(table.column_names, table.schema, table.columns, strict=True):
        brought = _brought(event, known.get(name) or _prefixed(event, name), column, field, name in kept)
        if brought.left_out:
            misfits += [Misfit("value_left_out", name, lost, why) for why, lost in brought.left_out.items()]
        if brought.column is None:
            misfits.append(Misfit("column_left_out", name, table.num_rows, brought.reason))
        else:
            kept[name] = (field, brought.column)
        changed = changed or brought.column is not column
    for name, wanted in known.items():
        if wanted.required and name not in kept:
            _refuse(event, wanted, misfits)
    if not changed:
        return table
    plain = [
        field if column.type == field.type else pa.field(field.name, column.type) for field, column in kept.values()
    ]
    return pa.table([column for _, column in kept.values()], pa.schema(plain, table.schema.metadata))


def _brought(event: str, wanted: Column | None, column: pa.ChunkedArray, field: pa.Field, again: bool) -> roles.Brought:
    if again:
        return roles.Brought(None, "a second column of this name")
    if wanted is None:
        prefixes = ", ".join(f"`{prefix}`" for prefix in PREFIXES) if event == names.EVENT_PREDICTIONS else ""
        hint = f"; features, scores, attributions, tags and outputs begin with {prefixes}" if prefixes else ""
        return roles.Brought(None, f"not a column of {event}{hint}")
    if spelt_out(column) > MOST_BYTES:
        return roles.Brought(None, f"larger than {MOST_BYTES} bytes once it is spelt out; send smaller batches")
    return roles.bring(wanted.role, column, field)


def _prefixed(event: str, name: str) -> Column | None:
    if event == names.EVENT_LABELS and name.startswith(names.COL_OUTPUT_PREFIX):
        return PREFIXES[names.COL_OUTPUT_PREFIX]
    if event != names.EVENT_PREDICTIONS:
        return None
    return next((column for prefix, column in PREFIXES.items() if name.startswith(prefix)), None)


def _refuse(event: str, wanted: Column, misfits: list[Misfit]) -> None:
    """Say of a stream that it lacks what all of its rows need."""
    for misfit in misfits:
        if misfit.column == wanted.name:
            raise StreamError(f"{event} has {wanted.name!r} that cannot be used: {misfit.reason}")
    raise StreamError(f"{event} lacks the column {wanted.name!r} ({wanted.expected})")


def _complete_rows(event: str, table: pa.Table, misfits: list[Misfit]) -> pa.Table:
    """The rows that have what every row needs."""
    for column in COLUMNS[event]:
        if column.required and (absent := table.column(column.name).null_count):
            if absent == table.num_rows:
                raise StreamError(
                    f"{event} has {column.name!r} missing in all of its {absent} rows; every row needs it"
                )
            table = table.filter(table.column(column.name).is_valid())
            misfits.append(
                Misfit("row_left_out", column.name, absent, f"{column.name!r} is missing; every row needs it")
            )
    return _with_an_outcome(table, misfits) if event == names.EVENT_LABELS else table


def _with_an_outcome(table: pa.Table, misfits: list[Misfit]) -> pa.Table:
    """The labels that say something: one without a number and a class would stand in the place of one that is known."""
    said = pa.repeat(False, table.num_rows)
    if names.COL_VALUE in table.column_names:
        numbers = table[names.COL_VALUE].cast(pa.float64(), safe=False)
        said = pc.or_(said, pc.invert(pc.is_null(numbers, nan_is_null=True)))
    if names.COL_LABEL in table.column_names:
        said = pc.or_(said, pc.not_equal(pc.fill_null(table[names.COL_LABEL].cast(pa.string()), ""), ""))
    if names.COL_SHAPE in table.column_names:
        said = pc.or_(said, pc.not_equal(pc.fill_null(table[names.COL_SHAPE].cast(pa.string()), ""), ""))
    silent = table.num_rows - int(pc.sum(said).as_py() or 0)
    if not silent:
        return table
    reason = f"neither {names.COL_VALUE!r}, {names.COL_LABEL!r} nor {names.COL_SHAPE!r} says what was true"
    misfits.append(Misfit("row_left_out", names.COL_LABEL, silent, reason))
    return table.filter(said)


def encode(table: pa.Table) -> bytes:
    """A table as the stream of an event."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unfolded(table: pa.Table) -> int:
    """Bytes that a table takes once its dictionaries are spelt out."""
    categories = (index for index, kind in enumerate(table.schema.types) if pa.types.is_dictionary(kind))
    more = (max(0, spelt_out(column) - int(column.nbytes)) for column in map(table.column, categories))
    return int(table.nbytes) + sum(more)


def metadata(table: pa.Table, name: str) -> str:
    """What all rows share, from the schema's metadata; '' where it is absent."""
    value: bytes = (table.schema.metadata or {}).get(name.encode(), b"")
    return value.decode("utf-8", "replace")
