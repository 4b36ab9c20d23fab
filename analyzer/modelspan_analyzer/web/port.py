"""The web port: where it listens, by which certificate, and whom it asks for a token."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp

from modelspan_analyzer.reading.confined import Confined, confined, models_of
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.guard import Guard
from modelspan_analyzer.web.access.visitors import Visitor, Visitors
from modelspan_analyzer.web.config import WebConfig
from modelspan_collector.origins import Allowed
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

_MOST_CONFINED: Final = 50
"""Sets of projects for which an application is kept."""


class UnsafeWebError(ValueError):
    """The web port would listen beyond loopback without protection."""


class OfBound:
    """Applications over what tokens are bound to, made when one is first asked for.

    That is the database that a tenant has of its own, the models of some projects, or these in that database.
    """

    def __init__(self, store: Store, make: Callable[[Store], Starlette]) -> None:
        """Over the instance's own store, of which projects without a tenant are."""
        self._store = store
        self._make = make
        self._made: dict[str, tuple[Store, Starlette]] = {}
        self._confined: OrderedDict[tuple[str, frozenset[str]], tuple[Confined, Starlette]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, visitor: Visitor) -> ASGIApp:
        """The application over what the file of tokens names.

        Raises:
            StoreUnavailableError: the database cannot be opened.
            CannotConfineError: it cannot be cut for projects.
        """
        with self._lock:
            if visitor.projects:
                store = self._tenant(visitor.database)[0] if visitor.database else self._store
                return self._of_projects(store, visitor.projects)
            return self._tenant(visitor.database)[1]

    def _tenant(self, database: str) -> tuple[Store, Starlette]:
        if database not in self._made:
            store = connect(self._store.dsn, database)
            schema.apply(store)
            self._made[database] = (store, self._make(store))
        return self._made[database]

    def _of_projects(self, store: Store, projects: frozenset[str]) -> ASGIApp:
        """What was made for the same projects, unless other models are of them now."""
        key, models = (store.database, projects), models_of(store, projects)
        known = self._confined.pop(key, None)
        if known is None or known[0].models != models:
            own = confined(store, projects, models)
            known = (own, self._make(own))
        self._confined[key] = known
        while len(self._confined) > _MOST_CONFINED:
            self._confined.popitem(last=False)
        return known[1]

    def close(self) -> None:
        """Close the databases."""
        with self._lock:
            for store, _ in self._made.values():
                store.close()
            self._made.clear()
            for confined_to, _ in self._confined.values():
                confined_to.close()
            self._confined.clear()


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
    bound: Callable[[Visitor], ASGIApp],
    *,
    secret: str = "",
    hosts: tuple[str, ...] = (),
) -> AsgiServer:
    """The port, bound.

    Args:
        config: where it listens, and whom it lets in.
        port: 0 takes a free one.
        make: the application; it has a page to log in where there is a desk.
        bound: the application over what a token is bound to.
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
    guarded: ASGIApp = app if desk is None else Guard(app, desk, bound)
    tls = config.tls.context(lambda: None) if config.tls is not None else None
    allowed = Allowed(hosts, links=True)
    return AsgiServer(guarded, config.host, port, tls=tls, name="web", allowed=allowed)
