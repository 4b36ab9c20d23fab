"""The answer to one request: ClickHouse's headers, and a body that flows as the engine produces it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import IO, Any

import orjson
from starlette.responses import Response
from starlette.types import Send

from modelspan_collector.bounded import OverBudgetError, Share
from modelspan_collector.sqlhttp import body, encodings, errors
from modelspan_collector.sqlhttp.engine import Engine, Run
from modelspan_collector.sqlhttp.native import BlockUpgrader

BUFFER_BYTES = 1024**2
"""How much of a result is held back, so that an early failure is still an HTTP status."""
SPOOL_MEMORY_BYTES = 8 * 1024**2
"""With `wait_end_of_query=1` the whole result is kept first: this much in memory, the rest in a file."""

CONTENT_TYPES = (
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"),
    ("NDJSON", "application/x-ndjson; charset=UTF-8"),
    ("JSONLines", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
    ("CSV", "text/csv; charset=UTF-8; header=absent"),
    ("XML", "application/xml; charset=UTF-8"),
    ("Native", "application/octet-stream"),
    ("RowBinary", "application/octet-stream"),
    ("Parquet", "application/octet-stream"),
    ("Arrow", "application/octet-stream"),
    ("ORC", "application/octet-stream"),
    ("Avro", "application/octet-stream"),
)

Threaded = Callable[..., Awaitable[Any]]
"""Runs a blocking call on a thread."""


def headers(engine: Engine, query_id: str, summary: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers that every answer carries."""
    common = {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Server-Display-Name": engine.host_name,
        "X-ClickHouse-Timezone": engine.timezone,
        "Content-Type": "text/plain; charset=UTF-8",
    }
    if summary:
        common["X-ClickHouse-Summary"] = orjson.dumps(dict(summary)).decode()
    return common


def refusal(engine: Engine, query_id: str, error: errors.ClickHouseError) -> Response:
    """An error before the first byte of a result."""
    head = headers(engine, query_id) | {"X-ClickHouse-Exception-Code": str(error.code)}
    if error.status == 401:
        head["WWW-Authenticate"] = 'Basic realm="modelspan SQL"'
    return Response(f"{error.text.rstrip()} (version {engine.version})\n", error.status, head)


class ResultStream:
    """Sends the result of one statement."""

    def __init__(
        self, engine: Engine, run: Run, query_id: str, threaded: Threaded, share: Share, revision: int = 0
    ) -> None:
        self._engine = engine
        self._run = run
        self._query_id = query_id
        self._threaded = threaded
        self._share = share
        self._tag = secrets.token_hex(8)
        self._upgrader = BlockUpgrader(revision) if revision and run.format == "Native" else None

    async def send(self, send: Send, accept_encoding: str, *, framed: bool, whole: bool) -> None:
        """Read the result and send it.

        Args:
            send: the ASGI channel.
            accept_encoding: the codings that the client takes.
            framed: encode in ClickHouse's own block framing.
            whole: begin only once the statement has succeeded.

        Raises:
            ClickHouseError: the statement failed before anything was sent.
        """
        self._run.start()
        with tempfile.SpooledTemporaryFile(SPOOL_MEMORY_BYTES) as held:
            ended = await self._hold(held, whole)
            coding, encoder = encodings.encoder(accept_encoding, framed=framed)
            await send({"type": "http.response.start", "status": 200, "headers": self._headers(coding)})
            try:
                while chunk := held.read(BUFFER_BYTES):
                    await self._part(send, encoder.feed(chunk))
                while not ended and (chunk := await self._next()):
                    await self._part(send, encoder.feed(chunk))
            except errors.ClickHouseError as error:
                # The missing end of the body tells a client that does not know the tag that the result is cut.
                await self._part(send, encoder.feed(self._tagged(error)) + encoder.finish())
                return
            await send({"type": "http.response.body", "body": encoder.finish(), "more_body": False})

    async def _hold(self, held: IO[bytes], whole: bool) -> bool:
        """Hold the beginning of the result, or all of it; True where it has ended."""
        ended = False
        while whole or held.tell() < BUFFER_BYTES:
            chunk = await self._next()
            if not chunk:
                ended = True
                break
            if held.tell() + len(chunk) > SPOOL_MEMORY_BYTES:
                self._make_room(len(chunk))
            await self._threaded(held.write, chunk)
        held.seek(0)
        return ended

    def _make_room(self, size: int) -> None:
        try:
            self._share.take(size)
        except OverBudgetError as error:
            raise errors.ClickHouseError(
                396,
                "TOO_MANY_ROWS_OR_BYTES",
                "there is no room to hold the whole answer: ask without wait_end_of_query",
            ) from error

    async def _next(self) -> bytes:
        """The next bytes of the result, as the client's protocol version has them; b'' at the end."""
        while chunk := await self._threaded(self._run.read):
            ready: bytes = chunk if self._upgrader is None else await self._threaded(self._upgrader.feed, chunk)
            if ready:
                return ready
        return b"" if self._upgrader is None else self._upgrader.finish()

    def _headers(self, coding: str) -> list[tuple[bytes, bytes]]:
        head = headers(self._engine, self._query_id, self._run.summary)
        if self._run.statement.returns_rows:
            head["X-ClickHouse-Format"] = self._run.format
            head["Content-Type"] = content_type(self._run.format)
        head["X-ClickHouse-Exception-Tag"] = self._tag
        if coding:
            head["Content-Encoding"] = coding
        return [(name.lower().encode(), value.encode()) for name, value in head.items()]

    def _tagged(self, error: errors.ClickHouseError) -> bytes:
        message = error.text.encode()
        tag = self._tag.encode()
        return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag, message, len(message), tag)

    @staticmethod
    async def _part(send: Send, data: bytes) -> None:
        if data:
            await send({"type": "http.response.body", "body": data, "more_body": True})


def content_type(output_format: str) -> str:
    """The media type of an output format."""
    return next(
        (media for prefix, media in CONTENT_TYPES if output_format.startswith(prefix)), "text/plain; charset=UTF-8"
    )


def insert(engine: Engine, run: Run, data: Iterator[bytes], share: Share) -> dict[str, str]:
    """Run an INSERT on the rows of the body and return its summary.

    The rows are held in a file: the body is whole by now, so what a client breaks off is not stored. (The engine's own
    streaming insert is no alternative: chDB 4.4 reports rows as written that a constraint refused.)

    Raises:
        ClickHouseError: the rows do not fit; none of them is stored.
    """
    with engine.scratch() as rows:
        for piece in data:
            body.hold(share, len(piece))
            rows.write(piece)
        rows.flush()
        run.insert(rows.name)
    return run.summary
