"""Sends requests on to every destination that wants them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path

from modelspan_collector.forward.choose import choose
from modelspan_collector.forward.destination import Destination
from modelspan_collector.forward.lane import Lane
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.signals import Signal
from modelspan_collector.wal.journal import LogOptions

_LOGGER = logging.getLogger(__name__)


class Forwarder:
    """All destinations of a collector, each with a queue of its own on disk: a dead one holds up nobody."""

    def __init__(
        self, destinations: Sequence[Destination], folder: Path, options: LogOptions, metrics: Metrics
    ) -> None:
        """Prepare the queues.

        Args:
            destinations: where requests go.
            folder: where the queues are kept, each in a folder of its own.
            options: how the collector's own logs are kept; queues sync and recognise repetitions as those do.
            metrics: where outcomes are counted.
        """
        self._folder = folder
        self._lanes: list[Lane] = []
        known: Counter[str] = Counter()
        for destination in destinations:
            known[destination.identity] += 1
            name = f"{destination.identity}-{known[destination.identity]}"
            self._lanes.append(Lane(destination, folder / name, options, metrics))

    def start(self) -> None:
        """Begin to send, with what an earlier process left first."""
        for lane in self._lanes:
            lane.start()
        if self._folder.is_dir():
            for left in sorted({path.name for path in self._folder.iterdir()} - {lane.name for lane in self._lanes}):
                _LOGGER.warning("%s waits for a destination that is not given any more", self._folder / left)

    def offer(self, signal: Signal, body: bytes, tenant: str) -> list[Future[None]]:
        """Queue a request for every destination that wants it; never waits.

        Args:
            signal: what the request holds.
            body: the request.
            tenant: whose it is, for destinations that are told; '' where its token says of nobody.

        Returns:
            Futures, done when the request is on disk, or dropped and counted; they do not fail.
        """
        wanted = [lane for lane in self._lanes if signal.name in lane.destination.signals]
        message = None
        if any(tenant or not lane.destination.unfiltered for lane in wanted):
            message = signal.request.FromString(body)
        queued = []
        for lane in wanted:
            told = tenant if lane.destination.tenants else ""
            if lane.destination.unfiltered and not told:
                queued.append(lane.offer(signal, body))
            elif (part := choose(message, lane.destination, told)) is not None:
                queued.append(lane.offer(signal, part.SerializeToString()))
        return queued

    @contextmanager
    def still(self) -> Iterator[None]:
        """Leave the files of all queues alone; while nothing is offered."""
        with ExitStack() as stack:
            for lane in self._lanes:
                stack.enter_context(lane.still())
            yield

    def stop(self) -> None:
        """Send what waits, for a few seconds at most; what is left then is sent after the next start."""
        for lane in self._lanes:
            lane.stop()
