"""Many readers of pages at once: few are read at a time, and who waits for the same page is given the same reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

import anyio
from starlette.concurrency import run_in_threadpool

Made = TypeVar("Made")
AT_ONCE: Final = 3
"""Pages that are read at one time: more of them only share the same cores, and all are late."""


class Turns:
    """Work in threads, so much at a time, first come first served: the rest waits without a thread.

    Threads are what health, metrics and the way in need too, so pages never take them all.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._waiting: dict[Hashable, asyncio.Future[Any]] = {}

    async def take(self, work: Callable[[], Made]) -> Made:
        """The work, in its turn."""
        async with self._limiter:
            return await run_in_threadpool(work)

    async def share(self, key: Hashable, work: Callable[[], Made]) -> Made:
        """The work, done once for all who ask for the same before it begins.

        Who asks once it has begun gets a turn of their own, as it may not see what was written since: so an answer is
        never older than its question.
        """
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.ensure_future(self._begin(key, work))
            found.add_done_callback(_seen)
        made: Made = await asyncio.shield(found)  # one reader who leaves takes nothing from the others
        return made

    async def _begin(self, key: Hashable, work: Callable[[], Made]) -> Made:
        async with self._limiter:
            del self._waiting[key]
            return await run_in_threadpool(work)


def _seen(done: asyncio.Future[Any]) -> None:
    """What failed is told to whoever waits; where nobody does any more, to nobody."""
    if not done.cancelled():
        done.exception()
