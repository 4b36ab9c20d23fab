"""OTLP over gRPC, against a real server of the library."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

import modelspan
from modelspan import _runtime, _settings


class Service(grpc.GenericRpcHandler):
    """Takes every request of every service as bytes; `answer` may refuse through the context."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[Any], bytes] = lambda context: b""

    def service(self, details: Any) -> Any:
        def handle(body: bytes, context: Any) -> bytes:
            told = self.answer(context)
            metadata = {each.key: each.value for each in context.invocation_metadata()}
            self.requests.append((details.method, metadata, body))
            return told

        return grpc.unary_unary_rpc_method_handler(handle)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all prediction records."""
        found: list[dict[str, Any]] = []
        for method, _, body in self.requests:
            if method.endswith("LogsService/Export"):
                for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                    record = resource.scope_logs[0].log_records[0]
                    found += pa.ipc.open_stream(record.body.bytes_value).read_all().to_pylist()
        return found


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A gRPC server on a free port, which the environment names."""
    made = Service()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((made,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield made
    server.stop(None).wait()


def outcomes() -> dict[str, int]:
    return _runtime.current().pipeline.tally.read()


def test_records_over_grpc(sdk: Callable[..., None], service: Service) -> None:
    """Records arrive in full, with the headers as metadata."""
    sdk(headers={"authorization": "secret"})
    modelspan.observe(model="m")(lambda row: 0.5)({"age": 3.0})
    assert modelspan.flush(10)
    assert [(row["feature.age"], row["value"]) for row in service.rows()] == [(3.0, 0.5)]
    assert service.requests[0][1]["authorization"] == "secret"
    assert outcomes() == {"sent": 1, "dropped": 0, "failed": 0}


def test_all_signals_over_grpc(run: Callable[..., Any], service: Service) -> None:
    """Providers that are made from the environment speak gRPC, too."""
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    run(
        "import modelspan\nmodelspan.configure()\nmodelspan.observe(model='m')(lambda row: 0.5)({'age': 3.0})",
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
    )
    services = {method.split(".")[-1] for method, _, _ in service.requests}
    assert services == {"LogsService/Export", "TraceService/Export", "MetricsService/Export"}


def test_grpc_retry_honours_the_wait(sdk: Callable[..., None], service: Service) -> None:
    """A server that is unavailable and says for how long gets the same request again."""
    asked: list[int] = []

    def later(context: Any) -> bytes:
        asked.append(1)
        if len(asked) == 1:
            told = Packed()
            told.Pack(RetryInfo(retry_delay=Duration(nanos=100_000_000)))
            status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], details=[told])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        return b""

    service.answer = later
    sdk()
    modelspan.observe(model="m")(lambda row: 0.5)({"age": 3.0})
    assert modelspan.flush(10)
    assert (len(asked), len(service.rows())) == (2, 1)


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED])
def test_grpc_refusal_is_final(code: Any, sdk: Callable[..., None], service: Service) -> None:
    """A request that will never be accepted is asked once and counts as failed."""
    asked: list[int] = []

    def refuse(context: Any) -> bytes:
        asked.append(1)
        context.abort(code, "no")
        return b""

    service.answer = refuse
    sdk()
    modelspan.observe(model="m")(lambda row: 0.5)({"age": 3.0})
    assert modelspan.flush(10)
    assert (len(asked), outcomes()["failed"]) == (1, 1)


def test_grpc_without_grpcio(run: Callable[..., Any]) -> None:
    """Where the library is missing, `configure` says what to install."""
    script = """
import json, sys
sys.modules["grpc"] = None
import modelspan
try: modelspan.configure()
except ValueError as error: print(json.dumps(str(error)))
"""
    assert "install modelspan[grpc]" in run(script, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")


def test_unknown_protocol() -> None:
    """A protocol that is not spoken is an error that names those that are."""
    with pytest.raises(ValueError, match="expected 'http/protobuf' or 'grpc'"):
        _settings.from_environment({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
