"""Bearer tokens and the tenants behind them, from a file that can be changed while the collector runs.

One line a token: `token [tenant=NAME] [database=NAME] [expires=2027-01-31]`; `#` begins a comment. `sha256:<hex>` may
stand in place of a token, so that the file holds no secret.
"""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass
from pathlib import Path

from modelspan_collector.access.token_file import TokenFile, digest, expiry, parse_lines
from modelspan_collector.otlp.errors import UnauthenticatedError
from modelspan_collector.store.quote import quote_identifier


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


def parse(text: str) -> dict[bytes, Tenant]:
    """Read the file of tokens, as SHA-256 of each token.

    Raises:
        TokenFileError: a line is not understood.
    """
    return parse_lines(text, _tenant, "tenant=, database=, expires=")


def _tenant(_: str, options: dict[str, str]) -> Tenant:
    return Tenant(name=options.pop("tenant", ""), database=database_of(options), expires=expiry(options))


def database_of(options: dict[str, str]) -> str:
    """Takes `database=NAME` out of a line's options.

    Raises:
        ValueError: it cannot be a database's name.
    """
    database = options.pop("database", "")
    if database:
        quote_identifier(database)
    return database


class Tokens:
    """The tokens that are known now."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else TokenFile(path, parse)

    @property
    def required(self) -> bool:
        """True where a request has to carry a token."""
        return self._file is not None

    def databases(self) -> set[str]:
        """The databases that tenants have of their own, by the file as it is now."""
        tenants = self._file.all().values() if self._file is not None else ()
        return {tenant.database for tenant in tenants if tenant.database}

    def tenant(self, authorization: str) -> Tenant:
        """Who a request is from, by its `authorization` header.

        Raises:
            UnauthenticatedError: no token, an unknown one, or one that has expired.
        """
        if self._file is None:
            return ANYONE
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("this collector needs a token: send the header `authorization: Bearer <token>`")
        tenant = self._file.all().get(digest(token.strip()))
        if tenant is None:
            raise UnauthenticatedError("the token is not known to this collector")
        if tenant.expires <= time.time():
            raise UnauthenticatedError("the token has expired")
        return tenant


def bearer(authorization: str) -> str:
    """Basic authentication as the token that is its password, for senders that know an address and no header."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return authorization
    return f"Bearer {decoded.partition(':')[2]}"
