"""Spans on their way, where the tracer provider is ours: encoded when they end, sent in the background.

OpenTelemetry's batch processor keeps ended spans as objects, some twenty of them a span, for a background thread to
encode. Calls would wait for that thread to let go of the interpreter's lock, and for the garbage collector to visit
thousands of objects. Bytes are joined and sent without either.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export import SpanExporter as Base
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from modelspan._failsafe import guard, swallowed
from modelspan._numbered import NUMBER, by_number
from modelspan._settings import Endpoint
from modelspan.delivery import otlp
from modelspan.delivery.connect import connect
from modelspan.delivery.protobuf import head, message, text
from modelspan.delivery.retry import Backoff, RefusedError, deliver
from modelspan.telemetry.instance import Instance
from modelspan.telemetry.span_encoding import encode

SPANS_OF_A_PART = 100
"""Spans, of about a kilobyte each, that are joined: larger pieces of memory come fresh from the kernel, at a cost."""
_bytes_of = itemgetter(slice(NUMBER.size, None))


class EncodedSpan(bytes):
    """The number of its origin, and a span's bytes."""

    __slots__ = ()
    context = SpanContext(1, 1, False, TraceFlags(TraceFlags.SAMPLED))
    """What the batch processor asks a span for: only those that are sampled are encoded."""


class SpanProcessor(BatchSpanProcessor):
    """The SDK's batch processor, with its bounds and its `OTEL_BSP_*` variables, of encoded spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(exporter)
        self._encoded = exporter.encoded
        self._hurry = exporter.force_flush

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Export what waits; an export that waits for a receiver to come back is tried again at once."""
        self._hurry()
        return super().force_flush(timeout_millis)

    def on_end(self, span: ReadableSpan) -> None:
        """Encode a span, if it is sampled, and keep it."""
        if span.context and span.context.trace_flags.sampled:
            try:
                encoded: Any = self._encoded(span)
            except BaseException as error:
                swallowed("a span could not be encoded", error)
            else:
                super().on_end(encoded)


class _Origins:
    """Resources and scopes of spans, by number: in practice one resource and a few scopes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: list[tuple[Resource, InstrumentationScope | None]] = []
        self._numbers: dict[tuple[int, InstrumentationScope | None], bytes] = {}

    def number(self, span: ReadableSpan) -> bytes:
        """The number of a span's origin."""
        resource, scope = span.resource, span.instrumentation_scope
        number = self._numbers.get((id(resource), scope))
        if number is None:
            with self._lock:
                self._known.append((resource, scope))  # kept, so that no other resource gets this one's identity
                number = self._numbers[id(resource), scope] = NUMBER.pack(len(self._known) - 1)
        return number

    def __getitem__(self, number: bytes) -> tuple[Resource, InstrumentationScope | None]:
        at: int = NUMBER.unpack(number)[0]
        return self._known[at]


class SpanExporter(Base):
    """Sends spans that it has encoded, retrying for as long as one export may take."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection = connect(endpoint, "traces")
        self._backoff = Backoff()
        self._instance = Instance()
        self._origins = _Origins()
        self._lock = threading.Lock()

    def encoded(self, span: ReadableSpan) -> EncodedSpan:
        """A span that has ended, as `export` takes it."""
        return EncodedSpan(self._origins.number(span) + encode(span))

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send encoded spans; those that cannot be delivered are counted by the SDK and named once in a warning."""
        with guard("spans could not be exported"):
            try:
                body = self.request(spans)
                with self._lock:
                    answer = deliver(self._connection, body, "spans", self._backoff, give_up=self._endpoint.timeout)
            except RefusedError as refused:
                swallowed(f"the collector refused spans with status {refused.status}")
                return SpanExportResult.FAILURE
            if answer is None:
                return SpanExportResult.FAILURE
            if otlp.rejected(answer):
                swallowed("the collector rejected spans (partial success)")
            return SpanExportResult.SUCCESS
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Give up what is under way, and close the connection, if that ends in time."""
        self._backoff.stop()
        if self._lock.acquire(timeout=1.0):
            with guard("a connection could not be closed"):
                self._connection.close()
            self._lock.release()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing is buffered here; what is under way is tried again at once."""
        self._backoff.hurry()
        return True

    def request(self, spans: Iterable[EncodedSpan]) -> list[bytes]:
        """An `ExportTraceServiceRequest`, in parts, as joining them would take longer than making them."""
        return [
            part
            for number, group in by_number(spans).items()
            for part in self._resource_spans(*self._origins[number], group)
        ]

    def _resource_spans(
        self, resource: Resource, scope: InstrumentationScope | None, spans: list[EncodedSpan]
    ) -> Iterator[bytes]:
        starts = range(0, len(spans), SPANS_OF_A_PART)
        parts = [b"".join(map(_bytes_of, spans[start : start + SPANS_OF_A_PART])) for start in starts]
        described = message(1, otlp.resource_of(self._instance.of(resource).attributes))
        named = message(1, otlp.scope(scope.name, scope.version or "")) if scope is not None else b""
        url = text(3, scope.schema_url) if scope is not None and scope.schema_url else b""
        resource_url = text(3, resource.schema_url) if resource.schema_url else b""
        length = len(named) + sum(map(len, parts)) + len(url)
        before = described + head(2, length) + named
        yield head(1, len(before) - len(named) + length + len(resource_url)) + before
        yield from parts
        yield url + resource_url
