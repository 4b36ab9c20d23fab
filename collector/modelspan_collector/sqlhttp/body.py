"""Reads a request's body: first all of its bytes, then what they say, within the limits of what each may be."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO

from starlette.requests import Request

from modelspan_collector.bounded import OverBudgetError, Share
from modelspan_collector.sqlhttp import encodings, errors, forms, heads
from modelspan_collector.sqlhttp.forms import ExternalTable
from modelspan_collector.sqlhttp.request import Parameters
from modelspan_collector.sqlhttp.settings import Limits

SPOOL_MEMORY_BYTES = 256 * 1024
"""A body beyond it is kept in a file until it is whole; a smaller one always has room, as connections are limited."""
HEAD_BYTES = 64 * 1024
"""An INSERT's statement must end within this much of the body, or within the limit of a statement."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, taken apart."""

    sql: str
    """The statement's text: the URL's, and what of the body belongs to it."""
    data: Iterator[bytes]
    """The rows of an INSERT, decoded."""
    bound: Mapping[str, str] = field(default_factory=dict)
    """Bound parameters that came as form fields."""
    external: tuple[ExternalTable, ...] = ()


@asynccontextmanager
async def received(request: Request, limit: int, share: Share) -> AsyncIterator[IO[bytes]]:
    """The bytes of a body as they came, once all of them are there; nothing runs for one that is still coming.

    Raises:
        ClickHouseError: the body is larger than the limit, or there is no room for it now.
    """
    with tempfile.SpooledTemporaryFile(SPOOL_MEMORY_BYTES) as file:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            if size > SPOOL_MEMORY_BYTES:
                hold(share, len(chunk))
            file.write(chunk)
        file.seek(0)
        yield file


def hold(share: Share, size: int) -> None:
    """Take room for so many bytes.

    Raises:
        ClickHouseError: there is none now.
    """
    try:
        share.take(size)
    except OverBudgetError as error:
        raise errors.ClickHouseError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", str(error)) from error


def too_large(limit: int) -> errors.ClickHouseError:
    """The error for a body beyond its limit."""
    return errors.ClickHouseError(637, "QUERY_IS_TOO_LARGE", f"it may have {limit} bytes at most")


def parse(request: Request, asked: Parameters, file: IO[bytes], limits: Limits, share: Share) -> Body:
    """Decode the body and find where the statement ends.

    Raises:
        ClickHouseError: the body cannot be decoded, or the statement is too long.
    """
    coding, framed = request.headers.get("content-encoding", ""), asked.flag("decompress")
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        limit = limits.statement_bytes + limits.external_bytes
        pieces = encodings.plain(file, coding, framed=framed, limit=limit)
        return _form(content_type, asked, _joined(pieces, share), limits)
    pieces = encodings.plain(file, coding, framed=framed, limit=limits.insert_bytes)
    if heads.takes_rows(asked.query.encode("utf-8", "surrogateescape")):
        return Body(asked.query, pieces)
    most = limits.statement_bytes if asked.query else max(HEAD_BYTES, limits.statement_bytes)
    head, whole = _head(pieces, most, share)
    end = 0 if asked.query else heads.data_start(head, final=whole)
    if end:
        return Body(head[:end].decode("utf-8", "surrogateescape"), itertools.chain([head[end:]], pieces))
    if len(head) > limits.statement_bytes:
        raise too_large(limits.statement_bytes)
    parts = (asked.query, head.decode("utf-8", "surrogateescape"))
    return Body("\n".join(part for part in parts if part.strip()), pieces)


def _head(pieces: Iterator[bytes], most: int, share: Share) -> tuple[bytes, bool]:
    """The beginning of a body, somewhat more than `most` of it, and whether that is all."""
    parts, size = [], 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > SPOOL_MEMORY_BYTES:
            hold(share, len(piece))
        if size > most:
            return b"".join(parts), False
    return b"".join(parts), True


def _joined(pieces: Iterator[bytes], share: Share) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > SPOOL_MEMORY_BYTES:
            hold(share, len(piece))
    return bytes(content)


def _form(content_type: str, asked: Parameters, content: bytes, limits: Limits) -> Body:
    """Drivers send many or long bound parameters as fields of a form, and external tables as files."""
    form = forms.parse(content_type, content)
    if sum(map(len, form.fields.values())) > limits.statement_bytes:
        raise too_large(limits.statement_bytes)
    external = forms.external_tables(form.files, {**asked.settings, **form.fields})
    for name in forms.described_by(form.files):
        asked.settings.pop(name, None)
    bound = {name[len("param_") :]: value for name, value in form.fields.items() if name.startswith("param_")}
    sql = "\n".join(text for text in (asked.query, form.fields.get("query", "")) if text)
    return Body(sql, iter(()), bound, external)
