"""One request of ClickHouse's HTTP protocol, from its URL to the last byte of its answer."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from modelspan_collector.bounded import Budget, Share
from modelspan_collector.sqlhttp import answer, errors
from modelspan_collector.sqlhttp import body as bodies
from modelspan_collector.sqlhttp import request as requests
from modelspan_collector.sqlhttp.body import Body
from modelspan_collector.sqlhttp.engine import Engine, Question, Run
from modelspan_collector.sqlhttp.request import Parameters
from modelspan_collector.sqlhttp.sessions import Session, Sessions
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.sqlhttp.slots import Slot, Slots

log = logging.getLogger(__name__)

THREADS_A_QUERY = 4
"""One reads the result, and others open, cancel and close."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One query that runs, with all that belongs to it."""

    request: Request
    parameters: Parameters
    body: Body
    session: Session
    slot: Slot
    files: Share
    """Its part of the room in temporary files."""


class SqlApp:
    """An ASGI application over one engine."""

    def __init__(self, engine: Engine, database: str, limits: Limits, users: Mapping[str, str] | None) -> None:
        self._engine = engine
        self._database = database
        self._limits = limits
        self._users = users
        self._sessions = Sessions()
        self._slots = Slots(limits.concurrent_queries)
        self._memory = Budget(limits.memory_held_bytes)
        self._files = Budget(limits.files_held_bytes)
        self._threads: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = scope["path"]
        greeting = path == "/" and request.method in ("GET", "HEAD") and "query" not in request.query_params
        if greeting or path in ("/ping", "/replicas_status"):
            await PlainTextResponse("Ok.\n")(scope, receive, send)
        elif path == "/" and request.method in ("GET", "HEAD", "POST"):
            await self._query(request, send)
        else:
            text = f"There is no handle {path}\n\nhint: send SQL to /, or ask /ping whether the store answers\n"
            await PlainTextResponse(text, status_code=404)(scope, receive, send)

    async def _query(self, request: Request, send: Send) -> None:
        query_id = ""
        try:
            asked = requests.parameters(request)
            query_id = asked.query_id
            self._authenticate(asked)
            with self._files.share() as files, self._memory.share() as memory:
                async with bodies.received(request, self._body_limit(request), files) as file:
                    client = request.client.host if request.client else ""
                    use = self._sessions.use(asked.session_id, asked.settings, client)
                    async with use as session, self._slots.take() as slot:
                        body = await self._threaded(bodies.parse, request, asked, file, self._limits, memory)
                        await self._run(_Asked(request, asked, body, session, slot, files), send)
        except errors.ClickHouseError as error:
            await answer.refusal(self._engine, query_id, error)(request.scope, request.receive, send)
        except ClientDisconnect:
            log.info("a SQL client went away before its request was read")

    def _body_limit(self, request: Request) -> int:
        """What a body may have as it is sent; only a writer's is ever large."""
        reading = self._limits.statement_bytes + self._limits.external_bytes
        writes = self._engine.writable and request.method == "POST"
        return max(reading, self._limits.insert_bytes) if writes else reading

    async def _run(self, query: _Asked, send: Send) -> None:
        asked, body, session = query.parameters, query.body, query.session
        if not body.sql.strip():
            raise errors.syntax("Empty query: send SQL in the body or in the parameter `query`")
        database = asked.database or session.database or self._database
        settings = {**session.settings, **asked.settings}
        bound = {**asked.bound, **body.bound}
        question = Question(body.sql, bound, settings, database, asked.default_format, body.external)
        may_write = query.request.method == "POST"
        run: Run = await self._threaded(self._engine.open, question, may_write=may_write, kept=session.connection)
        try:
            if run.statement.verb in ("SET", "USE"):
                session.remember(run.statement)
                await self._done(query, send)
            elif run.statement.takes_data:
                summary = await self._threaded(answer.insert, self._engine, run, body.data, query.files)
                await self._done(query, send, summary)
            else:
                await self._stream(run, query, send)
        finally:
            if asked.session_id and session.connection is None and run.statement.makes_temporary:
                session.connection = run.connection
            kept = run.connection is session.connection
            await asyncio.shield(self._threaded(run.close, keep=kept))

    def close(self) -> None:
        """Forget the sessions, once no request is served any more."""
        self._sessions.close()

    async def _done(self, query: _Asked, send: Send, summary: Mapping[str, str] | None = None) -> None:
        head = answer.headers(self._engine, query.parameters.query_id, summary)
        await Response(b"", 200, head)(query.request.scope, query.request.receive, send)

    async def _stream(self, run: Run, query: _Asked, send: Send) -> None:
        asked, slot = query.parameters, query.slot
        watch = asyncio.create_task(self._cancel_on_disconnect(query.request, run))
        accepted = query.request.headers.get("accept-encoding", "") if asked.flag("enable_http_compression") else ""
        stream = answer.ResultStream(self._engine, run, asked.query_id, self._threaded, query.files, asked.revision)
        framed, whole = asked.flag("compress"), asked.flag("wait_end_of_query")
        slot.sending = asyncio.ensure_future(stream.send(slot.watched(send), accepted, framed=framed, whole=whole))
        try:
            await asyncio.wait_for(slot.sending, self._limits.answer_seconds)
        except TimeoutError:
            log.warning("gave up on a SQL client that did not read its answer in %g s", self._limits.answer_seconds)
        except asyncio.CancelledError:
            if not slot.made_room:
                raise
        finally:
            watch.cancel()

    async def _cancel_on_disconnect(self, request: Request, run: Run) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        await self._threaded(run.cancel)

    def _authenticate(self, asked: Parameters) -> None:
        if self._users is None:
            return
        expected = self._users.get(asked.user or "default")
        if expected is None or not hmac.compare_digest(expected.encode(), asked.password.encode()):
            raise errors.ClickHouseError(
                516,
                "AUTHENTICATION_FAILED",
                f"{asked.user or 'default'}: Authentication failed: password is incorrect, or there is no such user",
            )

    async def _threaded(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """Run a blocking call on a thread of this application's own allowance."""
        if self._threads is None:
            self._threads = CapacityLimiter(THREADS_A_QUERY * self._limits.concurrent_queries)
        return await to_thread.run_sync(lambda: call(*arguments, **named), limiter=self._threads)
