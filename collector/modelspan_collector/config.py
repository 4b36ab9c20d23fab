"""Everything that can be set on a collector, in one frozen object, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modelspan_collector.access.rules import Redaction
from modelspan_collector.access.tls import Tls
from modelspan_collector.forward.destination import Destination

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """How a collector listens, keeps, writes and forwards."""

    data: Path
    """Folder of the write-ahead log, of dead letters, and of what waits to be forwarded."""
    host: str = "127.0.0.1"
    """Address to listen on; others than loopback need TLS and tokens, or `insecure`."""
    grpc_port: int = 4317
    """OTLP/gRPC; 0 takes a free port."""
    http_port: int = 4318
    """OTLP/HTTP; 0 takes a free port."""
    insecure: bool = False
    """Listen beyond loopback without TLS and tokens."""
    tls: Tls | None = None
    """Certificate and key, and the authority of clients for mutual TLS."""
    tokens: Path | None = None
    """File of bearer tokens, read again whenever it changes."""
    cors_origins: tuple[str, ...] = ()
    """Origins of browsers that may send OTLP/HTTP; none by default."""
    hosts: tuple[str, ...] = ()
    """Names under which the ports are reached, through a proxy for example, beside those of the address."""
    redaction: Redaction = field(default_factory=Redaction)
    """What is dropped or hashed before anything is written."""
    forward: tuple[Destination, ...] = ()
    """Where everything taken is sent on to."""

    max_request_bytes: int = 64 * MIB
    """Largest request, as sent and after decompression."""
    max_inflight_bytes: int = 256 * MIB
    """Bodies held in memory at one time; more get the retryable answer."""
    fsync: bool = True
    """Answer only when the disk has the bytes. False trades a machine crash's last seconds for throughput."""
    segment_bytes: int = 32 * MIB
    """A segment of the log, which is one insert, is sealed at this size."""
    segment_seconds: float = 1.0
    """... or at this age; at five times that where it is small and another one came right before it."""
    log_budget_bytes: int = 4096 * MIB
    """Disk that the log of one signal may take while the store is away; then senders get the retryable answer."""
    retry_window_seconds: float = 600.0
    """A request sent again within this time, byte for byte, is stored once; 0 turns it off."""
    writers: int = 2
    """Inserts at one time."""
    cloudevents_patience: float = 300.0
    """Seconds for which a request or an answer of a serving platform waits for its other half."""
