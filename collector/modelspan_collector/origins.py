"""Who may ask over HTTP: no page of another site, by the browser of a person who can reach the port. For every port.

A browser sends what any page tells it to, to addresses that only its own machine can reach too. It says where a request
comes from (`Sec-Fetch-Site`, `Origin`), and a page that makes its own name lead to this machine is told by `Host`.
Programs send none of these, or a name of this machine.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

_LOCAL_NAMES = frozenset({"", "localhost", "host.docker.internal"})
_PORT = re.compile(r":\d{1,5}$")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may ask one port, beside programs and its own pages."""

    hosts: tuple[str, ...] = ()
    """Names, without a port, under which people reach it, as through a proxy: `Host` and `Origin` may be such."""
    origins: tuple[str, ...] = ()
    """Origins of pages that may send: `https://shop.example`; `*` for any."""
    links: bool = False
    """Whether links on other sites' pages may lead here: GET in a tab of its own, which the other page cannot read."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Sent along with a refusal, for clients that look for them."""


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_exposed(host: str, *, tls: bool, tokens: bool) -> bool:
    """Whether others reach an address where they are not asked who they are, or are in plain text."""
    return not (is_loopback(host) or (tls and tokens))


class Origins:
    """Refuses, before the application sees them, requests that another site's page makes a browser send."""

    def __init__(self, app: App, listen: str, allowed: Allowed) -> None:
        self._app = app
        self._loopback = is_loopback(listen)
        self._allowed = allowed
        self._hosts = frozenset(map(str.lower, allowed.hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        problem = self._problem(scope) if scope["type"] == "http" else ""
        if not problem:
            await self._app(scope, receive, send)
            return
        head = [(b"content-type", b"text/plain; charset=utf-8"), *self._allowed.headers]
        await send({"type": "http.response.start", "status": 403, "headers": head})
        await send({"type": "http.response.body", "body": f"{problem}\n".encode()})

    def _problem(self, scope: Scope) -> str:
        hosts = _values(scope, b"host") or [""]
        origins = _values(scope, b"origin")
        for host in hosts:
            if not self._own_name(host):
                return (
                    f"the host name {host[:200]!r} does not belong to this address: use 127.0.0.1 or localhost, "
                    "or start modelspan with --allow-host NAME"
                )
        for origin in origins:
            if not self._may_send(origin, hosts):
                return f"requests of web pages from {origin[:200]} are not served; --allow-host or --cors allow a page"
        if not origins and "cross-site" in _values(scope, b"sec-fetch-site") and not self._is_link(scope):
            return "requests that a page of another site makes a browser send are not served"
        return ""

    def _own_name(self, host: str) -> bool:
        name = _PORT.sub("", host).lower()
        if name in self._hosts:
            return True
        if self._loopback:
            return name in _LOCAL_NAMES or is_loopback(name)
        return not self._hosts or name == "" or _is_address(name)

    def _may_send(self, origin: str, hosts: list[str]) -> bool:
        if "*" in self._allowed.origins or origin in self._allowed.origins:
            return True
        place = origin.partition("://")[2].lower()
        return bool(place) and (place in map(str.lower, hosts) or _PORT.sub("", place) in self._hosts)

    def _is_link(self, scope: Scope) -> bool:
        return (
            self._allowed.links
            and scope["method"] in ("GET", "HEAD")
            and _values(scope, b"sec-fetch-mode") == ["navigate"]
            and _values(scope, b"sec-fetch-dest") == ["document"]
        )


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == name]


def _is_address(name: str) -> bool:
    """An address cannot be rebound to another machine's, as a name can."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
