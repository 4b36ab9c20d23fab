"""Sessions: what SET and USE leave behind for the next request with the same `session_id`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from modelspan_collector.sqlhttp import errors, numbers
from modelspan_collector.sqlhttp.statement import Statement

DEFAULT_TIMEOUT_SECONDS = 60.0
MAX_TIMEOUT_SECONDS = 3600.0
MAX_SESSIONS = 1000
LOCK_SECONDS = 1.0
"""A client may send its next request while the last byte of its previous answer is still on the way."""


@dataclass(slots=True)
class Session:
    """One client's settings and database between requests."""

    settings: dict[str, str] = field(default_factory=dict)
    database: str = ""
    expires: float = 0.0
    """On the monotonic clock."""
    used: float = 0.0
    """When it was last used, likewise."""
    client: str = ""
    """The address of whoever began it."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: Any = None
    """Where its temporary tables are; None where it has none."""

    @property
    def remembers(self) -> bool:
        """True where something would be lost with it."""
        return bool(self.settings or self.database or self.connection is not None)

    def remember(self, statement: Statement) -> None:
        """Keep what SET or USE said."""
        if statement.verb == "USE":
            self.database = statement.body.removeprefix("USE ").strip().strip("`")
        else:
            self.settings.update(statement.settings)


class Sessions:
    """Every open session by its id; for use on one event loop."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    @asynccontextmanager
    async def use(self, session_id: str, asked: Mapping[str, str], client: str = "") -> AsyncIterator[Session]:
        """The session of one request: a new one for an unknown id, a passing one without an id.

        Raises:
            ClickHouseError: another request is using the session, or `session_check` finds none.
        """
        if not session_id:
            yield Session()
            return
        session = self._find(session_id, client, must_exist=asked.get("session_check") == "1")
        try:
            await asyncio.wait_for(session.lock.acquire(), LOCK_SECONDS)
        except TimeoutError:
            raise errors.ClickHouseError(
                373, "SESSION_IS_LOCKED", f"Session {session_id[:100]!r} is locked by a concurrent client"
            ) from None
        try:
            yield session
        finally:
            session.used = time.monotonic()
            asked_seconds = asked.get("session_timeout", "")
            session.expires = session.used + numbers.seconds(
                asked_seconds, DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
            )
            session.lock.release()

    def close(self) -> None:
        """Forget every session."""
        while self._open:
            _close(self._open.popitem()[1])

    def _find(self, session_id: str, client: str, *, must_exist: bool) -> Session:
        now = time.monotonic()
        for key in [key for key, kept in self._open.items() if not kept.lock.locked() and kept.expires <= now]:
            _close(self._open.pop(key))
        if session_id in self._open:
            return self._open[session_id]
        if must_exist:
            raise errors.ClickHouseError(372, "SESSION_NOT_FOUND", f"Session {session_id[:100]!r} not found")
        if len(self._open) >= MAX_SESSIONS:
            self._make_room()
        session = self._open[session_id] = Session(expires=now + DEFAULT_TIMEOUT_SECONDS, used=now, client=client)
        return session

    def _make_room(self) -> None:
        """Forget one that is not in use: of those with nothing to remember, else of whoever has most, the oldest."""
        idle = [(key, kept) for key, kept in self._open.items() if not kept.lock.locked()]
        if not idle:
            raise errors.ClickHouseError(
                202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"{MAX_SESSIONS} sessions are in use already"
            )
        many = Counter(kept.client for _, kept in idle)
        key, oldest = min(idle, key=lambda item: (item[1].remembers, -many[item[1].client], item[1].used))
        del self._open[key]
        _close(oldest)


def _close(session: Session) -> None:
    if session.connection is not None:
        session.connection.close()
