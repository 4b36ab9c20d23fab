"""Segments that wait are joined into inserts, and a crash at any point leaves what the same token is right for."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from modelspan_collector.wal import record
from modelspan_collector.wal.backlog import Batch
from modelspan_collector.wal.journal import Log, LogOptions
from modelspan_collector.wal.record import Kind
from modelspan_collector.wal.segment import retire

OPTIONS = LogOptions(segment_bytes=1000, segment_seconds=60.0)


def opened(folder: Path) -> Log:
    log = Log(folder, OPTIONS, queue.Queue().put)
    log.start()
    return log


def fill(folder: Path, numbers: range) -> None:
    """Leave sealed segments of one record each."""
    log = opened(folder)
    for number in numbers:
        log.append([record.make(Kind.OTLP, number, bytes([number]) * 100)]).result()
        log.flush()
    log.stop()


def payloads(batch: Batch | None) -> list[bytes]:
    """The first byte of every record."""
    assert batch is not None
    return [each.payload[:1] for segment in batch.segments for each in segment.records()]


def digests(batch: Batch) -> list[list[bytes]]:
    return [[each.digest for each in segment.records()] for segment in batch.segments]


def test_waiting_segments_become_one_insert(tmp_path: Path) -> None:
    """As many as fit the size of one insert are taken together, in their order; then nothing is left."""
    fill(tmp_path, range(9))
    log = opened(tmp_path)
    assert payloads(log.backlog.take()) == [bytes([n]) for n in range(7)]
    assert payloads(log.backlog.take()) == [b"\x07", b"\x08"]
    assert log.backlog.take() is None
    log.stop()


def test_a_batch_is_the_same_after_a_crash(tmp_path: Path) -> None:
    """What was tried together is tried together again, under the same token, and nothing joins it."""
    fill(tmp_path, range(2))
    first = opened(tmp_path)
    tried = first.backlog.take()
    assert tried is not None
    first.stop()
    fill(tmp_path, range(2, 3))
    second = opened(tmp_path)
    again = second.backlog.take()
    assert again is not None
    assert (again.token, payloads(again)) == (tried.token, payloads(tried))
    assert payloads(second.backlog.take()) == [b"\x02"]
    second.stop()


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_crash_while_a_stored_batch_is_removed(tmp_path: Path, first: int) -> None:
    """One segment's digests are there, the others still wait: all are stored, so nothing is sent again."""
    fill(tmp_path, range(3))
    before = opened(tmp_path)
    batch = before.backlog.take()
    assert batch is not None
    retire(batch.segments[first], digests(batch)[first])
    before.stop()
    after = opened(tmp_path)
    assert after.backlog.take() is None
    assert after.waiting_bytes == 0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".ids"] * 3
    sent_again = [record.make(Kind.OTLP, 9, bytes([n]) * 100) for n in range(3)]
    after.append(sent_again).result()
    assert after.waiting_bytes == 0
    after.stop()


def test_retiring_empties_the_log(tmp_path: Path) -> None:
    """A stored batch takes no budget, and nothing lags."""
    fill(tmp_path, range(3))
    log = opened(tmp_path)
    batch = log.backlog.take()
    assert batch is not None
    assert log.backlog.lag() > 0
    log.retire(batch, digests(batch))
    assert (log.waiting_bytes, log.backlog.lag()) == (0, 0.0)
    log.stop()


def test_a_trickle_of_small_segments_waits_longer_than_the_first_or_a_large_one(tmp_path: Path) -> None:
    """Each becomes an insert with files of its own, so what came right after another waits, while it is small."""
    log = Log(tmp_path, LogOptions(segment_seconds=100.0, sync=False), lambda _: None)
    log.start()
    ages = []
    for size in (10, 11, 2 << 20):
        log.append([record.make(Kind.OTLP, 1, bytes(size))]).result()
        assert log._open is not None
        ages.append(log._age(log._open))
        log.flush()
    log.stop()
    assert ages == [100.0, 500.0, 100.0]
