"""How the web port listens, and whom it lets in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelspan_collector.access.tls import Tls
from modelspan_collector.origins import is_exposed
from modelspan_collector.running import LOOPBACK


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How the web port listens, and whom it lets in."""

    host: str = LOOPBACK
    """Others than loopback need TLS and tokens, or `insecure`."""
    tls: Tls | None = None
    tokens: Path | None = None
    """File of tokens with roles, read again when it changes; None asks nobody."""
    insecure: bool = False
    """Listen beyond loopback without TLS and tokens."""

    @property
    def unsafe(self) -> bool:
        """Whether others would reach what it shows, unasked who they are or in plain text, and nobody said they may."""
        exposed = is_exposed(self.host, tls=self.tls is not None, tokens=self.tokens is not None)
        return exposed and not self.insecure
