"""Bodies from outside, within bounds: decompression in pieces against a limit, and a budget of bytes in flight.

A compressed body says nothing of its size: 32 KB of zstd can be a gibibyte. What is decompressed here is counted as it
comes, and stops at the limit; no call makes much more than a piece at a time.
"""

from __future__ import annotations

import bz2
import lzma
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lz4.frame
import zstandard

PIECE_BYTES = 1024**2
"""Most plain bytes of one piece of gzip and deflate; the others' calls have no limit, so they are fed less."""
_FEED_BYTES = {"gzip": 16 * 1024, "deflate": 16 * 1024, "lz4": 16 * 1024, "zstd": 1024, "bzip2": 1024, "xz": 1024}
"""Compressed bytes a call: 1 KiB of zstd makes 32 MiB at most (four bytes can be 128 KiB), 16 KiB of lz4 8 MiB,
1 KiB of bzip2 20 MiB (45 bytes can be 900 KB)."""
_PADDED = ("gzip", "xz")
"""Whose files may end in zeros, as tapes and blocks leave them."""
_ZSTD_WINDOW_BYTES = 8 * 1024**2
"""The largest window of zstd as a content coding (RFC 9659)."""
FREE_FRAMES = 10_000
BYTES_A_FRAME = 256
"""A body of many frames must hold this much in each, or it is a body of nothing but work."""


class BoundedError(ValueError):
    """Base of what is wrong with a body; its message is a sentence for the sender."""


class TooManyBytesError(BoundedError):
    """The content is larger than the limit."""


class DamagedError(BoundedError):
    """The bytes are not in the coding that they claim to be in, or end too early."""


class OverBudgetError(BoundedError):
    """Too much is in flight already: the same body may be taken later."""


_MAKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.decompressobj(zlib.MAX_WBITS),
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj(),
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
CODINGS = ("gzip", "deflate", "zstd", "lz4")
"""What can be undone of a body, by its name in Content-Encoding; files come in bzip2 and xz too."""


class Decompressor:
    """Undoes one body's coding as its bytes come; a body may be several frames one after the other."""

    def __init__(self, coding: str, limit: int) -> None:
        """Begin.

        Args:
            coding: one of `CODINGS`.
            limit: most plain bytes of the whole body.
        """
        self._coding = coding
        self._limit = limit
        self._produced = self._frames = 0
        self._inner: Any = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes that more of the body makes.

        Raises:
            TooManyBytesError: the body is larger than the limit.
            DamagedError: it is not in its coding.
        """
        step = _FEED_BYTES[self._coding]
        for start in range(0, len(data), step):
            for piece in self._feed(data[start : start + step]):
                self._produced += len(piece)
                if self._produced > self._limit:
                    raise TooManyBytesError(f"the content is larger than the limit of {self._limit} bytes")
                yield piece

    def finish(self) -> None:
        """Check that the body has ended where its coding does.

        Raises:
            DamagedError: it was cut off.
        """
        if self._inner is not None:
            raise DamagedError(f"the {self._coding} body is cut off")

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner is None:
                if self._frames and self._coding in _PADDED and not (data := data.lstrip(b"\0")):
                    return
                self._open_frame()
            try:
                piece, data = self._step(data)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, RuntimeError, EOFError) as error:
                raise DamagedError(f"the body is not valid {self._coding}: {error}") from error
            if piece:
                yield piece

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        """One piece, and the compressed bytes that are still to be read."""
        inner = self._inner
        if self._coding in ("gzip", "deflate"):
            piece, rest = inner.decompress(data, PIECE_BYTES), inner.unconsumed_tail
        else:
            piece, rest = inner.decompress(data), b""
        if inner.eof:
            rest, self._inner = inner.unused_data or b"", None
        return piece, rest

    def _open_frame(self) -> None:
        self._frames += 1
        if self._frames > FREE_FRAMES + self._produced // BYTES_A_FRAME:
            raise DamagedError(f"the {self._coding} body is in {self._frames} parts that hold next to nothing")
        self._inner = _MAKERS[self._coding]()


def decompress(coding: str, body: bytes, limit: int) -> bytes:
    """A whole body's content, of at most `limit` bytes.

    Raises:
        TooManyBytesError: the content is larger.
        DamagedError: the body is not in its coding.
    """
    decompressor = Decompressor(coding, limit)
    content = b"".join(decompressor.pieces(body))
    decompressor.finish()
    return content


class Budget:
    """How many bytes all requests together may hold in memory at one time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Bytes that are held now."""
        return self._taken

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One request's part, which is given back at its end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.release()

    def take(self, size: int) -> None:
        """Take so many bytes; `give` returns them.

        Raises:
            OverBudgetError: there is no room now.
        """
        with self._lock:
            if self._taken + size > self._limit:
                raise OverBudgetError("too many bytes are in flight: try again in a moment")
            self._taken += size

    def give(self, size: int) -> None:
        """Return bytes that were taken."""
        with self._lock:
            self._taken -= size


class Share:
    """What one request holds of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> None:
        """Hold more.

        Raises:
            OverBudgetError: there is no room now.
        """
        self._budget.take(size)
        self._held += size

    def release(self) -> None:
        """Give all of it back."""
        self._budget.give(self._held)
        self._held = 0
