"""Bodies on their way in: a sender that stalls holds up nobody but itself.

Every body has a deadline that grows with what has come of it. And where there is no room for a new one, the oldest
that is still on its way goes, if it has been for a while: senders that send are not kept out by those that do not.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from modelspan_collector.otlp.errors import BusyError
from modelspan_collector.receive.gate import Gate, Held

SILENT_SECONDS: Final = 10.0
"""Without a byte."""
FIRST_SECONDS: Final = 15.0
SLOWEST_BYTES: Final = 64 << 10
"""Bytes a second that a body must come at, after the first seconds."""
_SETTLED_SECONDS: Final = 2.0
"""A body that has been on its way for less is not given up for another."""
_SWEEP_SECONDS: Final = 1.0


class Arrival:
    """One body on its way."""

    def __init__(self, held: Held, now: float) -> None:
        self.held = held
        self.size = 0
        self.began = self.moved = now
        self.given_up = ""
        """Why, once it is."""
        self._task = asyncio.current_task()

    def overdue(self, now: float) -> bool:
        """Whether its sender is too slow."""
        return now > min(self.moved + SILENT_SECONDS, self.began + FIRST_SECONDS + self.size / SLOWEST_BYTES)

    def give_up(self, why: str) -> None:
        """End it: its room is free at once, and its task raises `BusyError`."""
        self.given_up = why
        self.held.release()
        if self._task is not None:
            self._task.cancel()

    async def event(self, receive: Any) -> Any:
        """What comes next.

        Raises:
            BusyError: the body was given up.
        """
        try:
            return await receive()
        except asyncio.CancelledError:
            if not self.given_up:
                raise
            if self._task is not None and hasattr(self._task, "uncancel"):
                self._task.uncancel()
            raise BusyError(self.given_up) from None


class Arrivals:
    """The bodies on their way to one event loop."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: dict[Arrival, None] = {}
        self._sweeping = False

    def begin(self, held: Held) -> Arrival:
        """Note that a body is on its way; `end` has to follow."""
        loop = asyncio.get_running_loop()
        arrival = Arrival(held, loop.time())
        self._waiting[arrival] = None
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(_SWEEP_SECONDS, self._sweep)
        return arrival

    def end(self, arrival: Arrival) -> None:
        """Note that a body is there, or given up."""
        self._waiting.pop(arrival, None)

    def take(self, arrival: Arrival, size: int) -> None:
        """Make room for bytes that came.

        Raises:
            BusyError: there is none, and no body that has been on its way for long.
        """
        arrival.moved = asyncio.get_running_loop().time()
        arrival.size += size
        while True:
            try:
                return arrival.held.take(size)
            except BusyError:
                oldest = next(iter(self._waiting))
                if oldest is arrival or arrival.moved - oldest.began < _SETTLED_SECONDS:
                    raise
                self._give_up(oldest, "there is no room for a body that is so slow to come; send it again, in one go")

    def _give_up(self, arrival: Arrival, why: str) -> None:
        self.end(arrival)
        arrival.give_up(why)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for arrival in [each for each in self._waiting if each.overdue(loop.time())]:
            self._give_up(arrival, "the body did not come in time; send it again, in one go")
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            loop.call_later(_SWEEP_SECONDS, self._sweep)
