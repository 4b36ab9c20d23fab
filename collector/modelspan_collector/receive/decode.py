"""From the bytes of a request to a validated OTLP message: pure functions, no sockets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from modelspan_collector.bounded import CODINGS, DamagedError, Decompressor, TooManyBytesError
from modelspan_collector.otlp.errors import BadRequestError, TooLargeError, UnsupportedError
from modelspan_collector.otlp.signals import Signal
from modelspan_collector.otlp.wire import is_plain
from modelspan_collector.receive import bounds, decode_json, lenient, misfits
from modelspan_collector.receive.rejected import NOTHING, Rejected


@dataclass(frozen=True, slots=True)
class Decoded:
    """A request that is valid OTLP."""

    body: bytes
    """Its protobuf encoding, such that `wire.rows` can cut it."""
    message: Any
    repaired: bool = False
    """True where text was not UTF-8 and its bad bytes were replaced."""
    rejected: Rejected = NOTHING
    """Items that were not understood."""


def protobuf(signal: Signal, body: bytes) -> Decoded:
    """Validate a protobuf body; text that is not UTF-8 is repaired rather than refused.

    Raises:
        BadRequestError: the body is not the message of that signal.
        TooLargeError: it would become too many messages.
    """
    bounds.check_protobuf(signal, body)
    misfits.check_signal(signal, body)
    repaired = False
    try:
        message = signal.request.FromString(body)
    except DecodeError as error:
        clean = lenient.repair(signal, body)
        if clean is None:
            name = signal.request.DESCRIPTOR.name
            raise BadRequestError(f"the body is not a protobuf {name}: it is cut off or corrupt") from error
        body, message, repaired = clean, signal.request.FromString(clean), True
    bounds.check_repeated(signal, message)
    if not is_plain(body):
        message.DiscardUnknownFields()
        body = message.SerializeToString()
    return Decoded(body, message, repaired)


def json(signal: Signal, body: bytes) -> Decoded:
    """Decode OTLP/JSON.

    Raises:
        BadRequestError: the body is not JSON, or not the message of that signal.
        TooLargeError: it holds too many values.
    """
    message, repaired, rejected = decode_json.parse(signal, body)
    bounds.check_repeated(signal, message)
    return Decoded(message.SerializeToString(), message, repaired, rejected)


def decompress(encoding: str, body: bytes, limit: int, hold: Callable[[int], None] = lambda _: None) -> bytes:
    """Undo a content encoding, never producing more than `limit` bytes.

    Args:
        encoding: what `Content-Encoding` says.
        body: the bytes as they were sent.
        limit: most bytes of the content.
        hold: told of every piece's size before it is kept; what it raises ends the work.

    Raises:
        UnsupportedError: the encoding is not known.
        TooLargeError: the content is larger than the limit.
        BadRequestError: the bytes are not in that encoding.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in CODINGS:
        raise UnsupportedError(f"content encoding {encoding[:40]!r} is not known; use {', '.join(CODINGS)} or none")
    pieces = []
    try:
        decompressor = Decompressor(coding, limit)
        for piece in decompressor.pieces(body):
            hold(len(piece))
            pieces.append(piece)
        decompressor.finish()
    except TooManyBytesError as error:
        raise TooLargeError(f"{error}; send smaller batches") from error
    except DamagedError as error:
        raise BadRequestError(str(error)) from error
    return b"".join(pieces)
