"""What is posted to an operator's address reaches that address alone, and failures say nothing that is secret."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from modelspan_analyzer import instants
from modelspan_analyzer.alerts.push import PushError, push
from modelspan_analyzer.monitors_yaml import ConfigError, parse
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.retraining.call import CallError, call

SECRETS = ("pa55word", "t0ken", "h00k")


class Server(HTTPServer):
    """Answers every post with one status, and remembers the headers."""

    def __init__(self, status: int, location: str = "", body: bytes = b"") -> None:
        seen: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                seen.append(dict(self.headers))
                self.send_response(status, "pa55word")
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = seen
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers, which end with the test."""
    running: list[Server] = []

    def begin(status: int, location: str = "", body: bytes = b"") -> Server:
        running.append(Server(status, location, body))
        return running[-1]

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()
        server.thread.join(5)


def retrain(url: str) -> str:
    result = Result("m", "1", Window(instants.now(), instants.now()), "performance", "auc", 0.5, Verdict.ALARM)
    rule = {"name": "r", "metric": "auc", "webhook": url, "headers": {"Authorization": "Bearer t0ken"}}
    (read,) = parse(json.dumps({"version": 1, "defaults": {"retraining": [rule]}})).defaults.retraining
    return call(read, [result])


WAYS: dict[str, tuple[Callable[[str], Any], type[Exception] | tuple[type[Exception], ...]]] = {
    "retraining": (retrain, (CallError, ConfigError)),
    "alerts": (lambda url: push(url, []), PushError),
}
"""Every way in which modelspan posts to an address that an operator gave."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(serve: Callable[..., Server], way: str, status: int) -> None:
    """The other host gets nothing, not even the call; the operator is told where it would have gone."""
    send, failure = WAYS[way]
    other = serve(200)
    first = serve(status, f"http://user:pa55word@{other.host}/h00k")
    with pytest.raises(failure, match=f"{status}, a redirect to http://{other.host}, which is not followed"):
        send(f"http://{first.host}/h00k")
    assert (len(first.seen), other.seen) == (1, [])


def test_a_redirect_that_names_a_path_alone_is_one_to_the_same_host(serve: Callable[..., Server]) -> None:
    first = serve(302, "/elsewhere")
    with pytest.raises(PushError, match=f"302, a redirect to http://{first.host}, which is not followed"):
        push(f"http://{first.host}/h00k", [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "url",
    [
        "http://user:pa55word@{host}/h00k?token=t0ken",
        "http://user:pa55word@127.0.0.1:1/h00k",
        "http://user:pa55word@{host}:x/h00k",
        "ftp://user:pa55word@example.test/h00k",
        "file:///etc/h00k",
        "user:pa55word@h00k",
        "http://[pa55word/h00k",
        "http://{host}/h00k \r\nx",
        "",
    ],
)
def test_no_failure_tells_a_credential(serve: Callable[..., Server], way: str, url: str) -> None:
    """Whatever is wrong with an address: its user, path and query are in no message."""
    send, failure = WAYS[way]
    if way == "retraining" and not url:
        return
    with pytest.raises(failure) as failed:
        send(url.format(host=serve(500).host))
    assert not [secret for secret in SECRETS if secret in str(failed.value)]


@pytest.mark.parametrize("way", WAYS)
def test_a_user_in_the_address_becomes_basic_authentication(serve: Callable[..., Server], way: str) -> None:
    """Unless the operator gives the header; the address itself is sent without it."""
    server = serve(200)
    WAYS[way][0](f"http://user:pa55word@{server.host}/h00k")
    basic = "Basic " + base64.b64encode(b"user:pa55word").decode()
    assert server.seen[0]["Authorization"] == ("Bearer t0ken" if way == "retraining" else basic)
    assert server.seen[0]["Host"] == server.host


DRIPS = {
    "nothing": b"",
    "a status": b"HTTP/1.1 200 OK\r\n",
    "heads": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-More: " + b"y" * 1000,
    "a body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000,
}


@pytest.mark.parametrize("dripped", DRIPS)
def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, dripped: str) -> None:
    """A byte now and then keeps no timeout of a socket from beginning anew; nothing that was cut off is a delivery."""
    monkeypatch.setitem(push.__globals__, "TIMEOUT_SECONDS", 0.5)
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for at in range(len(DRIPS[dripped])):
                connection.sendall(DRIPS[dripped][at : at + 1])
                over.wait(0 if at < 40 else 0.1)
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=lambda: drip(server.accept()[0]))
        thread.start()
        with pytest.raises(PushError, match=f"http://127.0.0.1:{port} cannot be reached: no whole answer within 0.5 s"):
            push(f"http://127.0.0.1:{port}", [])
        over.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("body", "taken"),
    [(b"", True), (b"\n", True), (b'{"status":"success"}', True), (b"<html>sign in</html>", False), (b"OK", False)],
)
def test_alerts_are_delivered_only_to_what_answers_as_an_alertmanager_does(
    serve: Callable[..., Server], body: bytes, taken: bool
) -> None:
    """A login page answers 200 too, and nobody would be woken."""
    server = serve(200, body=body)
    if taken:
        push(f"http://{server.host}", [])
    else:
        with pytest.raises(PushError, match=f"cannot be pushed to: http://{server.host} answered 200 with text/html"):
            push(f"http://{server.host}", [])
