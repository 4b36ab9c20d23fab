"""Sessions: what SET and USE leave behind for the next request with the same `session_id`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from modelspan_collector.sqlhttp import errors
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
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: Any = None
    """Where its temporary tables are; None where it has none."""

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
    async def use(self, session_id: str, asked: Mapping[str, str]) -> AsyncIterator[Session]:
        """The session of one request: a new one for an unknown id, a passing one without an id.

        Raises:
            ClickHouseError: another request is using the session, `session_check` finds none, or there are too many.
        """
        if not session_id:
            yield Session()
            return
        session = self._find(session_id, must_exist=asked.get("session_check") == "1")
        try:
            await asyncio.wait_for(session.lock.acquire(), LOCK_SECONDS)
        except (TimeoutError, asyncio.TimeoutError):
            raise errors.ClickHouseError(
                373, "SESSION_IS_LOCKED", f"Session {session_id!r} is locked by a concurrent client"
            ) from None
        try:
            yield session
        finally:
            session.expires = time.monotonic() + _timeout(asked.get("session_timeout", ""))
            session.lock.release()

    def close(self) -> None:
        """Forget every session."""
        while self._open:
            _close(self._open.popitem()[1])

    def _find(self, session_id: str, *, must_exist: bool) -> Session:
        now = time.monotonic()
        for key in [key for key, kept in self._open.items() if not kept.lock.locked() and kept.expires <= now]:
            _close(self._open.pop(key))
        if session_id in self._open:
            return self._open[session_id]
        if must_exist:
            raise errors.ClickHouseError(372, "SESSION_NOT_FOUND", f"Session {session_id!r} not found")
        if len(self._open) >= MAX_SESSIONS:
            raise errors.ClickHouseError(
                202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"{MAX_SESSIONS} sessions are open already"
            )
        session = self._open[session_id] = Session(expires=now + DEFAULT_TIMEOUT_SECONDS)
        return session


def _close(session: Session) -> None:
    if session.connection is not None:
        session.connection.close()


def _timeout(asked: str) -> float:
    try:
        return min(float(asked), MAX_TIMEOUT_SECONDS)
    except ValueError:
        return DEFAULT_TIMEOUT_SECONDS
