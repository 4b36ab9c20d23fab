"""TLS and mutual TLS: the same files serve HTTP and gRPC."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and key in PEM; with `clients`, only senders with a certificate of that authority are let in."""

    certificate: Path
    key: Path
    clients: Path | None = None

    def context(self, refused: Callable[[], None]) -> ssl.SSLContext:
        """For the HTTP server.

        Args:
            refused: called for every connection that fails the handshake: plain text, no certificate, a strange one.

        Raises:
            OSError: a file is missing or not PEM.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslobject_class = _counting(refused)
        context.load_cert_chain(self.certificate, self.key)
        if self.clients is not None:
            context.load_verify_locations(self.clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def credentials(self) -> grpc.ServerCredentials:
        """For the gRPC server."""
        return grpc.ssl_server_credentials(
            [(self.key.read_bytes(), self.certificate.read_bytes())],
            root_certificates=None if self.clients is None else self.clients.read_bytes(),
            require_client_auth=self.clients is not None,
        )


def _counting(refused: Callable[[], None]) -> type[ssl.SSLObject]:
    """The one place where a server on asyncio learns of a handshake that failed."""

    class CountingObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                refused()
                raise

    return CountingObject
