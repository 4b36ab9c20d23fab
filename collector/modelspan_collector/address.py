"""Addresses in messages: without what may be secret in them."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """An address as it may be logged: the host alone, as paths and queries hold tokens, too."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "?"
    return f"{parts.scheme or '?'}://{host}{port}"
