"""Sealed segments that wait for the store, and how they are joined into inserts.

The longer the store takes, the more segments wait, and the more of them one insert takes: a backlog of many small
ones, from many restarts or from a slow server, costs few inserts. A deduplication token stands for what an insert
holds, so that has to be the same after a crash: before the first attempt the files are renamed to
`<segment>@<token>`. A crash between the renames leaves a batch that was never tried. A crash while a stored batch is
removed leaves digests (`<segment>@<token>.ids`), which say that the whole of it is stored.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from modelspan_collector.wal.segment import Segment, assign, sync_folder


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments that become one insert."""

    token: str
    """The deduplication token of the insert; the same after a crash."""
    segments: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """Bytes of its segments."""
        return sum(segment.size for segment in self.segments)


class Backlog:
    """The sealed segments of one log."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._fresh: deque[Segment] = deque()
        self._batches: dict[str, list[Segment]] = {}
        self._waiting: dict[str, float] = {}

    def add(self, segments: Iterable[Segment]) -> None:
        """Let segments wait. Those of one batch have to come together."""
        with self._lock:
            for segment in segments:
                self._waiting[segment.name] = segment.sealed_at
                if segment.batch:
                    self._batches.setdefault(segment.batch, []).append(segment)
                else:
                    self._fresh.append(segment)

    def take(self) -> Batch | None:
        """The next batch: one that an earlier process formed, or as many segments as one insert may hold.

        Raises:
            OSError: the files cannot be renamed; the segments wait on.
        """
        with self._lock:
            if self._batches:
                token = next(iter(self._batches))
                return Batch(token, tuple(self._batches.pop(token)))
            chosen = self._choose()
        if not chosen:
            return None
        token = chosen[0].name
        try:
            for index, segment in enumerate(chosen):
                chosen[index] = assign(segment, token)
            sync_folder(chosen[0].path.parent)
        except OSError:
            with self._lock:
                self._fresh.extendleft(reversed(chosen))
            raise
        return Batch(token, tuple(chosen))

    def remove(self, batch: Batch) -> None:
        """Forget a batch that is stored."""
        with self._lock:
            for segment in batch.segments:
                self._waiting.pop(segment.name, None)

    def lag(self) -> float:
        """Seconds for which the oldest segment has been waiting."""
        with self._lock:
            oldest = min(self._waiting.values(), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    def _choose(self) -> list[Segment]:
        chosen: list[Segment] = []
        size = 0
        while self._fresh and (not chosen or size + self._fresh[0].size <= self._most_bytes):
            chosen.append(self._fresh.popleft())
            size += chosen[-1].size
        return chosen
