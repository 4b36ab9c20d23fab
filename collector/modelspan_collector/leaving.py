"""How a process that serves ends: within the time that those who stop processes give it, and with nothing lost.

What was acknowledged is in the log on disk, so a stop that takes too long may end as a kill would: what is left is
stored at the next start. Nor is there anything to wait for once all parts have stopped: taking an embedded engine and
an interpreter apart takes seconds.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

GRACE_SECONDS: Final = 8.0
"""Docker kills after ten seconds, Kubernetes after thirty."""


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
