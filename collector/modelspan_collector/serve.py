"""Runs an ASGI application on a thread of its own, with a start that waits and a stop that drains."""

from __future__ import annotations

import math
import ssl
import threading
import time

import uvicorn

from modelspan_collector.ending import GRACE_SECONDS, Ending
from modelspan_collector.http1 import Http1Protocol
from modelspan_collector.origins import Allowed, App, Origins
from modelspan_collector.ports import listen

START_TIMEOUT_SECONDS = 15.0


class AsgiServer:
    """One listening socket and the application behind it; every port of modelspan that speaks HTTP is one."""

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        name: str = "http",
        allowed: Allowed | None = None,
    ) -> None:
        """Bind the socket.

        Args:
            app: an ASGI application.
            host: the address to listen on.
            port: 0 takes a free one.
            tls: the certificate to serve with.
            name: for the thread.
            allowed: which names and pages may ask, beside the port's own.

        Raises:
            OSError: the port is taken; the message says how to choose another.
        """
        self._socket = listen(host, port)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self._ending = Ending(app)
        config = uvicorn.Config(
            Origins(self._ending, host, allowed or Allowed()),
            http=Http1Protocol,
            ws="none",
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=math.ceil(GRACE_SECONDS) + 2,
        )
        if tls is not None:
            config.load()
            config.ssl = tls
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"modelspan-{name}", daemon=True
        )

    def start(self) -> None:
        """Serve, returning once requests are answered.

        Raises:
            RuntimeError: the server did not come up in time.
        """
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the HTTP server on {self.host}:{self.port} did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Answer what is in flight, then close; what does not end in time is answered 503."""
        self._ending.end_in_time(lambda: self._server.server_state.connections)
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout=10)
        self._socket.close()
