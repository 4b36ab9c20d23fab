"""Send one body until there is a final answer."""

from __future__ import annotations

import http.client
import random
import threading
import time

from modelspan._failsafe import swallowed
from modelspan.delivery.connect import Connected
from modelspan.delivery.http import Body

RETRYABLE = frozenset((408, 429, 502, 503, 504))
"""Answers after which the same request may succeed later (OTLP 1.x, "Retryable Response Codes", and 408)."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
"""Seconds of the back-off: doubled at each failure, and jittered over its whole length ("full jitter")."""
LONGEST_ASKED = 300.0
"""Seconds that a receiver may ask for."""

_uniform = random.SystemRandom().uniform


class Backoff:
    """The wait between two tries of a sender: ended for good by `stop`, cut short by `hurry`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.stopped = False
        self.hurries = 0
        """How often somebody could not wait."""

    def stop(self) -> None:
        """Try no more."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def hurry(self) -> None:
        """Try again now: somebody flushes, and the process may be about to end."""
        with self._changed:
            self.hurries += 1
            self._changed.notify_all()

    def wait(self, seconds: float, hurries: int | None) -> bool:
        """Wait so long, or until somebody hurries who had not when `hurries` was read (None: whoever hurries waits).

        Returns:
            Whether to go on.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or (hurries is not None and self.hurries > hurries), seconds)
            return not self.stopped


def deliver(
    connection: Connected, body: Body, what: str, backoff: Backoff, give_up: float = float("inf")
) -> bytes | None:
    """Send a body until the receiver accepts it, and return its answer.

    A receiver that does not answer, or asks for patience, is tried again, at most until the backoff is stopped or so
    many seconds have gone by; who hurries begins our own waits anew, not those that the receiver asked for.

    Raises:
        RefusedError: The receiver will never accept it.
    Returns:
        The body of the answer; None where it was given up.
    """
    wait, deadline = FIRST_WAIT, time.monotonic() + give_up
    while True:
        asked, hurries = None, backoff.hurries
        try:
            answer = connection.post(body)
        except (OSError, http.client.HTTPException) as error:
            swallowed(
                f"the collector does not answer; {what} wait, the oldest are dropped when there is no room", error
            )
        else:
            if 200 <= answer.status < 300:
                return answer.body
            if answer.status not in RETRYABLE:
                raise RefusedError(answer.status)
            asked = answer.retry_after
            swallowed(f"the collector answered with status {answer.status}; {what} wait")
        pause = _uniform(0, wait) if asked is None else min(asked, LONGEST_ASKED) + _uniform(0, FIRST_WAIT)
        wait = min(2 * wait, LONGEST_WAIT)
        if time.monotonic() + pause > deadline or not backoff.wait(pause, hurries if asked is None else None):
            return None
        if backoff.hurries > hurries:
            wait = FIRST_WAIT


class RefusedError(Exception):
    """The receiver refused a request for good."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status
