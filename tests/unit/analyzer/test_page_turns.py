"""Many readers of one page: it is read for all who wait, never older than a question, and a few pages at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from modelspan_analyzer.web.pages.turns import Turns


class Work:
    """Work that goes on until it is let go, and counts how often and how many at once it was done."""

    def __init__(self) -> None:
        self.begun, self.at_once, self._now = 0, 0, 0
        self.go, self._lock = threading.Event(), threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.begun, self._now = self.begun + 1, self._now + 1
            self.at_once, mine = max(self.at_once, self._now), self.begun
        assert self.go.wait(30)
        with self._lock:
            self._now -= 1
        return mine


async def until(holds: Callable[[], bool]) -> None:
    """Let the others go on until something holds."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


async def test_who_waits_for_the_same_shares_one_reading_and_who_asks_once_it_began_gets_the_next() -> None:
    turns, work = Turns(1), Work()
    first = asyncio.create_task(turns.share("page", work))
    await until(lambda: work.begun == 1)
    late = [asyncio.create_task(turns.share("page", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.go.set()
    assert await first == 1
    assert await asyncio.gather(*late) == [2] * 5


async def test_no_more_than_so_many_are_read_at_one_time() -> None:
    turns, work = Turns(2), Work()
    asked = [asyncio.create_task(turns.share(number, work)) for number in range(7)]
    await until(lambda: work.begun == 2)
    work.go.set()
    await asyncio.gather(*asked)
    assert (work.begun, work.at_once) == (7, 2)


async def test_what_failed_is_told_to_each_who_waited_and_is_tried_anew() -> None:
    turns = Turns(1)

    def fails() -> int:
        raise ValueError("no such model")

    asked = [asyncio.create_task(turns.share("page", fails)) for _ in range(3)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in told] == ["no such model"] * 3
    assert await turns.share("page", lambda: 7) == 7


async def test_a_reader_who_leaves_takes_nothing_from_the_others() -> None:
    turns, work = Turns(1), Work()
    leaves, stays = (asyncio.create_task(turns.share("page", work)) for _ in range(2))
    await until(lambda: work.begun == 1)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    work.go.set()
    assert await stays == 1
