"""Lines of many files as batches of bounded size, each line still knowing its file and number.

A file is told by its first bytes: gzip, zstd, lz4, bzip2 and xz are undone as they are read, so that a small file that
unfolds to anything takes no more memory than a large one. A line that is too long is left out alone.
"""

from __future__ import annotations

import codecs
import io
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import orjson

from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.files.bounds import NO_LIMIT
from modelspan_analyzer.files.places import absent, buffered, is_there, matching
from modelspan_analyzer.files.rows import FileError
from modelspan_collector.bounded import BoundedError, Decompressor

BATCH_BYTES: Final = 8 * 2**20
LONGEST_LINE: Final = 64 * 2**20
_BOM: Final = b"\xef\xbb\xbf"
_PIECE: Final = 4 * 2**20
_PACKED_PIECE: Final = 64 * 2**10
_EXACT: Final = 2**53
_ZIP, _TAR, _TAR_AT = b"PK\x03\x04", b"ustar", 257
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


_CODINGS: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}


@dataclass(slots=True)
class Lines:
    """A batch of lines, which are told apart only where somebody asks for one."""

    count: int = 0
    size: int = 0
    """Bytes of all of them."""
    _pieces: list[bytes] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _from: list[tuple[str, int]] = field(default_factory=list)
    _texts: list[bytes] | None = None

    def add(self, piece: bytes, name: str, number: int) -> int:
        """Add whole lines, without the last one's end, that begin at a line of a file; returns how many they are."""
        self._starts.append(self.count)
        self._from.append((name, number))
        lines = piece.count(b"\n") + 1
        self._pieces.append(piece)
        self.count += lines
        self.size += len(piece)
        return lines

    @property
    def whole(self) -> bytes:
        """All lines, with line feeds between them."""
        return b"\n".join(self._pieces)

    def has(self, mark: bytes) -> bool:
        """Whether a mark is somewhere in the lines."""
        return any(mark in piece for piece in self._pieces)

    @property
    def texts(self) -> list[bytes]:
        """The lines."""
        if self._texts is None:
            self._texts = self.whole.split(b"\n") if self._pieces else []
        return self._texts

    def source(self, at: int) -> tuple[str, int]:
        """The file and number of the line at a position."""
        run = bisect_right(self._starts, at) - 1
        name, number = self._from[run]
        return name, number + at - self._starts[run]

    def place(self, at: int) -> str:
        """The same in words: `part.jsonl line 7`."""
        return "{} line {}".format(*self.source(at))

    def parsed(self, misfits: Misfits, only: Iterable[int] | None = None) -> Iterator[tuple[int, Any]]:
        """What the lines hold as JSON, each with its position; empty ones are passed over, others are misfits.

        Args:
            misfits: told of lines that are no JSON.
            only: the positions of the lines that are to be read; None for all.
        """
        for at in range(self.count) if only is None else only:
            text = self.texts[at]
            if text and not text.isspace():
                try:
                    found = orjson.loads(text)
                except orjson.JSONDecodeError:
                    misfits.line("lines that are no JSON", self.place(at))
                    continue
                yield at, json.loads(text) if _is_rounded(found) else found


def _is_rounded(found: Any) -> bool:
    """Whether a number beside others may be a longer one than it was read as: ids of twenty digits are written so."""
    return isinstance(found, dict) and any(type(each) is float and abs(each) >= _EXACT for each in found.values())


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files, and those of folders, hidden ones left away; each once, in the order of their names.

    A path that is not there may be a pattern of some that are.

    Raises:
        FileError: a path is not there, or none holds a file.
    """
    found: dict[Path, None] = {}
    for given in paths:
        there = [given] if is_there(given) else [each for each in matching(given) if not _hidden(Path(each.name))]
        if not there:
            raise absent(given)
        for path in there:
            found.update(dict.fromkeys(_files_in(path) if path.is_dir() else [path]))
    if not found:
        raise FileError("the folder holds no file")
    return list(found)


def _files_in(folder: Path) -> list[Path]:
    """The files of a folder; a web server's pages about its folders, which end in a stroke, are none."""
    inside = (each for each in folder.rglob("*") if each.is_file() and not str(each).endswith("/"))
    return sorted(each for each in inside if not _hidden(each.relative_to(folder)))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def read_lines(files: Iterable[Path], misfits: Misfits, size: int = BATCH_BYTES) -> Iterator[Lines]:
    """Batches of the lines of some files, about as large as said, empty lines among them.

    Args:
        files: to read, one after the other; small ones share a batch.
        misfits: told of lines that are too long, and of files that break off.
        size: bytes of a batch.
    """
    batch = Lines()
    for path in files:
        number = 1
        for piece in _pieces(path, misfits):
            number += batch.add(piece, str(path), number)
            if batch.size >= size:
                yield batch
                batch = Lines()
    if batch.count:
        yield batch


