"""The gate: what both receivers do with a request once its bytes are there. Check, redact, write to the log, answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from modelspan_collector.access.redact import redact_message
from modelspan_collector.access.rules import Redaction
from modelspan_collector.access.tokens import Tenant
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.errors import BadRequestError, BusyError, WrongTenantError
from modelspan_collector.otlp.signals import LOGS, Signal
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE, tenant_field
from modelspan_collector.receive import bentoml, events, misfits
from modelspan_collector.receive.decode import Decoded
from modelspan_collector.store.errors import StoreError
from modelspan_collector.wal.journal import Log, LogFullError, all_done
from modelspan_collector.wal.record import Kind, Record, make
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.held import Checked, HeldStreams

_LOGGER = logging.getLogger(__name__)
_PARSING = 2
"""Requests that are parsed at one time: parsed they take many times their bytes, and the interpreter does one only."""
NOT_QUOTED = "it does not fit (redaction is on: the reason went to the sender alone)"

Forward = Callable[[Signal, bytes, str], list[Future[None]]]
"""Queues a request to be sent on: its signal, protobuf bytes and tenant; the futures are done when that is durable."""

Complain = Callable[[Complaint, int], None]
"""Notes for users what was not taken as it was, and how often."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What to answer, once `written` is done."""

    signal: Signal
    written: Future[None]
    rejected: int = 0
    message: str = ""

    def response(self) -> Any:
        """The OTLP response message; partial success is set only where something was rejected or left out."""
        response = self.signal.response()
        if self.rejected:
            setattr(response.partial_success, self.signal.rejected, self.rejected)
        if self.message:
            response.partial_success.error_message = self.message
        return response


