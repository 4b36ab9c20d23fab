"""What becomes of requests that are under way when a server stops: they may end, then are sent away with a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from modelspan_collector.origins import App, Receive, Scope, Send

GRACE_SECONDS: Final = 4.0
"""How long after the stop a request may still end by itself."""
_SENTENCE: Final = b"modelspan is stopping and did not take this request: send it again when it is back\n"
_HEAD: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(_SENTENCE)).encode()),
    (b"retry-after", b"5"),
    (b"connection", b"close"),
]


@dataclass(eq=False, slots=True)
class _UnderWay:
    task: asyncio.Task[Any] | None
    answering: bool = False


class Ending:
    """Passes requests on, and ends those that are still under way when it is told to."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._under_way: set[_UnderWay] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: Callable[[], Iterable[Any]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; one that is ended before its answer began is answered 503."""
        self._loop = asyncio.get_running_loop()
        if self._connections is not None:  # it began while the server was being told to stop
            self._loop.call_later(GRACE_SECONDS, self._end)
        one = _UnderWay(asyncio.current_task())

        async def noting(message: MutableMapping[str, Any]) -> None:
            one.answering = True
            await send(message)

        self._under_way.add(one)
        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            if not one.answering:
                await send({"type": "http.response.start", "status": 503, "headers": _HEAD})
                await send({"type": "http.response.body", "body": _SENTENCE})
        finally:
            self._under_way.discard(one)

    def end_in_time(self, connections: Callable[[], Iterable[Any]]) -> None:
        """Have what is under way ended after the grace; from any thread.

        Args:
            connections: those of the server; one on which an answer is half out is cut, or it would pass for a whole.
        """
        self._connections, loop = connections, self._loop
        if loop is not None and self._under_way:
            loop.call_soon_threadsafe(lambda: loop.call_later(GRACE_SECONDS, self._end))

    def _end(self) -> None:
        for connection in list(self._connections() if self._connections else ()):
            cycle = connection.cycle
            if cycle is not None and cycle.response_started and not cycle.response_complete:
                connection.transport.abort()
        asyncio.get_running_loop().call_soon(self._cancel)  # once the connections know that they are lost

    def _cancel(self) -> None:
        for one in list(self._under_way):
            if one.task is not None:
                one.task.cancel()
