"""OTLP/HTTP: a plain ASGI application, `POST /v1/{traces,metrics,logs}` in protobuf or JSON; and `/v1/cloudevents`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from google.protobuf import json_format
from google.rpc import status_pb2

from modelspan_collector.access.tokens import Tenant, Tokens, bearer
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.errors import BadRequestError, BusyError, RefusedError, TooLargeError, UnsupportedError
from modelspan_collector.otlp.signals import SIGNALS, Signal
from modelspan_collector.receive import decode
from modelspan_collector.receive.arrivals import Arrivals
from modelspan_collector.receive.gate import Gate, Held, Receipt
from modelspan_collector.wal.journal import LogFullError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TEXT = "text/plain"
_PROTOBUF_TYPES = frozenset({PROTOBUF, "application/protobuf"})
"""What OTLP says, and what RFC 9791 calls the same."""
_BY_PATH = {signal.http_path: signal for signal in SIGNALS}


CLOUDEVENTS = "/v1/cloudevents"
_ELSEWHERE = (
    b"OTLP is at /v1/traces, /v1/metrics and /v1/logs, and CloudEvents of serving platforms at /v1/cloudevents\n"
)


class Taken(NamedTuple):
    """What to answer once something is on disk."""

    written: Future[None]
    answer: bytes


TakeEvents = Callable[[dict[str, str], bytes, Tenant], Taken]
"""Keeps the events of a request, given its headers and content."""


class HttpReceiver:
    """The application; one instance a collector."""

    def __init__(
        self,
        gate: Gate,
        tokens: Tokens,
        metrics: Metrics,
        *,
        events: TakeEvents,
        max_request_bytes: int,
        cors_origins: tuple[str, ...],
    ) -> None:
        """Describe it; `events` takes those of serving platforms."""
        self._gate = gate
        self._tokens = tokens
        self._metrics = metrics
        self._take_events = events
        self._limit = max_request_bytes
        self._origins = cors_origins
        self._arrivals = Arrivals(gate)
        self._workers = ThreadPoolExecutor(4, "modelspan-http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        signal = _BY_PATH.get(scope["path"])
        cors = self._cors(headers)
        if signal is None and scope["path"] != CLOUDEVENTS:
            await _send(send, 404, TEXT, _ELSEWHERE, cors)
        elif scope["method"] == "OPTIONS" and cors:
            await _send(send, 204, "text/plain", b"", cors)
        elif scope["method"] != "POST":
            await _send(send, 405, "text/plain", b"OTLP is sent with POST\n", [*cors, (b"allow", b"POST")])
        elif signal is None:
            await self._events(headers, receive, send, cors)
        else:
            await self._export(signal, headers, receive, send, cors)

    def close(self) -> None:
        """End the worker threads."""
        self._workers.shutdown()

    async def _export(
        self, signal: Signal, headers: dict[str, str], receive: Receive, send: Send, cors: list[tuple[bytes, bytes]]
    ) -> None:
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        answer = kind if kind == JSON or kind in _PROTOBUF_TYPES else TEXT

        def accept(body: bytes, tenant: Tenant, held: Held) -> Taken:
            if answer == TEXT:
                named = f"the content type {kind[:60]!r} is not OTLP" if kind else "the request has no content type"
                raise UnsupportedError(f"{named}; send `content-type: {PROTOBUF}` or `content-type: {JSON}`")
            receipt = self._accept(signal, kind, headers.get("content-encoding", ""), body, tenant, held)
            return Taken(receipt.written, _encode(receipt.response(), answer))

        await self._take(accept, headers.get("authorization", ""), answer, headers, receive, send, cors)

    async def _events(
        self, headers: dict[str, str], receive: Receive, send: Send, cors: list[tuple[bytes, bytes]]
    ) -> None:
        def accept(body: bytes, tenant: Tenant, held: Held) -> Taken:
            with self._gate.parsing:
                content = decode.decompress(headers.get("content-encoding", ""), body, self._limit, held.take)
                self._metrics.received_bytes.labels("cloudevents").inc(len(content))
                return self._take_events(headers, content, tenant)

        await self._take(accept, bearer(headers.get("authorization", "")), TEXT, headers, receive, send, cors)

    async def _take(
        self,
        accept: Callable[[bytes, Tenant, Held], Taken],
        authorization: str,
        answer: str,
        headers: dict[str, str],
        receive: Receive,
        send: Send,
        cors: list[tuple[bytes, bytes]],
    ) -> None:
        """Answer once what a request brought is on disk, or why it is not."""
        held = Held(self._gate)
        try:
            tenant = self._tokens.tenant(authorization)
            body = await self._body(headers, receive, held)
            taken = await asyncio.get_running_loop().run_in_executor(self._workers, accept, body, tenant, held)
            del body
            await asyncio.wrap_future(taken.written)
        except RefusedError as error:
            await self._refuse(send, error, answer, cors)
        except LogFullError as error:
            await self._refuse(send, BusyError(str(error), retry_after=5.0), answer, cors)
        else:
            self._metrics.requests.labels("http", "accepted").inc()
            await _send(send, 200, answer, taken.answer, cors)
        finally:
            held.release()

    def _accept(self, signal: Signal, kind: str, encoding: str, body: bytes, tenant: Tenant, held: Held) -> Receipt:
        with self._gate.parsing:
            content = decode.decompress(encoding, body, self._limit, held.take)
            self._metrics.received_bytes.labels(signal.name).inc(len(content))
            decoded = decode.json(signal, content) if kind == JSON else decode.protobuf(signal, content)
            return self._gate.accept(signal, decoded, tenant)

    async def _body(self, headers: dict[str, str], receive: Receive, held: Held) -> bytes:
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > self._limit:
            raise TooLargeError(f"the body is larger than the limit of {self._limit} bytes; send smaller batches")
        arrival = self._arrivals.begin(held)
        chunks = []
        try:
            while True:
                event = await arrival.event(receive)
                if event["type"] == "http.disconnect":
                    raise BadRequestError("the sender went away before the end of its body")
                chunk = event.get("body", b"")
                self._arrivals.take(arrival, len(chunk))
                if arrival.size > self._limit:
                    raise TooLargeError(
                        f"the body is larger than the limit of {self._limit} bytes; send smaller batches"
                    )
                chunks.append(chunk)
                if not event.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._arrivals.end(arrival)

    async def _refuse(self, send: Send, error: RefusedError, answer: str, cors: list[tuple[bytes, bytes]]) -> None:
        self._metrics.requests.labels("http", error.outcome).inc()
        status = status_pb2.Status(code=error.code.value[0], message=str(error))
        extra = list(cors)
        if error.retry_after is not None:
            extra.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
        if error.http_status == 401:
            extra.append((b"www-authenticate", b'Bearer realm="modelspan"'))
        await _send(send, error.http_status, answer, _encode(status, answer), extra)

    def _cors(self, headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
        origin = headers.get("origin", "")
        if not origin or not ("*" in self._origins or origin in self._origins):
            return []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", b"content-type, content-encoding, authorization"),
            (b"access-control-max-age", b"7200"),
            (b"vary", b"origin"),
        ]


def _encode(message: Any, kind: str) -> bytes:
    if kind == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    if kind == TEXT:
        return f"{message.message}\n".encode()
    return bytes(message.SerializeToString())


async def _send(send: Send, status: int, kind: str, body: bytes, extra: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
