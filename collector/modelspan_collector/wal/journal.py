"""The write-ahead log of one signal: append, group commit, rotation, replay.

A thread of its own takes whatever has been appended since the last `fsync`, writes it in one go, waits for the disk
once, and answers all its senders. A segment is sealed by size or age and queued for the writer.
"""

from __future__ import annotations

import errno
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from modelspan_collector.store.aside import own
from modelspan_collector.wal import segment as segments
from modelspan_collector.wal.backlog import Backlog, Batch
from modelspan_collector.wal.recent import Recent
from modelspan_collector.wal.record import Record
from modelspan_collector.wal.segment import OpenSegment, Segment

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RETRY_SUFFIX = ".retry"
"""A dead letter that is to be tried again carries this suffix in the log's folder."""
_SCAN_SECONDS = 1.0
_PATIENT = 5
"""Times the usual age of a segment that one may reach which is small, and follows another: each becomes an insert with
files of its own, in every table and view, however few its rows are.
"""
_SMALL_BYTES = 1 << 20


class LogFullError(Exception):
    """The log is at its budget or the disk is full: the sender has to come back later."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a log trades latency, throughput and safety."""

    segment_bytes: int = 32 << 20
    segment_seconds: float = 1.0
    budget_bytes: int = 4 << 30
    sync: bool = True
    """False answers before the disk has the bytes: a crash of the machine, not of the process, may lose the last
    seconds.
    """
    retry_window: float = 600.0
    """Seconds for which a request that is sent again, byte for byte, is recognised."""


@dataclass(slots=True)
class _Group:
    """What one `append` asked for."""

    records: Sequence[Record]
    written: Future[None]


@dataclass(slots=True)
class Replay:
    """What was found when the log was opened."""

    segments: int = 0
    records: int = 0
    torn_bytes: int = 0


@dataclass(slots=True)
class _Usage:
    """Bytes on disk, and on their way there."""

    stored: int = 0
    pending: int = 0


