"""Every port that speaks HTTP keeps out other sites' pages, and waits for nobody's bytes for ever."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_collector import patience
from modelspan_collector.config import CollectorConfig
from modelspan_collector.origins import Allowed
from modelspan_collector.serve import AsgiServer

SHOP = "https://shop.example"
PORTS = ("sql", "otlp", "web")
PATHS = {"sql": ("/", b"SELECT 1"), "otlp": ("/v1/logs", b"{}"), "web": ("/api/baselines?model=m", b"")}
"""A request to each that may change or cost something."""


@pytest.fixture(scope="module")
def instance(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """All of modelspan in this process, with a page that may send and a name of a proxy's."""
    data = tmp_path_factory.mktemp("ports")
    collector = CollectorConfig(
        data / "collector", grpc_port=0, http_port=0, cors_origins=(SHOP,), hosts=("dash.example",)
    )
    made = Instance(InstanceConfig(data, engine_dsn, collector, sql_port=0, web_port=0, analyze=False))
    made.start()
    yield made
    made.store.command("DROP DATABASE modelspan")
    made.stop()


def ask(
    instance: Instance, port: str, headers: dict[str, str], *, method: str = "POST", path: str = ""
) -> tuple[int, str]:
    """Status and text of one request; a header given here replaces the usual one, and None leaves it out."""
    number = getattr(instance.ports, {"otlp": "http"}.get(port, port))
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=30)
    usual_path, body = PATHS[port]
    all_headers = {"Host": f"127.0.0.1:{number}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    connection.putrequest(method, path or usual_path, skip_host=True, skip_accept_encoding=True)
    for name, value in {**all_headers, **headers}.items():
        connection.putheader(name, value.replace("{port}", str(number)))
    connection.endheaders(body)
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return status, text


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.168.1.5:{port}"},
        {"Host": "169.254.169.254"},
        {"Host": "127.0.0.1@evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://["},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ],
    ids=str,
)
def test_no_port_answers_what_a_foreign_page_sends(instance: Instance, port: str, headers: dict[str, str]) -> None:
    """Whatever a browser says of a page of another site, or of a name that was bent to this machine, it gets 403."""
    status, text = ask(instance, port, headers)
    assert status == 403
    assert "not served" in text or "does not belong to this address" in text
    for method in ("GET", "OPTIONS", "PUT"):
        if "navigate" not in headers.values() or method != "GET" or port != "web":
            assert ask(instance, port, headers, method=method)[0] == 403


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Host": "localhost"},
        {"Host": "LOCALHOST:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.1.2.3:{port}"},
        {"Host": "[::1]:{port}"},
        {"Host": "[::1]"},
        {"Host": "host.docker.internal:{port}"},
        {"Host": "dash.example"},
        {"Host": "localhost:{port}", "Origin": "http://localhost:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Host": "dash.example", "Origin": "https://dash.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://dash.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"User-Agent": "Prometheus/3.0"},
    ],
    ids=str,
)
def test_every_port_answers_programs_and_its_own_pages(instance: Instance, port: str, headers: dict[str, str]) -> None:
    """A name of this machine or one that was allowed, no origin or its own: curl, drivers, scrapes, a proxy."""
    assert ask(instance, port, headers)[0] != 403


def test_a_page_that_may_send_telemetry_may_do_nothing_else(instance: Instance) -> None:
    """`--cors` opens OTLP, also across sites, and neither SQL nor the web interface."""
    headers = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}
    assert ask(instance, "otlp", headers)[0] == 200
    assert ask(instance, "otlp", headers, method="OPTIONS")[0] == 204
    assert ask(instance, "sql", headers)[0] == 403
    assert ask(instance, "web", headers)[0] == 403


