"""Remembers which requests were taken, so that a client that lost the answer and sends again does not store them
twice.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future


class Recent:
    """Digests of the records of the last `window` seconds, each with the future of its being on disk."""

    def __init__(self, window: float, most: int = 500_000) -> None:
        self.window = window
        self._most = most
        self._seen: OrderedDict[bytes, tuple[float, Future[None]]] = OrderedDict()

    def find(self, digest: bytes) -> Future[None] | None:
        """The future of a record that was taken within the window and has not failed."""
        found = self._seen.get(digest)
        if found is None or found[0] < time.monotonic() - self.window:
            return None
        future = found[1]
        return None if future.done() and future.exception() is not None else future

    def add(self, digest: bytes, written: Future[None]) -> None:
        """Remember a record; the oldest are forgotten."""
        now = time.monotonic()
        self._seen[digest] = (now, written)
        self._seen.move_to_end(digest)
        while len(self._seen) > self._most or next(iter(self._seen.values()))[0] < now - self.window:
            self._seen.popitem(last=False)

    def restore(self, digests: Iterable[bytes]) -> None:
        """Remember records that an earlier process took."""
        done: Future[None] = Future()
        done.set_result(None)
        if self.window > 0:
            for digest in digests:
                self.add(digest, done)
