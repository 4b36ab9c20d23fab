"""A real OTLP/HTTP receiver for tests: what your service sends, decoded, on a free port of this machine.

```python
with modelspan.testing.Receiver() as receiver:
    modelspan.configure(endpoint=receiver.endpoint)
    predict({"age": 41})
    modelspan.flush()
    assert receiver.predictions()[0]["feature.age"] == 41
```
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from modelspan import conventions


class Request(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What to answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Receiver:
    """Accepts every request and keeps it. `answer`, where given, decides what each gets."""

    def __init__(self, answer: Callable[[Request], Answer] | None = None) -> None:
        self.requests: list[Request] = []
        keep, lock = self.requests, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = Request(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
                told = answer(request) if answer is not None else Answer()
                if 200 <= told.status < 300:
                    with lock:
                        keep.append(request)
                self.send_response(told.status)
                for name, value in told.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def predictions(self) -> list[dict[str, Any]]:
        """Every row of every prediction record, with what its stream shares (`modelspan.model.name` and so on)."""
        return self._rows(conventions.EVENT_PREDICTIONS)

    def labels(self) -> list[dict[str, Any]]:
        """Every row of every label record."""
        return self._rows(conventions.EVENT_LABELS)

    def models(self) -> list[dict[str, Any]]:
        """Every model card."""
        return self._rows(conventions.EVENT_MODEL)

    def spans(self) -> list[Any]:
        """Every span, as OTLP messages."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(each.body) for each in self._of("/v1/traces")]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> list[Any]:
        """Every metric of every export, as OTLP messages."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        requests = [ExportMetricsServiceRequest.FromString(each.body) for each in self._of("/v1/metrics")]
        return [
            metric
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def _of(self, path: str) -> list[Request]:
        return [request for request in list(self.requests) if request.path == path]

    def tables(self, event: str) -> list[Any]:
        """The Arrow table of each record of one event."""
        import pyarrow as pa
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        requests = [ExportLogsServiceRequest.FromString(each.body) for each in self._of("/v1/logs")]
        return [
            pa.ipc.open_stream(record.body.bytes_value).read_all()
            for request in requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
            if record.event_name == event
        ]

    def _rows(self, event: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for table in self.tables(event):
            shared = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
            rows += [{**shared, **row} for row in table.to_pylist()]
        return rows
