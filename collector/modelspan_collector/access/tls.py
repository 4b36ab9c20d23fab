"""TLS and mutual TLS: the same files serve HTTP and gRPC."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

log = logging.getLogger(__name__)

_OUT_OF_ITS_TIME = {9: "is not valid yet", 10: "has expired"}
"""OpenSSL's codes of what is wrong with a certificate."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and key in PEM; with `clients`, only senders with a certificate of that authority are let in."""

    certificate: Path
    key: Path
    clients: Path | None = None
    options: tuple[str, str] = ("--tls-certificate", "--tls-key")
    """By which the two were given, for messages."""

    def context(self, refused: Callable[[], None]) -> ssl.SSLContext:
        """For the HTTP server.

        Args:
            refused: called for every connection that fails the handshake: plain text, no certificate, a strange one.

        Raises:
            OSError: a file is missing or not PEM, or the key is another certificate's; the message names the options.
        """
        context = self._identity()
        if fault := _fault(self._identity(), self.certificate):
            log.warning("the certificate of %s (%s) %s: clients refuse it", self.options[0], self.certificate, fault)
        context.sslobject_class = _counting(refused)
        if self.clients is not None:
            try:
                context.load_verify_locations(self.clients)
            except ssl.SSLError as error:
                raise OSError(f"--tls-clients ({self.clients}) is no PEM file of certificates") from error
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _identity(self) -> ssl.SSLContext:
        """Of who shows this certificate, and asks for none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, self._no_password)
        except ssl.SSLError as error:
            pair = f"{self.options[0]} ({self.certificate}) and {self.options[1]} ({self.key})"
            if error.reason == "KEY_VALUES_MISMATCH":
                raise OSError(f"{pair} do not belong together: the key is not the certificate's") from error
            raise OSError(f"{pair} cannot be read as a certificate and its key in PEM: {error.reason}") from error
        return context

    def _no_password(self) -> str:
        """Without it OpenSSL would ask at a terminal, and a server would wait there for ever."""
        raise OSError(f"the key of {self.options[1]} ({self.key}) has a password: give one without")

    def credentials(self) -> grpc.ServerCredentials:
        """For the gRPC server."""
        return grpc.ssl_server_credentials(
            [(self.key.read_bytes(), self.certificate.read_bytes())],
            root_certificates=None if self.clients is None else self.clients.read_bytes(),
            require_client_auth=self.clients is not None,
        )


def _fault(server: ssl.SSLContext, certificate: Path) -> str:
    """What OpenSSL says of the certificate's time, to a client in memory who trusts it else; '' where nothing."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return _OUT_OF_ITS_TIME.get(error.verify_code, "")
    return ""


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
