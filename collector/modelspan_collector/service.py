"""The collector as one object: receivers, log, writer and forwarder, started and stopped together."""

from __future__ import annotations

import contextlib
import ipaddress
import queue

from prometheus_client import CollectorRegistry

from modelspan_collector.access.tokens import Tokens
from modelspan_collector.config import CollectorConfig
from modelspan_collector.log.journal import Log, LogOptions
from modelspan_collector.log.segment import Segment
from modelspan_collector.metrics import Metrics
from modelspan_collector.receive.gate import Gate
from modelspan_collector.receive.grpc_server import GrpcReceiver
from modelspan_collector.receive.http import HttpReceiver
from modelspan_collector.receive.signals import SIGNALS, Signal
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store
from modelspan_collector.write.writer import Writer


class UnsafeListenError(ValueError):
    """The collector would listen beyond loopback without protection."""


class Collector:
    """Takes OTLP, keeps it on disk until the store has it, and answers when it is safe.

    The store's schema has to be applied already. A collector is started once and stopped once.
    """

    def __init__(self, store: Store, config: CollectorConfig) -> None:
        _check_listen(config)
        self._config = config
        self._store = store
        self._metrics = Metrics()
        self.registry: CollectorRegistry = self._metrics.registry
        self._tokens = Tokens(config.tokens)
        self._sealed: queue.Queue[tuple[Log, Segment]] = queue.Queue()
        self._logs = {signal.name: self._log(signal) for signal in SIGNALS}
        self._writer = Writer(self._sealed, self._target, config.data / "dead", self._metrics, config.writers)
        gate = Gate(
            lambda _tenant, signal: self._logs[signal.name],
            self._metrics,
            redaction=config.redaction,
            max_inflight_bytes=config.max_inflight_bytes,
            forward=lambda _signal, _body, _message: None,
        )
        self._http_app = HttpReceiver(
            gate,
            self._tokens,
            self._metrics,
            max_request_bytes=config.max_request_bytes,
            cors_origins=config.cors_origins,
        )
        tls = None if config.tls is None else config.tls.context()
        self._http = AsgiServer(self._http_app, config.host, config.http_port, tls=tls, name="otlp-http")
        self._grpc = GrpcReceiver(
            gate,
            self._tokens,
            self._metrics,
            host=config.host,
            port=config.grpc_port,
            tls=config.tls,
            max_request_bytes=config.max_request_bytes,
        )
        self.http_port: int = self._http.port
        self.grpc_port: int = self._grpc.port

    def start(self) -> None:
        """Replay the log, then take requests; returns when both receivers answer."""
        for log in self._logs.values():
            log.start()
            self._metrics.torn_bytes.labels(log.folder.name).inc(log.replay.torn_bytes)
            self._metrics.replayed.labels(log.folder.name).inc(log.replay.records)
        self._writer.start()
        self._http.start()
        self._grpc.start()

    def stop(self) -> None:
        """Stop taking requests, bring everything into the store, close; what it does not take now stays in the log."""
        self._grpc.stop()
        self._http.stop()
        self._http_app.close()
        for log in self._logs.values():
            log.stop()
        with contextlib.suppress(TimeoutError):  # what the store does not take now is replayed at the next start
            self._writer.drain(list(self._logs.values()), timeout=30.0)
        self._writer.stop()

    def flush(self, timeout: float = 30.0) -> None:
        """Everything acknowledged so far is in the tables on return.

        Raises:
            TimeoutError: the store did not take it in time.
        """
        logs = list(self._logs.values())
        for log in logs:
            log.flush()
        self._writer.drain(logs, timeout)

    def health(self) -> dict[str, object]:
        """What a probe asks for: ready or not, and how far the store is behind."""
        logs = {
            log.folder.name: {"bytes": log.waiting_bytes, "lag_seconds": round(log.lag(), 3)}
            for log in self._logs.values()
        }
        full = any(log.waiting_bytes >= self._config.log_budget_bytes for log in self._logs.values())
        return {"ready": not full, "log": logs}

    def _log(self, signal: Signal) -> Log:
        config = self._config
        options = LogOptions(
            segment_bytes=config.segment_bytes,
            segment_seconds=config.segment_seconds,
            budget_bytes=config.log_budget_bytes,
            sync=config.fsync,
            retry_window=config.retry_window_seconds,
        )
        log = Log(config.data / "log" / signal.name, options, self._sealed)
        self._metrics.log_bytes.labels(signal.name).set_function(lambda: log.waiting_bytes)
        self._metrics.lag_seconds.labels(signal.name).set_function(log.lag)
        return log

    def _target(self, log: Log) -> tuple[Store, Signal]:
        return self._store, next(signal for signal in SIGNALS if signal.name == log.folder.name)


def _check_listen(config: CollectorConfig) -> None:
    if config.insecure or _is_loopback(config.host) or (config.tls is not None and config.tokens is not None):
        return
    raise UnsafeListenError(
        f"refusing to listen on {config.host}, which others can reach, without TLS and tokens; "
        "give both (--tls-certificate, --tls-key, --tokens), or say --insecure"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
