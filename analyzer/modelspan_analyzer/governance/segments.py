"""Takes a subject out of the collector's files: log segments that are not stored yet, and dead letters.

A record is decoded, the subject's spans, log records and prediction rows are taken out, and the rest is written back.
Only while no instance runs on the folder.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelspan import conventions
from modelspan_analyzer.governance.subject import Subject, Traces
from modelspan_collector.log.record import Record, make, read

_FOLDERS = ("log", "dead", "forward")


def files(data: Path) -> Iterator[Path]:
    """Every file of records in a collector's folder."""
    for folder in _FOLDERS:
        root = data / folder
        if root.is_dir():
            yield from sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".ids")


def find_ids(data: Path, subject: Subject) -> frozenset[str]:
    """Prediction ids of a tagged subject that are in no table yet."""
    found: set[str] = set()
    for path in files(data):
        for record in _records(path):
            for entry in _log_entries(record):
                if entry.body.HasField("bytes_value") and subject.tag:
                    table = _table(entry.body.bytes_value)
                    found |= set(table.filter(_mine(table, subject, frozenset()))["prediction_id"].to_pylist())
    return frozenset(found)


def erase_files(data: Path, subject: Subject, found: Traces) -> int:
    """Rewrite the files without the subject; how many records changed."""
    changed = 0
    for path in files(data):
        records = _records(path)
        kept = [_without(record, subject, found) for record in records]
        different = sum(one is not record for one, record in zip(kept, records, strict=True))
        if different:
            _write(path, [record for record in kept if record is not None])
            changed += different
    return changed


def _records(path: Path) -> list[Record]:
    return [record for record, _ in read(path.read_bytes())]


def _write(path: Path, records: list[Record]) -> None:
    """Replace the file in one step, its bytes on disk before its name."""
    temporary = path.with_name(path.name + ".forget")
    with temporary.open("wb") as file:
        for record in records:
            file.writelines(record.encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _without(record: Record, subject: Subject, found: Traces) -> Record | None:
    """The record without the subject, the same object where the subject is not in it, None where nothing is left."""
    for kind in (ExportTraceServiceRequest, ExportLogsServiceRequest):
        request = kind()
        try:
            request.ParseFromString(record.payload)
        except DecodeError:
            continue
        before = request.SerializeToString(deterministic=True)
        left = _strip(request, subject, found)
        if request.SerializeToString(deterministic=True) != before:
            return make(record.kind, record.received, request.SerializeToString()) if left else None
    return record


def _strip(request: Any, subject: Subject, found: Traces) -> int:
    """Take the subject out of a request; how many spans or log records are left."""
    left = 0
    for resource in request.resource_spans if hasattr(request, "resource_spans") else request.resource_logs:
        for scope in resource.scope_spans if hasattr(resource, "scope_spans") else resource.scope_logs:
            entries = scope.spans if hasattr(scope, "spans") else scope.log_records
            kept = [entry for entry in entries if not _is_mine(entry, subject, found)]
            for entry in kept:
                if hasattr(entry, "body") and entry.body.HasField("bytes_value"):
                    entry.body.bytes_value = _filtered(entry.body.bytes_value, subject, found.prediction_ids)
            if len(kept) != len(entries):
                del entries[:]
                entries.extend(kept)
            left += len(kept)
    return left


def _is_mine(entry: Any, subject: Subject, found: Traces) -> bool:
    if entry.trace_id.hex() in found.trace_ids:
        return True
    attributes = {attribute.key: attribute.value.string_value for attribute in entry.attributes}
    if attributes.get(conventions.PREDICTION_ID) in found.prediction_ids:
        return True
    return bool(subject.tag) and attributes.get(conventions.TAG_PREFIX + subject.tag) == subject.value


def _log_entries(record: Record) -> Iterator[Any]:
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(record.payload)
    except DecodeError:
        return
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            yield from scope.log_records


def _table(stream: bytes) -> pa.Table:
    """An event's rows; an empty table where the body is no Arrow stream of predictions or labels."""
    empty = pa.table({"prediction_id": pa.array([], pa.string())})
    try:
        table = pa.ipc.open_stream(stream).read_all()
    except pa.ArrowInvalid:
        return empty
    return table if "prediction_id" in table.column_names else empty


def _mine(table: pa.Table, subject: Subject, ids: frozenset[str]) -> pa.Array:
    mask = pc.is_in(table["prediction_id"], pa.array(sorted(ids), pa.string()))
    column = conventions.COL_TAG_PREFIX + subject.tag
    if subject.tag and column in table.column_names:
        texts = table[column].cast(pa.string())
        mask = pc.or_(mask, pc.fill_null(pc.equal(texts, subject.value), False))
    return mask


def _filtered(stream: bytes, subject: Subject, ids: frozenset[str]) -> bytes:
    """The Arrow stream without the subject's rows; the same bytes where there are none."""
    table = _table(stream)
    mask = _mine(table, subject, ids)
    if not pc.any(mask).as_py():
        return stream
    kept = table.filter(pc.invert(mask))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, kept.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(kept)
    return sink.getvalue()
