"""HTTP/1.1 alone, said to those who come with HTTP/2 in their own frames: an answer in HTTP/1.1 they cannot read.

A client with prior knowledge of HTTP/2 (RFC 9113, section 3.3) begins with a preface. It gets the end of its connection
with the code HTTP_1_1_REQUIRED, upon which it is to try again so, and a sentence for its user.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from modelspan_collector.patience import PatientProtocol

_PREFACE: Final = b"PRI * HTTP/2.0\r\n"
_SETTINGS: Final = struct.pack(">xHBBI", 0, 4, 0, 0)
_GOAWAY, _HTTP_1_1_REQUIRED = 7, 13
_SENTENCE: Final = b"this port speaks HTTP/1.1; send again so (OTLP over HTTP/2 is gRPC, on its own port)"


def _goaway() -> bytes:
    payload = struct.pack(">II", 0, _HTTP_1_1_REQUIRED) + _SENTENCE
    return struct.pack(">xHBBI", len(payload), _GOAWAY, 0, 0) + payload


class Http1Protocol(PatientProtocol):
    """A connection, which ends politely where it begins with HTTP/2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun = False

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        if not self._begun and data.startswith(_PREFACE):
            self.transport.write(_SETTINGS + _goaway())
            self.transport.close()
            return
        self._begun = True
        super().data_received(data)
