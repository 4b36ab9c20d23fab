"""How a subject is recognised in what is no table: a span, a log record, a stream of rows, bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions
from modelspan_analyzer.governance.names import ID, LONG_ID, TRACE, Names, spellings
from modelspan_analyzer.governance.subject import Subject

STREAM: Final = b"\xff\xff\xff\xff"
"""How an Arrow stream begins."""


@dataclass(frozen=True)
class Marks:
    """A subject's names."""

    subject: Subject
    ids: frozenset[str]
    traces: frozenset[str]

    @classmethod
    def of(cls, subject: Subject, names: Names) -> Marks:
        """What is known so far."""
        return cls(subject, names.of(ID), names.of(TRACE))

    @cached_property
    def raw(self) -> tuple[bytes, ...]:
        """Long names as bytes, ids and traces as texts spell them."""
        long = sorted(name for name in self.ids | self.traces if len(name) >= LONG_ID)
        return tuple(spelling.encode() for name in long for spelling in sorted(spellings(name)))

    def within(self, data: bytes) -> bool:
        """True where bytes hold a long name."""
        return any(mark in data for mark in self.raw)

    def mine(self, entry: Any) -> bool:
        """True for a span or log record of a prediction or a trace of the subject's, or with its tag."""
        if getattr(entry, "trace_id", b"").hex() in self.traces:
            return True
        given = attributes(entry)
        if given.get(conventions.PREDICTION_ID) in self.ids:
            return True
        return bool(self.subject.tag) and given.get(conventions.TAG_PREFIX + self.subject.tag) == self.subject.value

    def rows(self, table: pa.Table) -> pa.ChunkedArray:
        """Which rows of a stream are the subject's, or name it in any text."""
        mask = pa.chunked_array([pa.array([False] * table.num_rows)])
        ids = pa.array(sorted(self.ids), pa.string())
        for name, column in zip(table.column_names, table.columns, strict=True):
            if not _is_text(column.type):
                continue
            texts = column.cast(pa.string())
            if name == conventions.COL_PREDICTION_ID:
                mask = pc.or_(mask, pc.is_in(texts, ids))
            if self.subject.tag and name == conventions.COL_TAG_PREFIX + self.subject.tag:
                mask = pc.or_(mask, pc.fill_null(pc.equal(texts, self.subject.value), False))
            whole = texts.combine_chunks()
            for mark in (one for one in self.raw if any(one in buffer for buffer in map(_bytes, whole.buffers()))):
                mask = pc.or_(mask, pc.fill_null(pc.match_substring(texts, mark.decode()), False))
        return mask


def attributes(entry: Any) -> dict[str, str]:
    """The texts among the attributes of a span or log record."""
    return {each.key: each.value.string_value for each in getattr(entry, "attributes", ())}


def table_of(stream: bytes) -> pa.Table | None:
    """The rows of an Arrow stream; None where the bytes are none, or none that can be read."""
    if not stream.startswith(STREAM):
        return None
    try:
        return pa.ipc.open_stream(stream).read_all()
    except (pa.ArrowInvalid, OSError):
        return None


def stream_of(table: pa.Table, compression: str | None = "zstd") -> bytes:
    """A table as an Arrow stream, whose dictionaries hold no value that no row has."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(index).cast(field.type.value_type).dictionary_encode()
            table = table.set_column(index, pa.field(field.name, column.type, metadata=field.metadata), column)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _bytes(buffer: pa.Buffer | None) -> bytes:
    return b"" if buffer is None else buffer.to_pybytes()


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))
