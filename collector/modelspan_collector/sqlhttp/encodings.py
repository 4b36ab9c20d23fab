"""HTTP content codings of requests and answers, as streams."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

import lz4.frame
import zstandard

from modelspan_collector import bounded
from modelspan_collector.sqlhttp import errors, frames

READ_BYTES = 64 * 1024
"""Of a body, at one time."""
_GZIP_WINDOW = 31
_DEFLATE_WINDOW = 15


class Decoder(Protocol):
    """Bytes of a request's body into plain bytes, as far as a limit."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What more bytes of the body make."""

    def finish(self) -> None:
        """Check that the body has ended."""


class Encoder(Protocol):
    """Plain bytes into bytes of an answer's body."""

    def feed(self, data: bytes) -> bytes:
        """Add bytes as they come."""

    def finish(self) -> bytes:
        """What is left at the end of the answer."""


class Plain:
    """No coding."""

    def feed(self, data: bytes) -> bytes:
        """Pass the bytes on."""
        return data

    def finish(self) -> bytes:
        """Nothing is left."""
        return b""


class _FlushEncoder:
    """gzip, deflate and zstd: `compress` and a last `flush`."""

    def __init__(self, coding: str) -> None:
        encoders: dict[str, Callable[[], Any]] = {
            "gzip": lambda: zlib.compressobj(3, wbits=_GZIP_WINDOW),
            "deflate": lambda: zlib.compressobj(3, wbits=_DEFLATE_WINDOW),
            "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
        }
        self._inner = encoders[coding]()

    def feed(self, data: bytes) -> bytes:
        return bytes(self._inner.compress(data))

    def finish(self) -> bytes:
        return bytes(self._inner.flush())


class _Lz4Encoder:
    """LZ4's frame format."""

    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._inner.begin()
        self._begun = True
        return bytes(head + self._inner.compress(data))

    def finish(self) -> bytes:
        return bytes(self.feed(b"") + self._inner.flush())


class _FrameEncoder:
    """ClickHouse's own block framing: `compress=1`."""

    def feed(self, data: bytes) -> bytes:
        return frames.compress(data)

    def finish(self) -> bytes:
        return b""


def plain(file: IO[bytes], content_encoding: str, *, framed: bool, limit: int) -> Iterator[bytes]:
    """A body's content, of at most `limit` bytes, in pieces.

    Raises:
        ClickHouseError: the coding is not one that is offered, the bytes are not in it, or the content is too large.
    """
    coding = content_encoding.strip().lower()
    if not framed and coding not in ("", "identity", *bounded.CODINGS):
        offered = ", ".join(bounded.CODINGS)
        raise errors.ClickHouseError(
            89, "UNKNOWN_COMPRESSION_METHOD", f"Content-Encoding {coding[:40]!r} is none of {offered}"
        )
    return _pieces(file, coding, framed, limit)


def _pieces(file: IO[bytes], coding: str, framed: bool, limit: int) -> Iterator[bytes]:
    decoder: Decoder | None = None
    if framed:
        decoder = frames.Decompressor(limit)
    elif coding not in ("", "identity"):
        decoder = bounded.Decompressor(coding, limit)
    try:
        while data := file.read(READ_BYTES):
            if decoder is None:
                yield data
            else:
                yield from decoder.pieces(data)
        if decoder is not None:
            decoder.finish()
    except bounded.TooManyBytesError as error:
        raise errors.ClickHouseError(637, "QUERY_IS_TOO_LARGE", str(error)) from error
    except bounded.DamagedError as error:
        raise errors.ClickHouseError(271, "CANNOT_DECOMPRESS", str(error)) from error


def encoder(accept_encoding: str, *, framed: bool) -> tuple[str, Encoder]:
    """The answer's Content-Encoding ('' for none) and its encoder; the order of preference is ours, cheapest first."""
    if framed:
        return "", _FrameEncoder()
    accepted = {part.partition(";")[0].strip().lower() for part in accept_encoding.split(",") if ";q=0" not in part}
    if "lz4" in accepted:
        return "lz4", _Lz4Encoder()
    for coding in ("zstd", "gzip", "deflate"):
        if coding in accepted:
            return coding, _FlushEncoder(coding)
    return "", Plain()
