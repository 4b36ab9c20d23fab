"""How long a server waits for the bytes of a request: so that one who sends none keeps nobody else out.

A head must be whole in some seconds and some bytes, a body must come at some pace. Where too many connections are open,
the one that is waited for longest is closed first, and never one whose request is being answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

try:
    import resource
except ImportError:  # there are no limits of that kind on Windows
    MOST_FILES = 1024
else:
    MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

HEAD_SECONDS = 15.0
HEAD_BYTES = 256 * 1024
STALL_SECONDS = 20.0
"""How far a body may fall behind its pace; only time in which the server would read is counted."""
BYTES_A_SECOND = 8 * 1024
TICK_SECONDS = 1.0
MOST_CONNECTIONS = max(16, min(1000, MOST_FILES // 5))
"""Of one port; there are three, and the store needs files too."""


class PatientProtocol(HttpToolsProtocol):
    """One connection, with an end to the wait for a request."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    """Of a head that is not whole."""
    _heads = 0
    """How many heads have come."""
    _left = STALL_SECONDS
    """How long the body may still stall."""
    _whole = True
    """Whether nothing of a request's body is missing."""
    waiting_since: float | None = None
    """Since when bytes of the client are waited for; None while its request is answered.

    The loop's own clock stands still within a turn: of clients of one turn the newest could be taken for the idlest.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > MOST_CONNECTIONS:
            _close_the_idlest(self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._set_timer(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, within a head's bounds."""
        if self._whole and self._timer is None and self.waiting_since is not None:
            self._await_head()  # a second request on the connection
        heads = self._heads
        super().data_received(data)
        if self._whole and self._heads == heads:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, f"the head of a request may have {HEAD_BYTES} bytes at most")

    def on_headers_complete(self) -> None:
        """The head is there; its body has its own time."""
        self._heads += 1
        self._head_bytes = 0
        self._left = STALL_SECONDS
        self._whole = False
        self._set_timer(self.loop.call_later(TICK_SECONDS, self._tick))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """What comes at its pace takes nothing of the body's time."""
        self._left = min(STALL_SECONDS, self._left + len(body) / BYTES_A_SECOND)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: the next move is ours, unless it has been answered already."""
        self._whole = True
        self._set_timer(None)
        self.waiting_since = time.monotonic() if self.cycle is None or self.cycle.response_complete else None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out: the next move is the client's."""
        if not self.pipeline:
            self.waiting_since = time.monotonic()
        super().on_response_complete()

    def _await_head(self) -> None:
        self.waiting_since = time.monotonic()
        self._set_timer(self.loop.call_later(HEAD_SECONDS, self._head_is_late))

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._refuse(408, f"the head of a request must come within {HEAD_SECONDS:g} s")
        else:
            self.transport.close()

    def _tick(self) -> None:
        if not self.flow.read_paused:
            self._left -= TICK_SECONDS
        if self._left > 0:
            self._set_timer(self.loop.call_later(TICK_SECONDS, self._tick))
            return
        self.cycle.disconnected = True  # for the application the sender has gone away
        self.cycle.message_event.set()
        self._refuse(408, f"the body came too slowly: {BYTES_A_SECOND} bytes a second are expected")

    def _refuse(self, status: int, sentence: str) -> None:
        self._set_timer(None)
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()  # an answer is under way, which the sentence would be taken for a part of
            return
        body = f"{sentence}\n"
        headers = f"content-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close"
        self.transport.write(f"HTTP/1.1 {status} \r\n{headers}\r\n\r\n{body}".encode())
        self.transport.close()

    def _set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer


def _close_the_idlest(connections: Iterable[object]) -> None:
    waited_for = [
        other for other in connections if isinstance(other, PatientProtocol) and other.waiting_since is not None
    ]
    if waited_for:
        min(waited_for, key=lambda other: other.waiting_since or 0.0).transport.abort()
