"""Who may send."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from collector_otlp import PROTOBUF, export, post, set_attribute, trace
from support import eventually

from modelspan_collector.access.tls import Tls
from modelspan_collector.config import CollectorConfig
from modelspan_collector.otlp.signals import TRACES
from modelspan_collector.receive import grpc_server
from modelspan_collector.service import Collector, UnsafeListenError
from modelspan_collector.store.connect import Store


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_tokens_tenants_and_rotation(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Only known tokens are let in, each for its tenant, whose name is on its rows; a changed file counts at once."""
    file = tmp_path / "tokens"
    file.write_text("alpha tenant=acme\nold tenant=x expires=2020-01-01\n")
    collector = start(tokens=file)
    body = trace({"modelspan.model.name": "m"}).SerializeToString()
    claim = trace({})
    set_attribute(claim.resource_spans[0].resource, "modelspan.tenant", "other")
    forged = claim.SerializeToString()
    assert post(collector.http_port, "/v1/traces", body).status == 401
    assert post(collector.http_port, "/v1/traces", body, **bearer("wrong")).status == 401
    assert post(collector.http_port, "/v1/traces", body, **bearer("old")).status == 401
    with pytest.raises(grpc.RpcError) as refused:
        export(collector.grpc_port, TRACES, body)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert post(collector.http_port, "/v1/traces", forged, **bearer("alpha")).status == 403
    with pytest.raises(grpc.RpcError) as refused:
        export(collector.grpc_port, TRACES, forged, metadata=tuple(bearer("alpha").items()))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert export(collector.grpc_port, TRACES, body, metadata=tuple(bearer("alpha").items())) == b""
    collector.flush()
    assert store.scalar("SELECT ResourceAttributes['modelspan.tenant'] FROM otel_traces") == "acme"
    assert store.scalar("SELECT tags['tenant'] FROM predictions") == "acme"
    file.write_text("beta tenant=acme\n")
    eventually(lambda: post(collector.http_port, "/v1/traces", body, **bearer("alpha")).status == 401)
    assert post(collector.http_port, "/v1/traces", body, **bearer("beta")).status == 200
    value = collector.registry.get_sample_value
    assert value("modelspan_collector_requests_total", {"protocol": "http", "outcome": "unauthenticated"}) >= 4
    for protocol in ("http", "grpc"):
        assert value("modelspan_collector_requests_total", {"protocol": protocol, "outcome": "wrong_tenant"}) == 1


def test_a_tenant_with_a_database_of_its_own(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """A token may lead to another database, which is made when its tenant first sends."""
    other = f"{store.database}_other"
    (tmp_path / "tokens").write_text(f"alpha tenant=acme database={other}\n")
    collector = start(tokens=tmp_path / "tokens")
    try:
        assert post(collector.http_port, "/v1/traces", trace({}).SerializeToString(), **bearer("alpha")).status == 200
        collector.flush()
        assert store.scalar(f"SELECT count() FROM {other}.otel_traces") == 1
        assert store.scalar("SELECT count() FROM otel_traces") == 0
    finally:
        store.command(f"DROP DATABASE IF EXISTS {other}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A self-signed certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command, *names], cwd=folder, check=True, capture_output=True)
    return Tls(folder / "cert.pem", folder / "key.pem")


def refused_connections(collector: Collector) -> float | None:
    labels = {"protocol": "http"}
    return collector.registry.get_sample_value("modelspan_collector_refused_connections_total", labels)


def test_tls_and_plain_text_to_tls(start: Callable[..., Collector], store: Store, certificate: Tls) -> None:
    """With TLS both receivers take encrypted requests and refuse plain ones."""
    collector = start(tls=certificate)
    body = trace({}).SerializeToString()
    context = ssl.create_default_context(cafile=str(certificate.certificate))
    with contextlib.closing(
        http.client.HTTPSConnection("localhost", collector.http_port, context=context, timeout=20)
    ) as client:
        client.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
        assert client.getresponse().status == 200
    credentials = grpc.ssl_channel_credentials(certificate.certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{collector.grpc_port}", credentials) as channel:
        channel.unary_unary(TRACES.grpc_path)(trace({}).SerializeToString(), timeout=20)
    with pytest.raises((OSError, http.client.HTTPException)):
        post(collector.http_port, "/v1/traces", body)
    with pytest.raises(grpc.RpcError):
        export(collector.grpc_port, TRACES, body)
    collector.flush()
    assert store.scalar("SELECT count() FROM otel_traces") == 2
    assert refused_connections(collector) == 1


def test_mutual_tls_refuses_strangers(start: Callable[..., Collector], certificate: Tls) -> None:
    """With an authority of clients, a client without a certificate is refused."""
    collector = start(tls=Tls(certificate.certificate, certificate.key, clients=certificate.certificate))
    for known in (False, True):
        context = ssl.create_default_context(cafile=str(certificate.certificate))
        if known:
            context.load_cert_chain(certificate.certificate, certificate.key)
        client = http.client.HTTPSConnection("localhost", collector.http_port, context=context, timeout=20)
        refused = contextlib.nullcontext() if known else pytest.raises((OSError, http.client.HTTPException))
        with contextlib.closing(client), refused:
            client.request("POST", "/v1/traces", trace({}).SerializeToString(), {"content-type": PROTOBUF})
            assert client.getresponse().status == 200
    assert refused_connections(collector) == 1
    root, key = certificate.certificate.read_bytes(), certificate.key.read_bytes()
    for credentials, known in (
        (grpc.ssl_channel_credentials(root), False),
        (grpc.ssl_channel_credentials(root, key, root), True),
    ):
        with grpc.secure_channel(f"localhost:{collector.grpc_port}", credentials) as channel:
            call = channel.unary_unary(TRACES.grpc_path)
            if known:
                assert call(trace({}).SerializeToString(), timeout=20) == b""
            else:
                with pytest.raises(grpc.RpcError):
                    call(b"", timeout=20)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HALF_OPEN = {
    "nothing": (False, b""),
    "half a preface": (False, PREFACE[:10]),
    "a preface alone": (False, PREFACE),
    "a connection without a call": (False, PREFACE + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])),
    "nothing of TLS": (True, b""),
    "half a hello": (True, b"\x16\x03\x01\x02\x00\x01\x00"),
}


@pytest.mark.parametrize("sent", HALF_OPEN)
def test_grpc_closes_what_stays_half_open(
    start: Callable[..., Collector], certificate: Tls, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    """A connection that never comes to a call ends, so that many of them do not take every file of the process."""
    monkeypatch.setattr(grpc_server, "HANDSHAKE_SECONDS", 0.3)
    monkeypatch.setattr(grpc_server, "IDLE_SECONDS", 0.3)
    encrypted, beginning = HALF_OPEN[sent]
    collector = start(tls=certificate if encrypted else None)
    with socket.create_connection(("127.0.0.1", collector.grpc_port), timeout=30) as connection:
        connection.sendall(beginning)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass


def test_refuses_to_listen_where_others_reach_it(store: Store, tmp_path: Path) -> None:
    """Beyond loopback it takes TLS and tokens, or an explicit word."""
    with pytest.raises(UnsafeListenError, match="--insecure"):
        Collector(store, CollectorConfig(tmp_path, host="0.0.0.0", grpc_port=0, http_port=0))
