"""A stop answers what is under way: what can end does, and what cannot gets a sentence, without a line in the log."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from support import eventually

from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_collector import ending
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer

PATHS = {"sql": "/", "otlp": "/v1/logs", "web": "/api/baselines?model=m"}
HALF = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is enough of a grace here."""
    monkeypatch.setattr(ending, "GRACE_SECONDS", 0.5)


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    connection.settimeout(30)
    parts = []
    with connection:
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_an_upload_that_a_stop_meets_is_answered_503_and_nothing_is_printed(
    engine_dsn: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """On every port that speaks HTTP; the sentence says what to do, and no traceback comes."""
    collector = CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0)
    made = Instance(InstanceConfig(tmp_path, engine_dsn, collector, sql_port=0, web_port=0, analyze=False))
    made.start()
    numbers = {"sql": made.ports.sql, "otlp": made.ports.http, "web": made.ports.web}
    open_ones = {}
    for port, path in PATHS.items():
        open_ones[port] = socket.create_connection(("127.0.0.1", numbers[port]))
        open_ones[port].sendall(HALF.format(path=path).encode())
    servers = [server for server in vars(made).values() if isinstance(server, AsgiServer)]
    assert servers
    eventually(lambda: all(server._ending._under_way for server in servers))
    stopping = threading.Thread(target=made.stop)
    stopping.start()
    answers = {port: rest_of(connection) for port, connection in open_ones.items()}
    stopping.join()
    for port, answer in answers.items():
        assert answer.startswith(b"HTTP/1.1 503"), port
        assert b"send it again" in answer, port
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err + printed.out
    assert "Cancel" not in printed.err


def test_an_answer_that_a_stop_cuts_off_does_not_pass_for_a_whole_one(capfd: pytest.CaptureFixture[str]) -> None:
    """The connection is cut, and nothing is printed; one that ends in time is whole."""
    begun = threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a" * 10, "more_body": True})
        begun.set()
        await asyncio.sleep(0.1 if scope["path"] == "/short" else 60)
        await send({"type": "http.response.body", "body": b"b" * 10})

    for path in ("/short", "/long"):
        begun.clear()
        server = AsgiServer(slow, "127.0.0.1", 0)
        server.start()
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        begun.wait(30)
        server.stop()
        whole = b""
        try:
            whole = rest_of(connection)
        except ConnectionResetError:
            assert path == "/long"
        assert whole.endswith(b"0\r\n\r\n") is (path == "/short")
    assert capfd.readouterr().err == ""
