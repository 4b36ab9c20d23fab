"""Sends requests on, each destination from a queue and a thread of its own: a dead one holds up nobody.

The queues are in memory. What a destination does not take within its time, or what does not fit its queue, is dropped
and counted; the store has it all the same.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from modelspan_collector.forward.choose import choose
from modelspan_collector.forward.destination import Destination
from modelspan_collector.forward.send import Outcome, open_sender
from modelspan_collector.metrics import Metrics
from modelspan_collector.receive.signals import Signal

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_DRAIN_SECONDS = 5.0


class Forwarder:
    """All destinations of a collector."""

    def __init__(self, destinations: Sequence[Destination], metrics: Metrics) -> None:
        self._lanes = [_Lane(destination, metrics) for destination in destinations]

    def start(self) -> None:
        """Begin to send."""
        for lane in self._lanes:
            lane.start()

    def offer(self, signal: Signal, body: bytes, message: Any) -> None:
        """Queue a request for every destination that wants it; never waits."""
        for lane in self._lanes:
            lane.offer(signal, body, message)

    def stop(self) -> None:
        """Send what waits, for a few seconds at most, and end."""
        for lane in self._lanes:
            lane.stop()


class _Lane:
    def __init__(self, destination: Destination, metrics: Metrics) -> None:
        self._destination = destination
        self._count = metrics.forwarded
        self._queue: deque[tuple[Signal, bytes]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"modelspan-forward-{destination.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, signal: Signal, body: bytes, message: Any) -> None:
        if signal.name not in self._destination.signals:
            return
        if not self._destination.unfiltered:
            part = choose(message, self._destination)
            if part is None:
                return
            body = part.SerializeToString()
        with self._changed:
            if self._bytes + len(body) > self._destination.queue_bytes:
                self._done("dropped_queue_full")
                return
            self._queue.append((signal, body))
            self._bytes += len(body)
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stop_at = time.monotonic() + _DRAIN_SECONDS
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        sender = open_sender(self._destination)
        while (item := self._next()) is not None:
            self._deliver(sender, *item)
            with self._changed:
                self._bytes -= len(item[1])
        sender.close()

    def _next(self) -> tuple[Signal, bytes] | None:
        with self._changed:
            while not self._queue:
                if self._stop_at is not None:
                    return None
                self._changed.wait()
            return self._queue.popleft()

    def _deliver(self, sender: Any, signal: Signal, body: bytes) -> None:
        """Send one request, again and again until it is taken, refused, or too old."""
        wait, deadline = _FIRST_WAIT, time.monotonic() + self._destination.retry_seconds
        while True:
            outcome = sender.send(signal, body)
            if outcome is not Outcome.RETRY:
                self._done(outcome.value)
                return
            limit = deadline if self._stop_at is None else min(deadline, self._stop_at)
            if time.monotonic() >= limit:
                self._done("dropped_too_old")
                return
            pause = min(wait * random.uniform(0.5, 1.0), max(0.0, limit - time.monotonic()))  # noqa: S311 - only jitter
            with self._changed:
                self._changed.wait(pause)
            wait = min(_LONGEST_WAIT, wait * 2)

    def _done(self, outcome: str) -> None:
        self._count.labels(self._destination.name, outcome).inc()