class Log:
    """An append-only log in a folder of its own."""

    def __init__(self, folder: Path, options: LogOptions, sealed: Callable[[Log], None]) -> None:
        """Describe the log; `sealed` is called with it for every segment that waits to be taken from its backlog."""
        self.folder = folder
        self.options = options
        self.replay = Replay()
        self.backlog = Backlog(options.segment_bytes)
        self._sealed = sealed
        self._recent = Recent(options.retry_window)
        self._lock = threading.Lock()
        self._usage = _Usage()
        self._refused = 0
        self._waiting: queue.Queue[_Group | None] = queue.Queue()
        self._open: OpenSegment | None = None
        self._sealed_at = -float("inf")
        self._steady = False
        """Whether the open segment came right after another."""
        self._identity = uuid.uuid4().hex
        self._sequence = 0
        self._retired: dict[Path, float] = {}
        self._thread = threading.Thread(target=self._run, name=f"modelspan-log-{folder.name}", daemon=True)

    # --- for receivers -------------------------------------------------------------------------

    def append(self, records: Sequence[Record]) -> Future[None]:
        """Write records; the future is done when they are on disk, and fails with `LogFullError` where they cannot be.

        A record that was taken within the retry window is not written again.

        Raises:
            LogFullError: the log is at its budget.
        """
        with self._lock:
            fresh, futures = [], []
            for record in records:
                known = self._recent.find(record.digest)
                if known is not None:
                    futures.append(known)
                else:
                    fresh.append(record)
            if fresh:
                size = sum(record.size for record in fresh)
                if self._usage.stored + self._usage.pending + size > self.options.budget_bytes:
                    self._refused = size
                    raise LogFullError(
                        f"the log {self.folder.name} is at its budget of {self.options.budget_bytes} bytes"
                    )
                self._refused = 0
                self._usage.pending += size
                group = _Group(fresh, Future())
                futures.append(group.written)
                if self.options.retry_window > 0:
                    for record in fresh:
                        self._recent.add(record.digest, group.written)
                self._waiting.put(group)
        return all_done(futures)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for the store, on disk and in memory."""
        with self._lock:
            return self._usage.stored + self._usage.pending

    @property
    def broken_bytes(self) -> int:
        """Bytes of segments that were found damaged and are kept aside."""
        return sum(path.stat().st_size for path in self.folder.glob(f"*{segments.BROKEN_SUFFIX}"))

    @property
    def full(self) -> bool:
        """True while there is no room for the request that was refused last."""
        with self._lock:
            return self._refused > self.options.budget_bytes - self._usage.stored - self._usage.pending

    # --- life cycle ------------------------------------------------------------------------------

    def start(self) -> None:
        """Replay what an earlier process left, then take records."""
        own(self.folder)
        for path in sorted(self.folder.glob(f"*{segments.DIGESTS_SUFFIX}")):
            self._recent.restore(segments.read_digests(path))
            self._retired[path] = time.monotonic()
        stored = {segments.batch_of(path) for path in self._retired} - {""}
        self._recover(sorted(self.folder.glob(f"*{segments.SUFFIX}")), stored)
        self._thread.start()

    def flush(self) -> None:
        """Seal what has been appended so far, so that the writer takes it; returns when it is sealed."""
        group = _Group((), Future())
        self._waiting.put(group)
        group.written.result()

    def stop(self) -> None:
        """Write what waits, seal, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    # --- for the writer --------------------------------------------------------------------------

    def retire(self, batch: Batch, digests: Sequence[Sequence[bytes]]) -> None:
        """Forget a batch whose rows are in the store, given the digests of each segment's records."""
        retired = [segments.retire(segment, each) for segment, each in zip(batch.segments, digests, strict=True)]
        self.backlog.remove(batch)
        with self._lock:
            self._usage.stored -= batch.size
            self._retired.update(dict.fromkeys(retired, time.monotonic()))

    # --- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        scanned = time.monotonic()
        running = True
        while running:
            groups = self._take()
            running = None not in groups
            self._commit([group for group in groups if group is not None and group.records])
            flushes = [group for group in groups if group is not None and not group.records]
            if flushes or not running or self._due():
                self._seal()
            for group in flushes:
                group.written.set_result(None)
            if time.monotonic() - scanned > _SCAN_SECONDS:
                scanned = time.monotonic()
                self._house_keep()

    def _take(self) -> list[_Group | None]:
        """All groups that wait; blocks until there is one or the open segment is due."""
        wait = _SCAN_SECONDS
        if self._open is not None:
            wait = max(0.0, self._open.began + self._age(self._open) - time.monotonic())
        groups: list[_Group | None] = []
        try:
            groups.append(self._waiting.get(timeout=wait))
            while True:
                groups.append(self._waiting.get_nowait())
        except queue.Empty:
            return groups

    def _commit(self, groups: Sequence[_Group]) -> None:
        if not groups:
            return
        records = [record for group in groups for record in group.records]
        size = sum(record.size for record in records)
        failure: Exception | None = None
        try:
            self._segment().write(records, sync=self.options.sync)
        except OSError as error:
            failure = LogFullError(f"cannot write to {self.folder}: {error.strerror}")
        with self._lock:
            self._usage.pending -= size
            self._usage.stored += 0 if failure else size
        for group in groups:
            if failure is None:
                group.written.set_result(None)
            else:
                group.written.set_exception(failure)

    def _segment(self) -> OpenSegment:
        if self._open is None:
            self._sequence += 1
            self._steady = time.monotonic() - self._sealed_at < 2 * self.options.segment_seconds
            self._open = OpenSegment(self.folder / f"{self._identity}-{self._sequence:09d}{segments.SUFFIX}")
            segments.sync_folder(self.folder)
        return self._open

    def _due(self) -> bool:
        opened = self._open
        if opened is None:
            return False
        age = time.monotonic() - opened.began
        return opened.size >= self.options.segment_bytes or age >= self._age(opened)

    def _age(self, opened: OpenSegment) -> float:
        """Seconds after which a segment is sealed: the first one of a burst soon, small ones of a trickle later."""
        patient = self._steady and opened.size < _SMALL_BYTES
        return self.options.segment_seconds * (_PATIENT if patient else 1)

    def _seal(self) -> None:
        if self._open is None:
            return
        segment, self._open, self._sealed_at = self._open.seal(), None, time.monotonic()
        if segment.size == 0:
            segment.path.unlink()
            return
        self._queue([segment])

    def _queue(self, sealed: Sequence[Segment]) -> None:
        self.backlog.add(sealed)
        for _ in sealed:
            self._sealed(self)

    def _recover(self, paths: Iterable[Path], stored: Set[str] = frozenset()) -> None:
        """Take over the segments that an earlier process left, those of one batch together; `stored` are the tokens of
        batches that it had no time to remove.
        """
        found: list[Segment] = []
        for path in paths:
            segment, digests, torn = segments.recover(path)
            self.replay.torn_bytes += torn
            if segment is None:
                continue
            with self._lock:
                self._recent.restore(digests)
                if segment.batch in stored:
                    self._retired[segments.retire(segment, digests)] = time.monotonic()
                    continue
                self._usage.stored += segment.size
            found.append(segment)
            self.replay.records += len(digests)
        self.replay.segments += len(found)
        self._queue(found)

    def _house_keep(self) -> None:
        """Forget digests beyond the retry window, and take up dead letters that are to be tried again."""
        with self._lock:
            horizon = time.monotonic() - self.options.retry_window
            expired = [path for path, at in self._retired.items() if at < horizon]
            for path in expired:
                del self._retired[path]
        for path in expired:
            path.unlink(missing_ok=True)
        letters = list(self.folder.glob(f"*{RETRY_SUFFIX}"))
        self._recover([path.rename(path.with_suffix(segments.SUFFIX)) for path in letters])


def all_done(futures: Sequence[Future[None]]) -> Future[None]:
    """A future that is done when all are, and fails with the first failure."""
    if len(futures) == 1:
        return futures[0]
    joined: Future[None] = Future()
    left = [len(futures)]
    lock = threading.Lock()

    def done(future: Future[None]) -> None:
        with lock:
            left[0] -= 1
            last = left[0] == 0
        error = future.exception()
        if error is not None and not joined.done():
            joined.set_exception(error)
        elif last and not joined.done():
            joined.set_result(None)

    for future in futures:
        future.add_done_callback(done)
    return joined
