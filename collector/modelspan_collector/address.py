"""Addresses in messages: without what may be secret in them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_SECRET = re.compile("pass|token|secret|key", re.IGNORECASE)


def shown(url: str) -> str:
    """An address as it may be logged: the host alone, as paths and queries hold tokens, too."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "?"
    return f"{parts.scheme or '?'}://{host}{port}"


def public(dsn: str) -> str:
    """A DSN without its password and its options, however badly it is written."""
    start, sign, rest = dsn.rpartition("://")
    before, at, after = rest.rpartition("@")
    user = f"{before.partition(':')[0]}:***@" if ":" in before else f"{before}{at}"
    place, query, _ = after.partition("?")
    return f"{start}{sign}{user}{place}{'?***' if query else ''}"


def scrubbed(message: str, dsn: str) -> str:
    """What somebody else says of a DSN, without its password and the values of options that may be one."""
    before, _, after = dsn.rpartition("://")[2].rpartition("@")
    options = (pair.partition("=") for pair in re.split("[?&]", after)[1:])
    secrets = [before.partition(":")[2], *(value for name, _, value in options if _SECRET.search(name))]
    for secret in sorted({*secrets, *map(unquote, secrets)} - {""}, key=len, reverse=True):
        message = message.replace(secret, "***")
    return message
