"""Which queries run: so many at one time, and none for a client that does not read its answer while others wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Send

from modelspan_collector.sqlhttp import errors

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""A client that has not read for so long makes room where a query waits for it."""
FREEING_SECONDS = 10.0
"""Until a query that made room has ended."""
WAIT_SECONDS = 0.02
"""Between two looks."""


class Slot:
    """One running query, and whether its client reads."""

    def __init__(self) -> None:
        self.stalled_since: float | None = None
        """Since when an answer waits to be read, on the monotonic clock; None while it does not."""
        self.sending: asyncio.Future[None] | None = None
        """The answer under way; cancelled where it makes room."""
        self.made_room = False

    def make_room(self) -> None:
        """End the answer, as others wait."""
        log.warning("gave up on a SQL client that does not read its answer, as others wait")
        self.made_room = True
        if self.sending is not None:
            self.sending.cancel()

    def watched(self, send: Send) -> Send:
        """The channel of the answer, which notes how long the client lets it wait."""

        async def sending(event: MutableMapping[str, Any]) -> None:
            self.stalled_since = time.monotonic()
            await send(event)
            self.stalled_since = None

        return sending


class Slots:
    """All running queries; for use on one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[Slot] = set()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Slot]:
        """A slot for one query.

        Raises:
            ClickHouseError: all are taken, by clients that read their answers.
        """
        if len(self._taken) >= self._most:
            await self._make_room()
        if len(self._taken) >= self._most:
            raise errors.ClickHouseError(
                202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"{len(self._taken)} queries are running already: try again later"
            )
        slot = Slot()
        self._taken.add(slot)
        try:
            yield slot
        finally:
            self._taken.discard(slot)

    async def _make_room(self) -> None:
        """Wait for a slot, as long as one is held by a client that does not read, and end the one that is worst."""
        deadline = time.monotonic() + PATIENCE_SECONDS + FREEING_SECONDS
        while len(self._taken) >= self._most and time.monotonic() < deadline:
            stalled = [slot for slot in self._taken if slot.stalled_since is not None]
            if not stalled:
                return
            worst = min(stalled, key=lambda slot: (slot.made_room, slot.stalled_since))
            if not worst.made_room and time.monotonic() - (worst.stalled_since or 0.0) >= PATIENCE_SECONDS:
                worst.make_room()
            await asyncio.sleep(WAIT_SECONDS)
