"""Telemetry never breaks its host: what fails in here is named once in a log line, counted, and swallowed.

`with guard(...)` is how; `with attempt()` where another way follows, so that nothing is lost. On the path of a call,
where entering a block would take longer than what it guards, an `except` says the same and ends in `swallowed`.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from types import TracebackType
from typing import TypeVar

from modelspan._interrupts import pass_on

logger = logging.getLogger("modelspan")

failures: Counter[str] = Counter()
"""How often each place failed in this process, by the sentence that was logged for it."""

_Self = TypeVar("_Self", bound="attempt")
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
            logger.disabled = False  # `dictConfig` disables what it does not name; who wants silence sets a level
            logger.warning("modelspan: %s%s; the call itself is unaffected, and this is said once", where, cause)
    except Exception:  # noqa: BLE001, S110, RUF100 - a log handler of the application may raise
        pass


class attempt:  # noqa: N801 - reads as a verb where it is used
    """A block that may fail at no cost, since what follows it is another way; the interrupt of a process goes on.

    It holds no `yield`: what is thrown into a generator is its consumer's.
    """

    __slots__ = ("failed",)
    failed: type[BaseException] | None
    """What the block failed with; its type, as the exception itself would keep alive all that its frames hold."""

    def __init__(self) -> None:
        self.failed = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        self._end(error)
        self.failed = type(error)
        return True

    def _end(self, error: BaseException) -> None:
        pass_on(error)


class guard(attempt):  # noqa: N801 - reads as a verb where it is used
    """A block whose failure is counted and named once (see `swallowed`), and goes no further."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        """Guard a block by the sentence that says what its failure costs."""
        super().__init__()
        self._where = where

    def _end(self, error: BaseException) -> None:
        swallowed(self._where, error)
