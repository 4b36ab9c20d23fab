"""Telemetry never breaks its host: what fails in here is named once in a log line, counted, and swallowed."""

from __future__ import annotations

import logging
import threading
from collections import Counter

from modelspan._interrupts import pass_on

logger = logging.getLogger("modelspan")

failures: Counter[str] = Counter()
"""How often each place failed in this process, by the sentence that was logged for it."""

_lock = threading.Lock()
_MOST_SITES = 200


def reset_lock() -> None:
    """A forked child cannot know whether a thread of its parent held the lock."""
    global _lock
    _lock = threading.Lock()


def swallowed(where: str, error: BaseException | None = None) -> None:
    """Count a failure at a place, and log it the first time; never with the data that failed, which may be private.

    The interrupt of a process, such as a Ctrl-C, is not swallowed but goes on.
    """
    if error is not None:
        pass_on(error)
    try:
        with _lock:
            if where not in failures and len(failures) >= _MOST_SITES:
                return
            failures[where] += 1
            first = failures[where] == 1
        if first:
            cause = f" ({type(error).__name__})" if error is not None else ""
            logger.warning("modelspan: %s%s; the call itself is unaffected, and this is said once", where, cause)
    except Exception:  # noqa: BLE001, S110, RUF100 - a log handler of the application may raise
        pass
