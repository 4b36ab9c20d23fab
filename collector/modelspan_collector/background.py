"""A thread of a part's own: started, stopped, and waited for in one way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

log = logging.getLogger(__name__)


class Background:
    """Runs a function on a thread of its own, until it is told to stop; it may be started again then."""

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        """Begin with nothing running.

        Args:
            name: of the thread.
            run: given an event that is set when it has to end, to wait on instead of sleeping.
        """
        self.stopping = threading.Event()
        self._name = name
        self._run = run
        self._thread: threading.Thread | None = None

    @classmethod
    def every(cls, name: str, seconds: float, work: Callable[[], None]) -> Self:
        """Work after every so many seconds; what fails is logged, and ends nothing."""

        def run(stopping: threading.Event) -> None:
            while not stopping.wait(seconds):
                try:
                    work()
                except Exception:
                    log.exception("%s failed; it is tried again in %g s", name, seconds)

        return cls(name, run)

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._thread is None:
            self.stopping.clear()
            self._thread = threading.Thread(target=self._run, args=(self.stopping,), name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End what is under way, and return once it has ended; nothing where it was never started."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
