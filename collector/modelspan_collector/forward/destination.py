"""Where requests are sent on to, and which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Destination:
    """One OTLP endpoint downstream."""

    url: str
    """`grpc://host:port`, `grpcs://…`, `http://host:port` or `https://…`."""
