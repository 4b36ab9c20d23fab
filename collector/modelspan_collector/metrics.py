"""What the collector says of itself: one registry a collector, served at `/metrics` and sent over OTLP by whoever
runs it.
"""

from __future__ import annotations

from concurrent.futures import Future

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of the whole path, in its order."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._count_receiving()
        self._count_storing()
        self._count_forwarding()
        self._count_log()

    def took(self, signal: str, items: int, written: Future[None]) -> None:
        """Count items once the log has them; what it could not write is sent again."""
        if written.exception() is None:
            self.accepted.labels(signal).inc(items)

    def _count_receiving(self) -> None:
        self.requests = self._counter("requests", "Requests by protocol and outcome", "protocol", "outcome")
        self.refused_connections = self._counter(
            "refused_connections", "Connections that failed the TLS handshake; gRPC's are not seen", "protocol"
        )
        self.received_bytes = self._counter("received_bytes", "Bytes of request bodies, decompressed", "signal")
        self.accepted = self._counter("accepted_items", "Spans, metrics and log records accepted", "signal")
        self.rejected = self._counter(
            "rejected_items", "Items rejected in a request that was taken otherwise", "signal"
        )
        self.left_out = self._counter(
            "left_out_rows", "Rows that lack a column or value that was left out, or were left out", "signal", "kind"
        )
        self.repaired = self._counter(
            "repaired_requests", "Requests whose text was not UTF-8 and was repaired", "signal"
        )
        self.cloudevents = self._counter(
            "cloudevents",
            "Events of serving platforms: paired, alone (no other half came), or unread (not understood)",
            "outcome",
        )
        self.cloudevents_waiting = Gauge(
            "modelspan_collector_cloudevents_waiting", "Events that wait for their other half", registry=self.registry
        )
        self.redacted = self._counter(
            "redacted_attributes", "Attributes and columns dropped or hashed at the gate", "signal"
        )

    def _count_storing(self) -> None:
        self.stored = self._counter("stored_records", "Requests whose rows are in the store", "signal")
        self.stored_bytes = self._counter("stored_bytes", "Bytes of requests whose rows are in the store", "signal")
        self.rows = self._counter("stored_rows", "Rows stored from events, by table", "table")
        self.wild = self._counter("wild_timestamps", "Rows whose timestamp was out of range and replaced", "table")
        self.rounded = self._counter("rounded_integers", "Integers that Float64 cannot hold exactly", "table")
        self.insert_errors = self._counter(
            "insert_errors", "Inserts that failed, by what happens next", "signal", "next"
        )
        self.dead_letters = self._counter("dead_letters", "Requests that the store refuses for good", "signal")
        self.insert_seconds = Histogram(
            "modelspan_collector_insert_seconds",
            "Time of an insert",
            ["signal"],
            buckets=_LATENCY,
            registry=self.registry,
        )

    def _count_forwarding(self) -> None:
        self.forwarded = self._counter("forwarded_requests", "Requests sent on, by outcome", "destination", "outcome")
        self.forward_bytes = self._gauge("forward_queue_bytes", "Bytes that wait for a destination", "destination")
        self.forward_lag_seconds = self._gauge(
            "forward_lag_seconds", "Age of the oldest segment that waits for a destination", "destination"
        )

    def _count_log(self) -> None:
        self.log_bytes = self._gauge("log_bytes", "Bytes in the write-ahead log that wait for the store", "signal")
        self.lag_seconds = self._gauge("lag_seconds", "Age of the oldest segment that waits for the store", "signal")
        self.torn_bytes = self._counter("torn_bytes", "Bytes cut off the end of the log at start", "signal")
        self.broken_bytes = self._gauge("broken_bytes", "Bytes of the log found damaged and kept aside", "signal")
        self.replayed = self._counter("replayed_records", "Records taken over from an earlier process", "signal")

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"modelspan_collector_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"modelspan_collector_{name}", help_text, labels, registry=self.registry)
