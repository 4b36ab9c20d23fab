"""Sends what is in the outbox, one record at a time, until the receiver has acknowledged or refused it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from modelspan._failsafe import guard, swallowed
from modelspan._settings import Endpoint
from modelspan.delivery import otlp
from modelspan.delivery.connect import Connected, connect
from modelspan.delivery.outbox import Outbox
from modelspan.delivery.retry import Backoff, RefusedError, deliver
from modelspan.records.record import Record


class Sender:
    """A background thread."""

    def __init__(self, endpoint: Endpoint, resource: Mapping[str, object], outbox: Outbox) -> None:
        self._endpoint = endpoint
        self._resource = resource
        self._outbox = outbox
        self._backoff = Backoff()
        self._thread = threading.Thread(target=self._run, name="modelspan-send", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def hurry(self) -> None:
        """Wait no longer for a receiver that was away: it may be back, and somebody flushes."""
        self._backoff.hurry()

    def stop(self, timeout: float) -> None:
        """End after the request that is under way, if it ends within so many seconds."""
        self._backoff.stop()
        self._outbox.close()
        self._thread.join(timeout)

    def _run(self) -> None:
        with guard("records cannot be sent, because the endpoint cannot be used") as opening:
            connection = connect(self._endpoint, "logs") if self._endpoint.url else None
            resource = otlp.resource_of(self._resource)
        if opening.failed is not None:
            return
        while not self._backoff.stopped:
            record = self._outbox.take(timeout=0.5)
            if record is not None:
                self._outbox.settle(self._send(connection, resource, record) if connection else "dropped")
        with guard("a connection could not be closed"):
            if connection is not None:
                connection.close()

    def _send(self, connection: Connected, resource: bytes, record: Record) -> str:
        """What became of a record: `sent`, `failed` (refused), or `dropped` (the process ends before)."""
        with guard("a record could not be sent"):
            try:
                answer = deliver(connection, otlp.request(resource, record), "records", self._backoff)
            except RefusedError as refused:
                swallowed(f"the collector refused records with status {refused.status}")
                return "failed"
            if answer is None:
                return "dropped"
            if not otlp.rejected(answer):
                return "sent"
            swallowed("the collector rejected a record (partial success)")
        return "failed"
