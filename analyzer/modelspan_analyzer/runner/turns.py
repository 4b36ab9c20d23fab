"""Work of several lanes, side by side and in turn, so that none keeps the others waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Step = TypeVar("Step")


def in_turn(
    lanes: Sequence[Iterator[Step]], workers: int, enough: Callable[[], bool] = lambda: False
) -> tuple[list[Step], int]:
    """Take one step of each lane, then the next one of each, and so on: one that is slow or long delays no other.

    Args:
        lanes: a lane's steps follow each other, one at a time; what a step raises ends everything.
        workers: steps of different lanes that are taken at once.
        enough: whether to leave it at that; every lane's first step is taken all the same.

    Returns:
        What the steps gave, and how many lanes were left before their end.
    """
    turns = _Turns(lanes, enough)
    wanted = min(workers, len(lanes))
    if wanted <= 1:
        turns.work()
    else:
        with ThreadPoolExecutor(wanted, "modelspan-analyzer") as pool:
            for done in [pool.submit(turns.work) for _ in range(wanted)]:
                done.result()
    return turns.steps, turns.left


class _Turns(Generic[Step]):
    def __init__(self, lanes: Sequence[Iterator[Step]], enough: Callable[[], bool]) -> None:
        self.steps: list[Step] = []
        self.left = 0
        self._waiting = deque((lane, True) for lane in lanes)
        self._enough = enough
        self._lock = threading.Lock()
        self._failed = False

    def work(self) -> None:
        """Take steps until no lane waits."""
        while (turn := self._next()) is not None:
            try:
                step = next(turn)
            except StopIteration:
                continue
            except BaseException:
                self._failed = True
                raise
            with self._lock:
                self.steps.append(step)
                self._waiting.append((turn, False))

    def _next(self) -> Iterator[Step] | None:
        with self._lock:
            while self._waiting and not self._failed:
                lane, first = self._waiting.popleft()
                if first or not self._enough():
                    return lane
                self.left += 1
        return None
