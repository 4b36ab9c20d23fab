"""Bearer tokens and the tenants behind them, from a file that can be changed while the collector runs.

One line a token: `token [tenant=NAME] [database=NAME] [expires=2027-01-31]`; `#` begins a comment. `sha256:<hex>` may
stand in place of a token, so that the file holds no secret.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from modelspan_collector.otlp.errors import UnauthenticatedError
from modelspan_collector.store.quote import quote_identifier

_CHECK_SECONDS = 1.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who sent a request."""

    name: str = ""
    """Kept as resource attribute `modelspan.tenant` and tag `tenant`; empty where tokens are not used."""
    database: str = ""
    """Database of its own; empty for the collector's."""
    expires: float = float("inf")
    """Seconds since 1970 after which the token is refused."""


ANYONE = Tenant()


class TokenFileError(ValueError):
    """The file of tokens cannot be used; the message says which line and why."""


def parse(text: str) -> dict[bytes, Tenant]:
    """Read the file of tokens, as SHA-256 of each token.

    Raises:
        TokenFileError: a line is not understood.
    """
    tenants = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            token, options = words[0], dict(word.split("=", 1) for word in words[1:])
            digest = (
                bytes.fromhex(token[7:]) if token.startswith("sha256:") else hashlib.sha256(token.encode()).digest()
            )
            expires, database = options.pop("expires", None), options.pop("database", "")
            if database:
                quote_identifier(database)
            tenants[digest] = Tenant(
                name=options.pop("tenant", ""),
                database=database,
                expires=float("inf") if expires is None else _utc(expires),
            )
        except ValueError as error:
            raise TokenFileError(f"line {number}: {error}") from error
        if options:
            raise TokenFileError(f"line {number}: {sorted(options)} not known; use tenant=, database=, expires=")
    return tenants


def _utc(date: str) -> float:
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Tokens:
    """The tokens that are known now."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._stamp: tuple[int, int] | None = None
        self._tenants: dict[bytes, Tenant] = {}
        if path is not None:
            self._reload()

    @property
    def required(self) -> bool:
        """True where a request has to carry a token."""
        return self._path is not None

    def databases(self) -> set[str]:
        """The databases that tenants have of their own, by the file as it is now."""
        if self._path is not None:
            self._reload_when_changed()
        return {tenant.database for tenant in self._tenants.values() if tenant.database}

    def tenant(self, authorization: str) -> Tenant:
        """Who a request is from, by its `authorization` header.

        Raises:
            UnauthenticatedError: no token, an unknown one, or one that has expired.
        """
        if self._path is None:
            return ANYONE
        self._reload_when_changed()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("this collector needs a token: send the header `authorization: Bearer <token>`")
        # The look-up is by digest, so its timing says nothing of the tokens that exist.
        tenant = self._tenants.get(hashlib.sha256(token.strip().encode()).digest())
        if tenant is None:
            raise UnauthenticatedError("the token is not known to this collector")
        if tenant.expires <= time.time():
            raise UnauthenticatedError("the token has expired")
        return tenant

    def _reload_when_changed(self) -> None:
        with self._lock:
            if time.monotonic() - self._read_at < _CHECK_SECONDS:
                return
            try:
                self._reload()
            except (OSError, TokenFileError) as error:  # a file that is being rewritten: what was good stays good
                _LOGGER.warning("the file of tokens cannot be used, those known so far stay: %s", error)
                self._read_at = time.monotonic()

    def _reload(self) -> None:
        assert self._path is not None
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._tenants = parse(self._path.read_text())
            self._stamp = stamp
        self._read_at = time.monotonic()
