"""How a process that serves ends: within the time that those who stop processes give it, and with nothing lost.

What was acknowledged is in the log on disk, so a stop that takes too long may end as a kill would: what is left is
stored at the next start. Nor is there anything to wait for once all parts have stopped: taking an embedded engine and
an interpreter apart takes seconds.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

GRACE_SECONDS: Final = 8.0
"""Docker kills after ten seconds, Kubernetes after thirty."""
_LOOK_SECONDS: Final = 0.1


def told_to_end() -> Callable[[], None]:
    """Take SIGTERM and SIGINT from now on; what is returned waits for the first of them.

    It looks again and again and waits on no lock: a handler that sets an event which its own thread is about to wait on
    never ends, and a signal that another thread got wakes nobody who waits.
    """
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _: told.append(given))

    def wait() -> None:
        while not told:
            time.sleep(_LOOK_SECONDS)

    return wait


def leave(stop: Callable[[], None], grace: float = GRACE_SECONDS) -> NoReturn:
    """Stop, and end the process: with status 0 once everything has stopped, and at the latest after the grace.

    Args:
        stop: ends all parts; what it raises is raised.
        grace: seconds that it may take.
    """
    stopped = threading.Event()

    def watch() -> None:
        if not stopped.wait(grace):
            print(
                f"not everything stopped within {grace:g} s: what the store has not taken is in the log, and is stored "
                "at the next start",
                file=sys.stderr,
            )
            _end()

    threading.Thread(target=watch, name="modelspan-leaving", daemon=True).start()
    try:
        stop()
    finally:
        stopped.set()
    _end()


def _end() -> NoReturn:
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