def _pieces(path: Path, misfits: Misfits) -> Iterator[bytes]:
    """The lines of one file, some at a time, without the end of the last one."""
    number, held, skipping = 1, _Held(), False
    try:
        with _opened(path) as file:
            while piece := file.read1(_PIECE):
                head, newline, tail = piece.rpartition(b"\n")
                if newline:
                    lines = held.take() + head
                    if skipping:
                        lines, skipping = lines[lines.find(b"\n") % (len(lines) + 1) :], False
                    yield lines if number > 1 else lines.removeprefix(_BOM)
                    number += lines.count(b"\n") + 1
                if not skipping and held.add(tail) > LONGEST_LINE:
                    misfits.line(f"lines of more than {LONGEST_LINE:,} bytes", f"{path} line {number}")
                    held.take()
                    skipping = True
    except (OSError, BoundedError) as error:
        misfits.rest(error, f"{path} from line {number}")
    except _ArchiveError:
        misfits.line("archives (zip, tar), which are to be unpacked first", str(path))
    if rest := held.take():
        yield rest.removeprefix(_BOM) if number == 1 else rest


class _Held:
    """The beginning of a line whose end is still to come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> int:
        """Hold more of it; returns the bytes that are held."""
        self._parts.append(part)
        self._size += len(part)
        return self._size

    def take(self) -> bytes:
        """All that is held, which is held no longer."""
        whole = b"".join(self._parts)
        self._parts, self._size = [], 0
        return whole


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    with path.open("rb") as found:
        file = buffered(found, _PIECE)
        start = file.peek(6)[:6]
        coding = next((each for mark, each in _CODINGS.items() if start.startswith(mark)), None)
        opened = cast("io.BufferedReader", io.BufferedReader(_Unpacked(file, coding), _PIECE)) if coding else file
        head = opened.peek(_TAR_AT + len(_TAR))
        if head.startswith(_ZIP) or head[_TAR_AT:].startswith(_TAR):
            raise _ArchiveError
        yield io.BufferedReader(_Recoded(opened), _PIECE) if head.startswith(_UTF16) else opened


class _ArchiveError(Exception):
    """A file that holds files."""


class _Unpacked(io.RawIOBase):
    """A compressed file as it unfolds: all that could be read of one that breaks off comes before the error."""

    def __init__(self, file: io.BufferedReader, coding: str) -> None:
        self._pieces, self._piece = self._undone(file, Decompressor(coding, NO_LIMIT)), memoryview(b"")

    @staticmethod
    def _undone(file: io.BufferedReader, decompressor: Decompressor) -> Iterator[bytes]:
        while packed := file.read1(_PACKED_PIECE):
            yield from decompressor.pieces(packed)
        decompressor.finish()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._piece))
        buffer[:size], self._piece = self._piece[:size], self._piece[size:]
        return size


class _Recoded(io.RawIOBase):
    """A text in UTF-16, as Windows PowerShell writes what is redirected, in UTF-8."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder("utf-16")("replace")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while piece := self._file.read1(max(2, len(buffer) // 2)):  # two bytes become three at most
            if text := self._decoder.decode(piece).encode():
                buffer[: len(text)] = text
                return len(text)
        return 0
