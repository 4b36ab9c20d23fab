"""A file of records, which becomes an insert, alone or with others.

A segment grows while it is open, is read back when it is sealed, and when its rows are in the store it shrinks to its
digests (`.ids`), which are kept for the retry window. A dead letter is a segment of the records that the store
refuses. What is found damaged in a segment costs the records around it nothing, and is kept beside it (`.broken`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelspan_collector.wal.record import Record, pieces

SUFFIX = ".seg"
DIGESTS_SUFFIX = ".ids"
BROKEN_SUFFIX = ".broken"
"""What was damaged in a segment: its bytes, for somebody to look at or remove."""
_LOGGER = logging.getLogger(__name__)
_DIGEST_BYTES = 16
_IN = "@"


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment: it does not change any more."""

    path: Path
    size: int
    sealed_at: float
    """`time.monotonic()` when it was sealed."""

    @property
    def name(self) -> str:
        """What it is called, whatever batch it is in."""
        return self.path.stem.partition(_IN)[0]

    @property
    def batch(self) -> str:
        """The token of the insert that it belongs to; '' where none has been tried."""
        return batch_of(self.path)

    def records(self) -> list[Record]:
        """Its records, read back from disk and proved; what is damaged among them is kept aside."""
        return _read(self.path)[0]


def batch_of(path: Path) -> str:
    """The token of the insert that a segment or its digests belong to, from the file's name."""
    return path.stem.partition(_IN)[2]


class OpenSegment:
    """The segment that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.began = time.monotonic()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def write(self, records: Sequence[Record], *, sync: bool) -> None:
        """Append records and, where asked to, wait until they are on disk. All are written or none is.

        Raises:
            OSError: the disk is full or failing; what was written in part has been cut off again.
        """
        data = b"".join(part for record in records for part in record.encode())
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
            if sync:
                os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    def seal(self) -> Segment:
        """Close the file; it is read from now on."""
        os.close(self._file)
        return Segment(self.path, self.size, time.monotonic())


def recover(path: Path) -> tuple[Segment | None, list[bytes], int]:
    """Check a segment that an earlier process left: what is torn is cut off, what is damaged is kept aside.

    Returns:
        The segment (None where nothing in it is whole), the digests of its records, and the bytes cut off.
    """
    records, size, torn = _read(path)
    if torn:
        os.truncate(path, size)
    if not records:
        path.unlink()
        return None, [], torn
    return Segment(path, size, time.monotonic()), [record.digest for record in records], torn


def _read(path: Path) -> tuple[list[Record], int, int]:
    """The whole records of a segment, its size up to a torn end, and the size of that end."""
    data = path.read_bytes()
    found = list(pieces(data))
    damage = [piece for piece in found if piece.record is None and not piece.torn]
    if damage:
        _keep_aside(path, [data[piece.begin : piece.end] for piece in damage])
    torn = sum(piece.end - piece.begin for piece in found if piece.torn)
    return [piece.record for piece in found if piece.record is not None], len(data) - torn, torn


def _keep_aside(path: Path, damage: Sequence[bytes]) -> None:
    """Write what is damaged beside the segment, once, and say so."""
    aside = path.with_name(f"{path.stem.partition(_IN)[0]}{BROKEN_SUFFIX}")
    if aside.exists():
        return
    temporary = aside.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_bytes(b"".join(damage))
    temporary.rename(aside)
    _LOGGER.error(
        "%d bytes in %d places of the log's segment %s are damaged: the records there are lost, all others are kept;"
        " the damaged bytes are in %s, look at the disk, then remove that file",
        *(sum(map(len, damage)), len(damage), path.name, aside),
    )


def assign(segment: Segment, batch: str) -> Segment:
    """Note durably, once the folder is synced, that a segment belongs to a batch."""
    return replace(segment, path=segment.path.rename(segment.path.with_stem(f"{segment.name}{_IN}{batch}")))


def retire(segment: Segment, digests: Sequence[bytes]) -> Path:
    """Drop a segment whose rows are stored, keeping its digests; returns the file that holds them.

    A full disk must not keep it: then only this process remembers the digests.
    """
    kept = segment.path.with_suffix(DIGESTS_SUFFIX)
    temporary = segment.path.with_suffix(".tmp")
    try:
        temporary.write_bytes(b"".join(digests))
        temporary.rename(kept)
    except OSError:
        temporary.unlink(missing_ok=True)
    segment.path.unlink()
    return kept


def read_digests(path: Path) -> list[bytes]:
    """The digests of a segment that was retired."""
    data = path.read_bytes()
    return [data[i : i + _DIGEST_BYTES] for i in range(0, len(data) - _DIGEST_BYTES + 1, _DIGEST_BYTES)]


def sync_folder(folder: Path) -> None:
    """Make the creation of files in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
