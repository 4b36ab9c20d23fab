"""OTLP over gRPC, against a real server of the library."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from support import missing

import modelspan
from modelspan import _runtime, _settings

SCRIPT = "import modelspan\nmodelspan.configure()\nmodelspan.observe(model='m')(lambda row: 0.5)({'age': 3.0})"


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
    assert modelspan.flush(60)
    assert [(row["feature.age"], row["value"]) for row in service.rows()] == [(3.0, 0.5)]
    assert service.requests[0][1]["authorization"] == "secret"
    assert outcomes() == {"sent": 1, "dropped": 0, "failed": 0}


def test_all_signals_over_grpc(run: Callable[..., Any], service: Service) -> None:
    """Providers that are made from the environment speak gRPC, too."""
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    run(SCRIPT, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    services = {method.split(".")[-1] for method, _, _ in service.requests}
    assert services == {"LogsService/Export", "TraceService/Export", "MetricsService/Export"}


@pytest.mark.swallows("status 503")
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
    assert modelspan.flush(60)
    assert (len(asked), len(service.rows())) == (2, 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with self-signed certificates of a server (for localhost) and of a client, and their keys."""
    openssl = shutil.which("openssl") or missing("there is no openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client"):
        command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("mutual", [False, True], ids=["server", "mutual"])
def test_all_signals_over_tls(mutual: bool, certificates: Path, run: Callable[..., Any]) -> None:
    """With an authority to trust, and a certificate of one's own where the server asks for it, all signals arrive."""
    file = {name: certificates / name for name in ("server.key", "server.pem", "client.key", "client.pem")}
    service = Service()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((service,))
    identity = [(file["server.key"].read_bytes(), file["server.pem"].read_bytes())]
    clients = file["client.pem"].read_bytes() if mutual else None
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials(identity, clients, mutual))
    server.start()
    environ = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{port}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(file["server.pem"]),
    }
    if mutual:
        environ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"] = str(file["client.pem"])
        environ["OTEL_EXPORTER_OTLP_CLIENT_KEY"] = str(file["client.key"])
    try:
        run(SCRIPT, **environ)
    finally:
        server.stop(None).wait()
    services = {method.split(".")[-1] for method, _, _ in service.requests}
    assert services == {"LogsService/Export", "TraceService/Export", "MetricsService/Export"}
    assert [row["feature.age"] for row in service.rows()] == [3.0]


@pytest.mark.swallows("does not answer", "had not been sent")
def test_unknown_authority(certificates: Path, sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose certificate nobody vouches for gets nothing."""
    service = Service()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((service,))
    identity = [((certificates / "server.key").read_bytes(), (certificates / "server.pem").read_bytes())]
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials(identity))
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    sdk(endpoint=f"https://localhost:{port}")
    modelspan.observe(model="m")(lambda row: 0.5)({"age": 3.0})
    assert not modelspan.flush(1)
    server.stop(None).wait()
    assert service.requests == []


@pytest.mark.parametrize("before", ["", "assert modelspan.flush(60)"], ids=["not connected", "connected"])
def test_fork(before: str, run: Callable[..., Any], service: Service) -> None:
    """Children send what they make over channels of their own, also where the parent's was open at the fork."""
    script = f"""
import modelspan, os
modelspan.configure()
predict = modelspan.observe(model="m")(lambda row: 0.5)
for number in range(10): predict({{"number": float(number)}})
{before}
children = []
for first in (10, 20, 30):
    child = os.fork()
    if not child:
        for number in range(first, first + 10): predict({{"number": float(number)}})
        os._exit(not modelspan.flush(10))
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
predict({{"number": 40.0}})
"""
    run(script, OTEL_EXPORTER_OTLP_ENDPOINT=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
    rows = service.rows()
    assert sorted(row["feature.number"] for row in rows) == list(range(41))
    assert len({row["prediction_id"] for row in rows}) == 41


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED])
@pytest.mark.swallows("refused records")
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
    assert not modelspan.flush(60)
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
