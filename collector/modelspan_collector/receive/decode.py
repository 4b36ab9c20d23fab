"""From the bytes of a request to a validated OTLP message: pure functions, no sockets."""

from __future__ import annotations

import base64
import io
import zlib
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from modelspan_collector.receive import lenient
from modelspan_collector.receive.errors import BadRequestError, TooLargeError, UnsupportedError
from modelspan_collector.receive.signals import Signal
from modelspan_collector.write.wire import is_plain

_HEX_IDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """A request that is valid OTLP."""

    body: bytes
    """Its protobuf encoding, such that `wire.rows` can cut it."""
    message: Any
    repaired: bool = False
    """True where text was not UTF-8 and its bad bytes were replaced."""


def protobuf(signal: Signal, body: bytes) -> Decoded:
    """Validate a protobuf body; text that is not UTF-8 is repaired rather than refused.

    Raises:
        BadRequestError: the body is not the message of that signal.
    """
    repaired = False
    try:
        message = signal.request.FromString(body)
    except DecodeError as error:
        clean = lenient.repair(signal, body)
        if clean is None:
            name = signal.request.DESCRIPTOR.name
            raise BadRequestError(f"the body is not a protobuf {name}: it is cut off or corrupt") from error
        body, message, repaired = clean, signal.request.FromString(clean), True
    if not is_plain(body):
        message.DiscardUnknownFields()
        body = message.SerializeToString()
    return Decoded(body, message, repaired)


def json(signal: Signal, body: bytes) -> Decoded:
    """Decode OTLP/JSON: ids in hexadecimal, enums as numbers, unknown fields ignored.

    Raises:
        BadRequestError: the body is not JSON, or not the message of that signal.
    """
    try:
        repaired = False
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            text = body.decode("utf-8", "replace")
            repaired = "\ufffd" in text
            document = orjson.loads(text)
        _hex_to_base64(document)
        message = json_format.ParseDict(document, signal.request(), ignore_unknown_fields=True)
        return Decoded(message.SerializeToString(), message, repaired)
    except RecursionError as error:
        raise BadRequestError("the JSON is nested too deeply") from error
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadRequestError(
            f"the body is not an OTLP/JSON {signal.request.DESCRIPTOR.name}: {_short(error)}"
        ) from error


def _hex_to_base64(node: Any) -> None:
    """Rewrite trace and span ids from OTLP's hexadecimal to what protobuf's own JSON expects."""
    if isinstance(node, list):
        for item in node:
            _hex_to_base64(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in _HEX_IDS and isinstance(value, str):
                try:
                    node[name] = base64.b64encode(bytes.fromhex(value)).decode()
                except ValueError:
                    raise BadRequestError(f"{name} is not hexadecimal: {value[:40]!r}") from None
            else:
                _hex_to_base64(value)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def decompress(encoding: str, body: bytes, limit: int) -> bytes:
    """Undo a content encoding, never producing more than `limit` bytes.

    Raises:
        UnsupportedError: the encoding is not one of identity, gzip, deflate, zstd.
        TooLargeError: the content is larger than the limit.
        BadRequestError: the bytes are not in that encoding.
    """
    match encoding.strip().lower():
        case "" | "identity":
            content = body
        case "gzip":
            content = _inflate(body, limit, zlib.MAX_WBITS | 16)
        case "deflate":
            content = _inflate(body, limit, zlib.MAX_WBITS)
        case "zstd":
            content = _unzstd(body, limit)
        case _:
            raise UnsupportedError(f"content encoding {encoding[:40]!r} is not known; use gzip, zstd or none")
    if len(content) > limit:
        raise TooLargeError(f"the content is larger than the limit of {limit} bytes; send smaller batches")
    return content


def _inflate(body: bytes, limit: int, window: int) -> bytes:
    """All members of a gzip stream, up to one byte above the limit."""
    content = bytearray()
    rest = body
    try:
        while rest and len(content) <= limit:
            member = zlib.decompressobj(window)
            content += member.decompress(rest, limit + 1 - len(content))
            if len(content) <= limit and not member.eof:
                raise BadRequestError("the compressed body is cut off")
            rest = member.unused_data
    except zlib.error as error:
        raise BadRequestError(f"the body is not in the encoding that it claims: {error}") from error
    return bytes(content)


def _unzstd(body: bytes, limit: int) -> bytes:
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            io.BytesIO(body), read_across_frames=True
        )
        return reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise BadRequestError(f"the body is not in the encoding that it claims: {error}") from error
