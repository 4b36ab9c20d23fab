"""Takes a subject out of the collector's files: segments that are not stored yet, dead letters, queues of forwarding.

A record is decoded, what is the subject's is taken out, and the rest is written back. Only while no collector runs on
the folder, or it holds still.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from modelspan import conventions
from modelspan_analyzer.governance.marks import Marks, attributes, table_of
from modelspan_analyzer.governance.names import ID, TRACE, Names
from modelspan_analyzer.governance.requests import decoded, entries, signal_of, unreadable, without
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.wal.journal import RETRY_SUFFIX
from modelspan_collector.wal.record import Piece, Record, pieces
from modelspan_collector.wal.segment import BROKEN_SUFFIX, DIGESTS_SUFFIX, SUFFIX

_OF_DATABASES: Final = ("log", "dead")
"""Folders of a folder a database; all others, as the queues of forwarding, are looked at whatever the database."""
_STORE: Final = "store"
_RECORDS: Final = (SUFFIX, RETRY_SUFFIX)
_REASON: Final = ".json"
"""Beside a dead letter: why the store refuses it, which may quote it."""
_WITHHELD: Final = b'{"reason": "withheld: it named somebody who is forgotten"}'


def files(data: Path, databases: Collection[str] = ()) -> Iterator[Path]:
    """Every file that a collector keeps, but for digests; with databases, of the others' logs none."""
    for folder in sorted(data.iterdir()) if data.is_dir() else ():
        if folder.name == _STORE:
            continue
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            other = folder.name in _OF_DATABASES and databases and path.relative_to(folder).parts[0] not in databases
            if path.is_file() and path.suffix != DIGESTS_SUFFIX and not other:
                yield path


def look_files(paths: Collection[Path], subject: Subject, names: Names) -> int:
    """Note what files tell of a subject that no table does yet; returns how many names are new."""
    marks, ids, traces = Marks.of(subject, names), set[str](), set[str]()
    for path, record in _records(paths):
        signal = signal_of(record, path.parent.name)
        request = decoded(record, signal)
        for entry in entries(request, signal) if request is not None and signal is not None else ():
            if marks.mine(entry):
                ids.add(attributes(entry).get(conventions.PREDICTION_ID, ""))
                traces.add(entry.trace_id.hex() if hasattr(entry, "trace_id") else "")
            if hasattr(entry, "body") and entry.body.HasField("bytes_value"):
                found = _told(entry.body.bytes_value, marks)
                ids, traces = ids | found[0], traces | found[1]
    return names.add(ID, ids - {""}) + names.add(TRACE, traces - {""})


def _told(stream: bytes, marks: Marks) -> tuple[set[str], set[str]]:
    """Ids and traces of the subject's rows in a stream."""
    table = table_of(stream)
    if table is None or conventions.COL_PREDICTION_ID not in table.column_names:
        return set(), set()
    rows = table.filter(marks.rows(table))
    traces = rows[conventions.COL_TRACE_ID].to_pylist() if conventions.COL_TRACE_ID in rows.column_names else []
    ids = pc.unique(rows[conventions.COL_PREDICTION_ID]).to_pylist()
    return set(map(str, filter(None, ids))), {one.hex() for one in traces if isinstance(one, bytes)}


def erase_files(paths: Collection[Path], subject: Subject, names: Names) -> int:
    """Rewrite the files without the subject; how many records changed, or reasons beside dead letters."""
    return sum(_erase_file(path, Marks.of(subject, names)) for path in paths)


def _erase_file(path: Path, marks: Marks) -> int:
    data = path.read_bytes()
    if path.suffix == _REASON:
        found = marks.within(data)
        if found:
            _write(path, [_WITHHELD])
        return int(found)
    kept, changed, torn = [], 0, False
    for piece in _pieces(path, data):
        record = piece.record
        left = None if record is None else without(record, signal_of(record, path.parent.name), marks)
        changed += left is not record
        torn |= piece.torn  # never acknowledged, and cut off at the collector's next start anyway
        if record is None and not piece.torn:
            kept.append(data[piece.begin : piece.end])
        elif left is not None:
            kept += left.encode()
    if changed or torn:
        _put(path, kept)
    return changed


def _put(path: Path, kept: list[bytes]) -> None:
    """Write what is left; of a dead letter without anything left the reason goes too."""
    reason = path.with_suffix(_REASON)
    if kept or not reason.is_file():
        _write(path, kept)
    else:
        path.unlink()
        reason.unlink()


def search_files(paths: Collection[Path], subject: Subject, names: Names) -> Iterator[str]:
    """Files that still hold a name, or hold what cannot be looked into."""
    marks = Marks.of(subject, names)
    for path in filter(Path.is_file, paths):
        data = path.read_bytes()
        found = _pieces(path, data)
        records = [(record, signal_of(record, path.parent.name)) for piece in found if (record := piece.record)]
        if marks.within(data) or any(without(*one, marks) is not one[0] for one in records):
            yield f"{path}: it names the subject"
        elif _damaged(path, data, found) or any(unreadable(*one) for one in records):
            yield f"{path}: it cannot be read, and so may name the subject; remove it when you have decided about it"


def _damaged(path: Path, data: bytes, found: list[Piece]) -> bool:
    """Whether a file holds damage: what the disk damaged in a segment stays as it is, for somebody to decide about."""
    return any(piece.record is None for piece in found) or (path.suffix == BROKEN_SUFFIX and bool(data))


def _pieces(path: Path, data: bytes) -> list[Piece]:
    """The records of a file, and damage in it; none where it is no file of records."""
    return list(pieces(data)) if path.suffix in _RECORDS else []


def _records(paths: Collection[Path]) -> Iterator[tuple[Path, Record]]:
    for path in paths:
        yield from ((path, piece.record) for piece in _pieces(path, path.read_bytes()) if piece.record is not None)


def _write(path: Path, parts: list[bytes]) -> None:
    """Replace the file in one step, its bytes on disk before its name."""
    temporary = path.with_name(path.name + ".forget")
    temporary.touch(mode=0o600)
    with temporary.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
