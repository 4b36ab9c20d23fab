"""The three OTLP signals: the one table that receivers, log, writer and forwarder are driven by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace


@dataclass(frozen=True, slots=True)
class Signal:
    """One OTLP signal: how it is reached and which messages it speaks."""

    name: str
    """`traces`, `metrics` or `logs`."""
    service: str
    """Full name of the gRPC service; its method is `Export`."""
    request: Any
    response: Any
    rejected: str
    """The field of `partial_success` that counts what was not taken."""
    path: tuple[str, str, str]
    """The repeated fields from the request down to its items."""

    @property
    def http_path(self) -> str:
        """The path of OTLP/HTTP."""
        return f"/v1/{self.name}"

    @property
    def grpc_path(self) -> str:
        """The path of OTLP/gRPC."""
        return f"/{self.service}/Export"

    @property
    def item(self) -> Any:
        """The descriptor of its items: spans, metrics or log records."""
        descriptor = self.request.DESCRIPTOR
        for name in self.path:
            descriptor = descriptor.fields_by_name[name].message_type
        return descriptor

    def resources(self, message: Any) -> Any:
        """The parts of a request, each of one resource."""
        return getattr(message, self.path[0])

    def count(self, message: Any) -> int:
        """Items of a request: spans, log records, or metric points' metrics."""
        _, scopes, items = self.path
        return sum(len(getattr(s, items)) for r in self.resources(message) for s in getattr(r, scopes))


_COLLECTOR: Final = "opentelemetry.proto.collector"

TRACES: Final = Signal(
    "traces",
    f"{_COLLECTOR}.trace.v1.TraceService",
    trace.ExportTraceServiceRequest,
    trace.ExportTraceServiceResponse,
    "rejected_spans",
    ("resource_spans", "scope_spans", "spans"),
)
METRICS: Final = Signal(
    "metrics",
    f"{_COLLECTOR}.metrics.v1.MetricsService",
    metrics.ExportMetricsServiceRequest,
    metrics.ExportMetricsServiceResponse,
    "rejected_data_points",
    ("resource_metrics", "scope_metrics", "metrics"),
)
LOGS: Final = Signal(
    "logs",
    f"{_COLLECTOR}.logs.v1.LogsService",
    logs.ExportLogsServiceRequest,
    logs.ExportLogsServiceResponse,
    "rejected_log_records",
    ("resource_logs", "scope_logs", "log_records"),
)
SIGNALS: Final = (TRACES, METRICS, LOGS)
