"""A webhook: an HTTP server that keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from modelspan_analyzer.webhook import SIGNATURE_HEADER


class Taken:
    """What it was sent."""

    def __init__(self) -> None:
        self.posts: list[tuple[bytes, str]] = []
        self.status = 204
        taken = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.posts.append((body, self.headers[SIGNATURE_HEADER]))
                self.send_response(taken.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_port}/reports"


@contextmanager
def receiving() -> Iterator[Taken]:
    """One that listens."""
    taken = Taken()
    thread = threading.Thread(target=taken.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        taken.server.shutdown()
        taken.server.server_close()
        thread.join(5)
