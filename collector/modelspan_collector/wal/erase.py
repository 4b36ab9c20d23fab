"""Takes out of a collector's files what has to go: segments not stored yet, dead letters, queues of forwarding.

What goes is the caller's to say, of each request; only while no collector runs on the folder, or it holds still.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from modelspan_collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from modelspan_collector.wal.journal import RETRY_SUFFIX
from modelspan_collector.wal.record import Kind, Piece, Record, make, pieces
from modelspan_collector.wal.segment import BROKEN_SUFFIX, DIGESTS_SUFFIX, SUFFIX

_OF_DATABASES: Final = ("log", "dead")
"""Folders of a folder a database; all others, as the queues of forwarding, are looked at whatever the database."""
_STORE: Final = "store"
_RECORDS: Final = (SUFFIX, RETRY_SUFFIX, BROKEN_SUFFIX)
_DECIDE: Final = "remove it when you have decided about it"
_UNREAD: Final = (
    "{path}: {requests} requests of it were read; the other {size} bytes are damaged and cannot be read, so may name "
    f"the subject: they were searched for long names as bytes, not for what is compressed in them; {_DECIDE}"
)
_REASON: Final = ".json"
"""Beside a dead letter: why the store refuses it, which may quote it."""
_WITHHELD: Final = b'{"reason": "withheld: it named somebody who is forgotten"}'
_BY_KIND: Final = {Kind.EVENTS: LOGS, Kind.TRACES: TRACES, Kind.METRICS: METRICS, Kind.LOGS: LOGS}


class Held(NamedTuple):
    """A request that a file holds."""

    signal: Signal | None
    """None where neither the record nor its folder says: it can only be searched."""
    payload: bytes
    database: str = ""
    """Of the log or the dead letters that it is in; '' of other folders."""


class Eraser(Protocol):
    """Who knows what has to go."""

    def within(self, data: bytes) -> bool:
        """True where bytes name it."""

    def blanked(self, data: bytes) -> bytes:
        """Bytes that nobody can read, without what names it in them."""

    def names(self, held: Held) -> bool:
        """True where a request names it, whatever it is in."""

    def without(self, held: Held) -> bytes | None:
        """What is left of a request: its own payload where nothing goes, None where all of it does."""

    def unreadable(self, held: Held) -> bool:
        """True where a request holds what cannot be looked into."""


@dataclass(frozen=True, slots=True)
class CollectorFiles:
    """Every file that a collector keeps in its folder, but for digests."""

    data: Path | None
    """None where no collector's files are on this machine."""
    databases: Collection[str] = ()
    """Of the other databases' logs none is looked at; of all, where none is named."""

    def requests(self) -> Iterator[Held]:
        """Every whole request in them."""
        for path in self._paths():
            for piece in _pieces(path, path.read_bytes()):
                if piece.record is not None:
                    yield _held(path, piece.record)

    def erase(self, eraser: Eraser) -> int:
        """Rewrite them without what has to go; how many records changed, or reasons beside dead letters."""
        return sum(_erase_file(path, eraser) for path in list(self._paths()))

    def left(self, eraser: Eraser) -> Iterator[str]:
        """Files that still hold what has to go, or hold what cannot be looked into."""
        for path in filter(Path.is_file, list(self._paths())):
            data = path.read_bytes()
            found = _pieces(path, data)
            requests = [_held(path, piece.record) for piece in found if piece.record]
            damaged = [data[piece.begin : piece.end] for piece in found if piece.record is None]
            raw = damaged if found else [data]
            if any(map(eraser.within, raw)) or any(eraser.names(h) or eraser.without(h) != h.payload for h in requests):
                yield f"{path}: it names the subject"
            elif damaged or (path.suffix == BROKEN_SUFFIX and data):
                yield _UNREAD.format(path=path, requests=len(requests), size=sum(map(len, damaged)))
            elif any(map(eraser.unreadable, requests)):
                yield f"{path}: it holds rows that cannot be read, so may name the subject; {_DECIDE}"

    def _paths(self) -> Iterator[Path]:
        for folder in sorted(self.data.iterdir()) if self.data is not None and self.data.is_dir() else ():
            if folder.name == _STORE:
                continue
            for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
                database = path.relative_to(folder).parts[0] if folder.name in _OF_DATABASES else None
                other = database is not None and self.databases and database not in self.databases
                if path.is_file() and path.suffix != DIGESTS_SUFFIX and not other:
                    yield path


NO_FILES: Final = CollectorFiles(None)


def _held(path: Path, record: Record) -> Held:
    """A record's request, of the signal that the record says, or else the folder that it lies in."""
    by_folder = next((signal for signal in SIGNALS if signal.name == path.parent.name), None)
    database = path.parent.parent.name if path.parent.parent.parent.name in _OF_DATABASES else ""
    return Held(_BY_KIND.get(record.kind) or by_folder, record.payload, database)


def _erase_file(path: Path, eraser: Eraser) -> int:
    data = path.read_bytes()
    if path.suffix == _REASON:
        found = eraser.within(data)
        if found:
            _write(path, [_WITHHELD])
        return int(found)
    kept: list[bytes] = []
    changed, torn = 0, False
    for piece in _pieces(path, data):
        record = piece.record
        payload = None if record is None else eraser.without(_held(path, record))
        cut = piece.torn and path.suffix != BROKEN_SUFFIX
        torn |= cut  # never acknowledged, and cut off at the collector's next start anyway
        if record is None:
            damage = data[piece.begin : piece.end]
            kept.append(b"" if cut else eraser.blanked(damage))
            changed += not cut and kept[-1] != damage
        elif payload == record.payload:
            kept += record.encode()
        else:
            changed += 1
            kept += [] if payload is None else make(record.kind, record.received, payload).encode()
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


def _pieces(path: Path, data: bytes) -> list[Piece]:
    """The records of a file, and damage in it; none where it is no file of records."""
    return list(pieces(data)) if path.suffix in _RECORDS else []


def _write(path: Path, parts: list[bytes]) -> None:
    """Replace the file in one step, its bytes on disk before its name."""
    temporary = path.with_name(path.name + ".forget")
    temporary.touch(mode=0o600)
    with temporary.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
