"""HTTP content codings of requests and answers, as streams."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import lz4.frame
import zstandard

from modelspan_collector.sqlhttp import errors, frames

_GZIP_WINDOW = 31
_DEFLATE_WINDOW = 15


class Decoder(Protocol):
    """Bytes of a request's body into plain bytes."""

    def feed(self, data: bytes) -> bytes:
        """Add bytes as they come."""

    def finish(self) -> bytes:
        """What is left at the end of the body."""


class Encoder(Protocol):
    """Plain bytes into bytes of an answer's body."""

    def feed(self, data: bytes) -> bytes:
        """Add bytes as they come."""

    def finish(self) -> bytes:
        """What is left at the end of the answer."""


class Plain:
    """No coding, either way."""

    def feed(self, data: bytes) -> bytes:
        """Pass the bytes on."""
        return data

    def finish(self) -> bytes:
        """Nothing is left."""
        return b""


class _StreamDecoder:
    """Adapts the decompressors of zlib, zstandard and lz4; a body may be several frames one after the other."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        makers: dict[str, Callable[[], Any]] = {
            "gzip": lambda: zlib.decompressobj(_GZIP_WINDOW),
            "deflate": lambda: zlib.decompressobj(_DEFLATE_WINDOW),
            "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
            "lz4": lz4.frame.LZ4FrameDecompressor,
        }
        self._make = makers[coding]
        self._inner: Any = None

    def feed(self, data: bytes) -> bytes:
        plain = []
        while data:
            self._inner = self._inner or self._make()
            try:
                plain.append(self._inner.decompress(data))
            except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
                raise errors.ClickHouseError(
                    271, "CANNOT_DECOMPRESS", f"the body is not valid {self._coding}: {error}"
                ) from error
            data = b""
            if self._inner.eof:
                data, self._inner = self._inner.unused_data or b"", None
        return b"".join(plain)

    def finish(self) -> bytes:
        if self._inner is not None:
            raise errors.ClickHouseError(33, "CANNOT_READ_ALL_DATA", f"the {self._coding} body is cut short")
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


def decoder(content_encoding: str, *, framed: bool) -> Decoder:
    """The decoder of a request's body.

    Raises:
        ClickHouseError: the coding is not one that is offered.
    """
    if framed:
        return frames.Decompressor()
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return Plain()
    if coding not in ("gzip", "deflate", "zstd", "lz4"):
        raise errors.ClickHouseError(
            89, "UNKNOWN_COMPRESSION_METHOD", f"Content-Encoding {coding!r} is none of gzip, deflate, zstd, lz4"
        )
    return _StreamDecoder(coding)


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
