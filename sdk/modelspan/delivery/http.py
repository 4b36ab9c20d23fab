"""One HTTP connection to the receiver, kept open, with a deadline on every exchange."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import ssl
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from modelspan._settings import Endpoint

CONTENT_TYPE = "application/x-protobuf"
_MAX_ANSWER = 1 << 20

Body = Sequence["bytes | memoryview"]
"""What to send, in parts."""


class Answer(NamedTuple):
    """What the receiver said."""

    status: int
    body: bytes
    retry_after: float | None
    """Seconds that it asked to wait."""


class Connection:
    """A kept-alive connection; not for use by several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare; it opens with the first request."""
        url = urlsplit(endpoint.url)
        self._endpoint = endpoint
        self._url = url
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._headers = {"content-type": CONTENT_TYPE, "user-agent": "modelspan-python", **endpoint.headers}
        if endpoint.gzip:
            self._headers["content-encoding"] = "gzip"
        self._open: http.client.HTTPConnection | None = None

    def post(self, body: Body) -> Answer:
        """Send a body and read the answer within the endpoint's timeout.

        Raises:
            OSError, http.client.HTTPException: No answer that is HTTP came in time.
        """
        deadline = time.monotonic() + self._endpoint.timeout
        parts = [gzip.compress(b"".join(body), 1)] if self._endpoint.gzip else body
        reused = self._open is not None
        try:
            return self._exchange(parts, deadline)
        except (ConnectionError, http.client.BadStatusLine):
            self.close()
            if not reused:
                raise
        except BaseException:
            self.close()
            raise
        try:  # the receiver had closed the idle connection
            return self._exchange(parts, deadline)
        except BaseException:
            self.close()
            raise

    def _exchange(self, body: Body, deadline: float) -> Answer:
        connection = self._open = self._open or self._connect()
        connection.timeout = max(0.01, deadline - time.monotonic())
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        length = str(sum(map(len, body)))
        connection.request("POST", self._path, iter(body), {**self._headers, "content-length": length})
        response = connection.getresponse()
        answer = bytearray()
        while chunk := response.read1(65_536):
            answer += chunk
            if len(answer) > _MAX_ANSWER or time.monotonic() > deadline:
                raise TimeoutError("the receiver's answer does not end")
        response.read()  # nothing is left; this frees the connection for the next request
        if response.will_close:
            self.close()
        return Answer(response.status, bytes(answer), _seconds(response.getheader("retry-after")))

    def _connect(self) -> http.client.HTTPConnection:
        assert self._url.hostname is not None
        if self._url.scheme == "http":
            return http.client.HTTPConnection(self._url.hostname, self._url.port)
        trust = ssl.create_default_context(cafile=self._endpoint.certificate)
        if self._endpoint.client_certificate:
            trust.load_cert_chain(self._endpoint.client_certificate, self._endpoint.client_key)
        return http.client.HTTPSConnection(self._url.hostname, self._url.port, context=trust)

    def close(self) -> None:
        """Close it; the next request opens another."""
        connection, self._open = self._open, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()


def _seconds(retry_after: str | None) -> float | None:
    """The header Retry-After (RFC 9110, 10.2.3), given in seconds or as a date, as seconds from now."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
