"""The web port: where it listens, by which certificate, and whom it asks for a token."""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.types import ASGIApp

from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.guard import Guard
from modelspan_analyzer.web.access.visitors import Visitors
from modelspan_analyzer.web.config import WebConfig
from modelspan_collector.origins import Allowed
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect


class UnsafeWebError(ValueError):
    """The web port would listen beyond loopback without protection."""


class OfTenants:
    """Applications over the databases that tenants have of their own, made when one is first asked for."""

    def __init__(self, dsn: str, make: Callable[[Store], Starlette]) -> None:
        self._dsn = dsn
        self._make = make
        self._made: dict[str, tuple[Store, Starlette]] = {}
        self._lock = threading.Lock()

    def __call__(self, database: str) -> ASGIApp:
        """The application over one, which the file of tokens names.

        Raises:
            StoreUnavailableError: the database cannot be opened.
        """
        with self._lock:
            if database not in self._made:
                store = connect(self._dsn, database)
                schema.apply(store)
                self._made[database] = (store, self._make(store))
            return self._made[database][1]

    def close(self) -> None:
        """Close the databases."""
        with self._lock:
            for store, _ in self._made.values():
                store.close()
            self._made.clear()


def check_safe(config: WebConfig) -> None:
    """Refuse a port that would be open to others, before anything is made for it.

    Raises:
        UnsafeWebError: it would.
    """
    if config.unsafe:
        raise UnsafeWebError(
            f"refusing to show pages on {config.host}, which others can reach, without TLS and tokens; "
            "give both (--web-tls-cert, --web-tls-key, --web-tokens), or say --web-insecure"
        )


def web_server(
    config: WebConfig,
    port: int,
    make: Callable[[Desk | None], Starlette],
    of_database: Callable[[str], ASGIApp],
    *,
    secret: str = "",
    hosts: tuple[str, ...] = (),
) -> AsgiServer:
    """The port, bound.

    Args:
        config: where it listens, and whom it lets in.
        port: 0 takes a free one.
        make: the application; it has a page to log in where there is a desk.
        of_database: the application over a tenant's own database.
        secret: what the owner's own commands show instead of a token.
        hosts: names under which it is reached, beside those of the address.

    Raises:
        UnsafeWebError: it would be open to others.
        OSError: the address is taken, or a file cannot be read.
        TokenFileError: the file of tokens is not understood.
    """
    check_safe(config)
    desk = Desk(Visitors(config.tokens, secret)) if config.tokens is not None else None
    app = make(desk)
    guarded: ASGIApp = app if desk is None else Guard(app, desk, of_database)
    tls = config.tls.context(lambda: None) if config.tls is not None else None
    allowed = Allowed(hosts, links=True)
    return AsgiServer(guarded, config.host, port, tls=tls, name="web", allowed=allowed)