class Held:
    """The room that one request's bodies take, as sent and as decompressed."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._size = 0

    def take(self, size: int) -> None:
        """Take more.

        Raises:
            BusyError: too much is in flight.
        """
        self._gate.reserve(size)
        self._size += size

    def release(self) -> None:
        """Give all of it back."""
        size, self._size = self._size, 0
        self._gate.release(size)


class Gate:
    """Takes valid requests into the log of their tenant."""

    def __init__(
        self,
        logs: Callable[[Tenant, Signal], Log],
        metrics: Metrics,
        *,
        redaction: Redaction,
        max_inflight_bytes: int,
        forward: Forward,
        complain: Complain,
        held: HeldStreams,
    ) -> None:
        self._logs = logs
        self._metrics = metrics
        self._redaction = redaction
        self._max_inflight = max_inflight_bytes
        self._forward = forward
        self._complain = complain
        self._held = held
        self._monitors = bentoml.Monitors()
        self.parsing = threading.BoundedSemaphore(_PARSING)
        """Held while a request is parsed and checked."""
        self._inflight = 0
        self._closed = False
        self._lock = threading.Condition()

    @property
    def inflight(self) -> int:
        """Bytes of bodies that are held now."""
        return self._inflight

    def reserve(self, size: int) -> None:
        """Make room for a body of that many bytes; `release` gives it back.

        Raises:
            BusyError: too much is in flight.
        """
        with self._lock:
            if self._closed:
                raise BusyError("the collector holds still for a moment; send again then")
            if self._inflight + size > self._max_inflight:
                raise BusyError("too many bytes in flight; send again in a moment")
            self._inflight += size

    def release(self, size: int) -> None:
        """Give back the room of a body."""
        with self._lock:
            self._inflight -= size
            self._lock.notify_all()

    @contextmanager
    def closed(self, timeout: float) -> Iterator[None]:
        """Refuse requests for now, having waited for those that are under way.

        Raises:
            TimeoutError: they did not end in time.
        """
        try:
            with self._lock:
                self._closed = True
                if not self._lock.wait_for(lambda: self._inflight == 0, timeout):
                    raise TimeoutError(f"requests of {self._inflight} bytes are still under way after {timeout:g} s")
            yield
        finally:
            with self._lock:
                self._closed = False

    def accept(self, signal: Signal, decoded: Decoded, tenant: Tenant) -> Receipt:
        """Write a request to the log, and queue it to be sent on; the receipt's future is done when both are safe.

        Raises:
            BadRequestError: none of its items can be taken.
            BusyError: the log is full, or the tenant's database cannot be made now.
            WrongTenantError: it was sent in another tenant's name.
        """
        body, message = decoded.body, decoded.message
        if tenant.name:
            _check_claim(signal, message, tenant)
        if signal is LOGS and bentoml.may_hold(body):
            body = self._monitored(message, tenant)
        if self._redaction.active:
            self._metrics.redacted.labels(signal.name).inc(redact_message(self._redaction, message))
            body = message.SerializeToString()
        if decoded.repaired:
            self._repaired(signal, message, tenant, 1)
        found = self._take_out(signal, replace(decoded, body=body), tenant)
        if found.changed:
            body = message.SerializeToString()
        count, rejected, streams = signal.count(message), found.rejected, list[Checked]()
        if rejected.count and not count:
            raise BadRequestError(rejected.message)
        parts = {Kind.OTLP: body if count else b""}
        if signal is LOGS and events.may_hold(body):
            split = self._split(body, message, tenant)
            body, parts, streams = split.whole, {Kind.OTLP: split.others, Kind.EVENTS: split.events}, split.streams
            count, rejected = count - split.rejected.count, rejected + split.rejected
        received, suffix = time.time_ns(), tenant_field(tenant.name)
        records = [make(kind, received, part + suffix) for kind, part in parts.items() if part]
        for record in records:
            if record.kind is Kind.EVENTS:
                self._held.put(record.digest, streams)
        if not records:
            return Receipt(signal, _done(), rejected.count, rejected.message)
        written = self._append(tenant, signal, records)
        written.add_done_callback(lambda done: self._metrics.took(signal.name, count, done))
        queued = self._forward(signal, body, tenant.name)
        return Receipt(signal, all_done([written, *queued]), rejected.count, rejected.message)

    def _append(self, tenant: Tenant, signal: Signal, records: list[Record]) -> Future[None]:
        try:
            return self._logs(tenant, signal).append(records)
        except LogFullError as error:
            raise BusyError(str(error), retry_after=5.0) from error
        except StoreError as error:  # its words are for who runs the store, not for who sends
            _LOGGER.warning("a request of %s waits with its sender: %s", signal.name, error)
            raise BusyError("the store cannot take what is sent with this token now", retry_after=5.0) from error

    def _monitored(self, message: Any, tenant: Tenant) -> bytes:
        """A request with what BentoML's monitors sent as predictions, which rules meet as they meet any other."""
        if unknown := self._monitors.convert(message, tenant):
            reason = "records of a BentoML monitor came before their schema (bento_meta), and stay log records"
            self._tell(tenant, Complaint("logs", "row_left_out", _service(LOGS, message), reason), unknown)
        return bytes(message.SerializeToString())

    def _take_out(self, signal: Signal, decoded: Decoded, tenant: Tenant) -> misfits.Found:
        """Take out of a message what makes no sense, and tell users of it and of what was not understood."""
        message = decoded.message
        found = misfits.take_out(signal, decoded.body, message)
        rejected = decoded.rejected + found.rejected
        if rejected.message:
            self._metrics.rejected.labels(signal.name).inc(rejected.count)
            complaint = Complaint(signal.name, "rejected", _service(signal, message), self._told(rejected.message))
            self._tell(tenant, complaint, max(1, rejected.count))
        return misfits.Found(rejected, found.changed)

    def _told(self, reason: str) -> str:
        """A reason as it may be stored: it can quote names and values, which may be what is to be redacted."""
        return NOT_QUOTED if self._redaction.active else reason

    def _split(self, body: bytes, message: Any, tenant: Tenant) -> events.Split:
        """Take modelspan's events out of a logs request, into a record of their own."""
        split = events.split(body, message, self._redaction)
        if split.repaired:
            self._repaired(LOGS, message, tenant, split.repaired)
        self._metrics.redacted.labels(LOGS.name).inc(split.redacted)
        if split.rejected.count:
            self._metrics.rejected.labels("events").inc(split.rejected.count)
        for complaint, count in split.complaints.items():
            if complaint.kind == "rejected":
                complaint = replace(complaint, reason=self._told(complaint.reason))
            else:
                self._metrics.left_out.labels(complaint.signal, complaint.kind).inc(count)
            self._tell(tenant, complaint, count)
        return split

    def _repaired(self, signal: Signal, message: Any, tenant: Tenant, count: int) -> None:
        self._metrics.repaired.labels(signal.name).inc()
        reason = "text was not UTF-8; its bad bytes were replaced by U+FFFD"
        self._tell(tenant, Complaint(signal.name, "invalid_text", _service(signal, message), reason), count)

    def _tell(self, tenant: Tenant, complaint: Complaint, count: int) -> None:
        """Note it where the tenant's rows are."""
        self._complain(replace(complaint, database=tenant.database), count)


def _service(signal: Signal, message: Any) -> str:
    """`service.name` of a request's first resource."""
    return next(map(events.service_of, signal.resources(message)), "")


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


def _check_claim(signal: Signal, message: Any, tenant: Tenant) -> None:
    for part in signal.resources(message):
        for attribute in part.resource.attributes:
            if attribute.key == TENANT_ATTRIBUTE and attribute.value.string_value != tenant.name:
                raise WrongTenantError(
                    f"the token is of tenant {tenant.name}: leave {TENANT_ATTRIBUTE} out, the collector sets it"
                )
