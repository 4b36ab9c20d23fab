"""gRPC calls whose message is still on its way: each holds a thread, so none may for long, and not all of them.

The rule is that of `arrivals`: a deadline for each, and where too many wait the oldest goes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc

from modelspan_collector.background import Background

SECONDS: Final = 15.0
"""For a message to come."""
_SWEEP_SECONDS: Final = 1.0


class Calls:
    """The calls that wait for their message."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Any, float] = {}
        self._lock = threading.Lock()
        self._background = Background.every("modelspan-grpc-deadlines", _SWEEP_SECONDS, self._sweep)

    def start(self) -> None:
        """Begin to watch deadlines."""
        self._background.start()

    def stop(self) -> None:
        """End the watch."""
        self._background.stop()

    @contextmanager
    def arriving(self, context: Any) -> Iterator[None]:
        """While this is open the call waits for its message; where it is given up the message is just not there."""
        with self._lock:
            surplus = next(iter(self._waiting)) if len(self._waiting) >= self._most else None
            self._waiting[context] = time.monotonic()
        if surplus is not None:
            self._give_up(surplus)
        try:
            yield
        except grpc.RpcError:  # cancelled, by us or by the client
            pass
        finally:
            with self._lock:
                self._waiting.pop(context, None)

    def _give_up(self, context: Any) -> None:
        with self._lock:
            if self._waiting.pop(context, None) is None:
                return
        context.cancel()

    def _sweep(self) -> None:
        horizon = time.monotonic() - SECONDS
        with self._lock:
            overdue = [context for context, since in self._waiting.items() if since < horizon]
        for context in overdue:
            self._give_up(context)
