"""Sends what is in the outbox, one record at a time, until the receiver has acknowledged or refused it."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Mapping

from modelspan._failsafe import swallowed
from modelspan._settings import Settings
from modelspan.delivery import otlp
from modelspan.delivery.http import RETRYABLE, Answer, Connection
from modelspan.delivery.outbox import Outbox, Tally

FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
"""Seconds of the back-off: doubled at each failure, and jittered over its whole length ("full jitter")."""
LONGEST_ASKED = 300.0
"""Seconds that a receiver may ask for."""

_uniform = random.SystemRandom().uniform


class Sender:
    """A background thread."""

    def __init__(self, settings: Settings, resource: Mapping[str, object], outbox: Outbox, tally: Tally) -> None:
        self._settings = settings
        self._resource = resource
        self._outbox = outbox
        self._tally = tally
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modelspan-send", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End after the request that is under way, if it ends within so many seconds."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            connection = Connection(self._settings)
            resource = otlp.resource_of(self._resource)
        except Exception as error:
            swallowed("records cannot be sent, because the endpoint cannot be used", error)
            return
        while not self._stop.is_set():
            record = self._outbox.take(timeout=0.5)
            if record is None:
                continue
            try:
                self._tally.add(self._deliver(connection, otlp.request(resource, record)), record.rows)
            except Exception as error:
                swallowed("a record could not be sent", error)
                self._tally.add("failed", record.rows)
            finally:
                self._outbox.done()
        connection.close()

    def _deliver(self, connection: Connection, body: bytes) -> str:
        """Send until there is a final answer; "dropped" where the process ends before."""
        wait = FIRST_WAIT
        while True:
            asked = None
            try:
                answer = connection.post(body, self._settings.timeout)
            except (OSError, http.client.HTTPException) as error:
                swallowed(
                    "the collector does not answer; records wait, and the oldest are dropped when there is no room",
                    error,
                )
            else:
                if answer.status not in RETRYABLE:
                    return self._final(answer)
                asked = answer.retry_after
                swallowed(f"the collector answered with status {answer.status}; records wait")
            pause = _uniform(0, wait) if asked is None else min(asked, LONGEST_ASKED) + _uniform(0, FIRST_WAIT)
            wait = min(2 * wait, LONGEST_WAIT)
            if self._stop.wait(pause):
                return "dropped"

    def _final(self, answer: Answer) -> str:
        if not 200 <= answer.status < 300:
            swallowed(f"the collector refused records with status {answer.status}")
            return "failed"
        if otlp.rejected(answer.body):
            swallowed("the collector rejected a record (partial success)")
            return "failed"
        return "sent"