def test_a_link_may_lead_to_the_web_port(instance: Instance) -> None:
    """An alert's link is followed from a page of Alertmanager; a picture or a frame of that page is refused."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(instance, "web", link, method="GET", path="/healthz")[0] == 200
    assert ask(instance, "web", {**link, "Sec-Fetch-Dest": "iframe"}, method="GET", path="/healthz")[0] == 403
    assert ask(instance, "sql", link, method="GET", path="/?query=SELECT+1")[0] == 403


async def _hello(scope: dict[str, object], receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"hello"})  # type: ignore[operator]


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        ((), "collector.example:4318", 200),
        ((), "10.0.0.7:4318", 200),
        (("collector.example",), "collector.example:4318", 200),
        (("collector.example",), "10.0.0.7:4318", 200),
        (("collector.example",), "evil.example:4318", 403),
    ],
)
def test_beyond_loopback_any_name_is_served_unless_names_were_given(
    hosts: tuple[str, ...], host: str, status: int
) -> None:
    """What listens for other machines does not know its names; with --allow-host it has no others."""
    server = AsgiServer(_hello, "0.0.0.0", 0, allowed=Allowed(hosts))
    server.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        assert (answer.status, answer.read() == b"hello") == (status, status == 200)
        connection.request("GET", "/", headers={"Host": host, "Origin": "https://evil.example"})
        assert connection.getresponse().status == 403
        connection.close()
    finally:
        server.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(patience, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(patience.PatientProtocol, "_left", 0.3)
    monkeypatch.setattr(patience, "TICK_SECONDS", 0.1)


def rest_of(connection: socket.socket) -> bytes:
    """What the server still says until it closes the connection."""
    connection.settimeout(30)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


HEADS = {
    "nothing": [],
    "half a line": [b"PO"],
    "half a head": [b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    "a second head": [b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /ping HT"],
}
BODIES = {
    "no body": b"",
    "one byte": b"{",
    "all but one byte": b"{" + b" " * 98,
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_does_not_come_is_not_waited_for(instance: Instance, port: str, head: str) -> None:
    """The connection is closed, with a sentence where the client had begun to speak."""
    number = getattr(instance.ports, {"otlp": "http"}.get(port, port))
    with socket.create_connection(("127.0.0.1", number)) as connection:
        for part in HEADS[head]:
            connection.sendall(part)
            if part.endswith(b"\r\n\r\n"):
                assert connection.recv(65536)
        last = rest_of(connection)
    assert (b"HTTP/1.1 408" in last) == (head != "nothing")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_does_not_come_is_not_waited_for(instance: Instance, port: str, body: str) -> None:
    """A body that stalls ends in 408, and holds nothing any more."""
    number = getattr(instance.ports, {"otlp": "http"}.get(port, port))
    head = f"POST {PATHS[port][0]} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100"
    with socket.create_connection(("127.0.0.1", number)) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + BODIES[body])
        last = rest_of(connection)
    assert b"HTTP/1.1 408" in last
    assert ask(instance, port, {})[0] != 503


@pytest.mark.usefixtures("hasty")
def test_a_body_that_comes_at_its_pace_may_take_its_time(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten pieces, each before the last one's time is over, take longer than the time for one."""
    monkeypatch.setattr(patience, "BYTES_A_SECOND", 10)
    with socket.create_connection(("127.0.0.1", instance.ports.sql)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 108\r\n\r\nSELECT 1"
        )
        for _ in range(10):
            threading.Event().wait(0.1)
            connection.sendall(b" " * 10)
        assert rest_of(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("port", PORTS)
def test_a_head_has_a_size(instance: Instance, port: str) -> None:
    """A header that never ends is not kept."""
    number = getattr(instance.ports, {"otlp": "http"}.get(port, port))
    with socket.create_connection(("127.0.0.1", number)) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-Large: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"x" * 64 * 1024)
        last = rest_of(connection)
    assert last == b"" or b"HTTP/1.1 431" in last


def test_those_who_only_hold_connections_do_not_keep_others_out(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too many are open, the one that says nothing for longest goes, and a new client is answered."""
    monkeypatch.setattr(patience, "MOST_CONNECTIONS", 8)
    for port in PORTS:
        number = getattr(instance.ports, {"otlp": "http"}.get(port, port))
        with contextlib.ExitStack() as opened:
            held = [opened.enter_context(socket.create_connection(("127.0.0.1", number))) for _ in range(40)]
            for connection in held[20:]:
                with contextlib.suppress(OSError):
                    connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            assert ask(instance, port, {})[0] not in (403, 503)
