"""The collector as one object: receivers, log, writer and forwarder, started and stopped together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from modelspan_collector.access.rules import Redaction
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.cloudevents.door import Door
from modelspan_collector.cloudevents.receive import Events
from modelspan_collector.config import CollectorConfig
from modelspan_collector.forward.forwarder import Forwarder
from modelspan_collector.metrics import Metrics
from modelspan_collector.origins import Allowed, is_exposed
from modelspan_collector.receive.gate import Gate
from modelspan_collector.receive.grpc_server import GrpcReceiver
from modelspan_collector.receive.http import HttpReceiver
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.journal import LogOptions
from modelspan_collector.write.complaints import Complaints
from modelspan_collector.write.held import HeldStreams
from modelspan_collector.write.lanes import Lanes
from modelspan_collector.write.writer import Writer

_DRAIN_SECONDS: Final = 3.0
"""What the store does not take by then when a collector stops is replayed at the next start."""


class UnsafeListenError(ValueError):
    """The collector would listen beyond loopback without protection."""


class Collector:
    """Takes OTLP, keeps it on disk until the store has it, and answers when it is safe.

    The store's schema has to be applied already. A collector is started once and stopped once.
    """

    def __init__(self, store: Store, config: CollectorConfig) -> None:
        _check_listen(config)
        self._config = config
        self._metrics = Metrics()
        self.registry: CollectorRegistry = self._metrics.registry
        self._lanes = Lanes(store, config.data / "log", _log_options(config), self._metrics)
        self._complaints = Complaints(self._lanes.store)
        held = HeldStreams()
        self._writer = Writer(
            self._lanes.sealed,
            self._lanes.target,
            dead=config.data / "dead",
            metrics=self._metrics,
            complain=self._complaints.add,
            held=held,
            threads=config.writers,
        )
        self._forwarder = Forwarder(config.forward, config.data / "forward", _log_options(config), self._metrics)
        self._gate = self._gate_with(config.redaction, held)
        self._door = Door(
            config.data / "events" / "cloudevents",
            _log_options(config),
            self._gate_with(Redaction(), held),
            self._metrics,
            self._complaints.add,
            patience=config.cloudevents_patience,
        )
        tokens = Tokens(config.tokens)
        self._http_app = self._http_receiver(tokens)
        self._http = self._http_server()
        self._grpc = self._grpc_receiver(tokens)
        self.http_port: int = self._http.port
        self.grpc_port: int = self._grpc.port

    def _gate_with(self, rules: Redaction, held: HeldStreams) -> Gate:
        return Gate(
            lambda tenant, signal: self._lanes.log(tenant.database, signal),
            self._metrics,
            redaction=rules,
            max_inflight_bytes=self._config.max_inflight_bytes,
            forward=self._forwarder.offer,
            complain=self._complaints.add,
            held=held,
        )

    def _http_receiver(self, tokens: Tokens) -> HttpReceiver:
        config = self._config
        return HttpReceiver(
            self._gate,
            tokens,
            self._metrics,
            events=Events(self._door, config.redaction, self._metrics, self._complaints.add),
            max_request_bytes=config.max_request_bytes,
            cors_origins=config.cors_origins,
        )

    def _http_server(self) -> AsgiServer:
        config = self._config
        tls = None if config.tls is None else config.tls.context(self._metrics.refused_connections.labels("http").inc)
        allowed = Allowed(config.hosts, config.cors_origins)
        return AsgiServer(self._http_app, config.host, config.http_port, tls=tls, name="otlp-http", allowed=allowed)

    def _grpc_receiver(self, tokens: Tokens) -> GrpcReceiver:
        config = self._config
        return GrpcReceiver(
            self._gate,
            tokens,
            self._metrics,
            host=config.host,
            port=config.grpc_port,
            tls=config.tls,
            max_request_bytes=config.max_request_bytes,
        )

    @property
    def redaction(self) -> Redaction:
        """What may not be stored, by whichever way it comes."""
        return self._config.redaction

    def start(self) -> None:
        """Replay the log, then take requests; returns when both receivers answer."""
        self._lanes.start()
        self._complaints.start()
        self._writer.start()
        self._forwarder.start()
        self._door.start()
        self._http.start()
        self._grpc.start()

    def stop(self) -> None:
        """Stop taking requests, bring everything into the store, close; what it does not take now stays in the log."""
        self._grpc.stop()
        self._http.stop()
        self._http_app.close()
        self._door.stop()
        self._lanes.stop()
        with contextlib.suppress(TimeoutError):  # what the store does not take now is replayed at the next start
            self._writer.drain(self._lanes.all(), timeout=_DRAIN_SECONDS)
        self._writer.stop()
        self._forwarder.stop()
        self._complaints.stop()
        self._lanes.close()

    def flush(self, timeout: float = 120.0) -> None:
        """Everything acknowledged so far is in the tables on return, but for events that wait for their other half.

        Raises:
            TimeoutError: the store did not take it in time.
        """
        self._door.flush(timeout)
        for log in self._lanes.all():
            log.flush()
        self._writer.drain(self._lanes.all(), timeout)
        self._complaints.flush()

    @contextmanager
    def still(self, timeout: float = 30.0) -> Iterator[None]:
        """Hold still: everything acknowledged is in the tables, and the collector's files may be read and rewritten.

        Senders get the retryable answer meanwhile; dead letters and what waits to be forwarded stay as they are.

        Raises:
            TimeoutError: the store did not take what waits in time.
        """
        with self._gate.closed(timeout):
            self.flush(timeout)
            with self._forwarder.still(), self._door.still():
                yield

    def health(self) -> dict[str, object]:
        """What a probe asks for: ready or not, and how far the store is behind."""
        logs = {
            f"{log.folder.parent.name}/{log.folder.name}": {
                "bytes": log.waiting_bytes,
                "lag_seconds": round(log.backlog.lag(), 3),
            }
            for log in self._lanes.all()
        }
        ready = not any(log.full for log in (*self._lanes.all(), self._door.log))
        return {"ready": ready, "log": logs, "inflight_bytes": self._gate.inflight}


def _log_options(config: CollectorConfig) -> LogOptions:
    return LogOptions(
        segment_bytes=config.segment_bytes,
        segment_seconds=config.segment_seconds,
        budget_bytes=config.log_budget_bytes,
        sync=config.fsync,
        retry_window=config.retry_window_seconds,
    )


def _check_listen(config: CollectorConfig) -> None:
    exposed = is_exposed(config.host, tls=config.tls is not None, tokens=config.tokens is not None)
    if config.insecure or not exposed:
        return
    raise UnsafeListenError(
        f"refusing to listen on {config.host}, which others can reach, without TLS and tokens; "
        "give both (--tls-certificate, --tls-key, --tokens), or say --insecure"
    )
