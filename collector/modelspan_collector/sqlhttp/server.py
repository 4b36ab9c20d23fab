"""The endpoint: ClickHouse's HTTP protocol for every client that speaks it, on the embedded store."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from modelspan_collector.origins import Allowed, is_loopback
from modelspan_collector.serve import AsgiServer
from modelspan_collector.sqlhttp.app import SqlApp
from modelspan_collector.sqlhttp.engine import Engine
from modelspan_collector.sqlhttp.settings import Limits
from modelspan_collector.store.connect import Store


class SqlServer:
    """Serves SQL over HTTP: read-only unless told otherwise, on loopback unless told otherwise."""

    def __init__(
        self,
        store: Store,
        host: str = "127.0.0.1",
        port: int = 8123,
        *,
        writable: bool = False,
        limits: Limits | None = None,
        users: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        insecure: bool = False,
        hosts: tuple[str, ...] = (),
    ) -> None:
        """Bind the socket.

        Args:
            store: an open embedded store; clients of a ClickHouse server talk to that server.
            host: the address to listen on.
            port: 0 takes a free one.
            writable: let clients INSERT and change tables by POST; files and the network stay out of reach.
            limits: what one query may take.
            users: password by user name; None lets everyone in, which is for loopback.
            tls: the certificate to serve with.
            insecure: serve addresses beyond loopback without users all the same.
            hosts: names under which it is reached, beside those of the address.

        Raises:
            ValueError: the store is not embedded, its database shows files, or everyone could reach it.
            OSError: the address is taken.
        """
        if not store.embedded:
            raise ValueError("the store is a ClickHouse server: point SQL clients at that server itself")
        if not is_loopback(host) and users is None and not insecure:
            raise ValueError(
                f"the SQL endpoint would let everyone who reaches {host} read the store: listen on 127.0.0.1, give "
                "users with passwords (and TLS), or say insecure"
            )
        limits = limits or Limits()
        self._engine = Engine(urlsplit(store.dsn).path, store.database, limits, writable=writable)
        self._app = SqlApp(self._engine, store.database, limits, users)
        allowed = Allowed(hosts, headers=((b"X-ClickHouse-Exception-Code", b"497"),))
        self._server = AsgiServer(self._app, host, port, tls=tls, name="sql", allowed=allowed)
        self.host = host
        self.port = self._server.port

    def start(self) -> None:
        """Serve, returning once requests are answered."""
        self._server.start()

    def stop(self) -> None:
        """Answer what is in flight, then close."""
        self._server.stop()
        self._app.close()
        self._engine.close()
