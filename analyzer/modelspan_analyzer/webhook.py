"""Posts JSON to an address of the operator's.

No redirect is followed, no failure tells a credential, and no answer is waited for beyond its time, however it drips.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from modelspan_collector.address import shown

SIGNATURE_HEADER: Final = "X-Modelspan-Signature-256"


class Answer(NamedTuple):
    """What an address said to a post that it took."""

    address: str
    """Whose it is, without credentials."""
    status: int
    kind: str
    """The type of its content; '' where it names none."""
    body: bytes
    """As much of its beginning as was asked for."""


class PostError(Exception):
    """The address did not take what was posted; the message says which host and why, without credentials."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Headers such as `Authorization` are for the address that was given, and for no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Do not follow."""


class _Ending(http.client.HTTPConnection):
    """A connection with an end: the timeout of a socket begins anew with every byte."""

    def connect(self) -> None:
        """Connect, and end it when its time is over."""
        super().connect()
        ending = threading.Timer(self.timeout or 0.0, _end, [self.sock.dup()])
        ending.daemon = True
        ending.start()


class _EncryptedEnding(http.client.HTTPSConnection, _Ending):
    """The same with TLS, whose handshake is part of the time."""


def _end(line: socket.socket) -> None:
    with line, contextlib.suppress(OSError):  # it is over already
        line.shutdown(socket.SHUT_RDWR)


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> Any:
        """Open with an end."""
        return self.do_open(_Ending, req)


class _Encrypted(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> Any:
        """Open with an end."""
        return self.do_open(_EncryptedEnding, req)


_OPENER = urllib.request.build_opener(_NoRedirect, _Plain, _Encrypted)


def post(url: str, body: bytes, *, headers: Mapping[str, str], timeout: float, most: int = 0) -> Answer:
    """Post a body; returns the answer of success. A user and password in the address become Basic authentication.

    Raises:
        PostError: it cannot be reached, or answers with anything but success.
    """
    began = time.monotonic()
    try:
        parts = urlsplit(url)
        request = _request(parts, body, headers)
        with _OPENER.open(request, timeout=timeout) as answer:
            found = Answer(shown(url), int(answer.status), answer.headers.get("Content-Type", ""), answer.read(most))
        if time.monotonic() - began >= timeout:  # what was cut off reads as an answer that ends
            raise TimeoutError
        return found
    except urllib.error.HTTPError as error:
        with error:
            raise PostError(f"{shown(url)} answered {_answer(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() - began >= timeout
        why = f"no whole answer within {timeout:g} s" if late else _cause(getattr(error, "reason", error))
        raise PostError(f"{shown(url)} cannot be reached: {why}") from None


def post_signed(url: str, body: bytes, *, headers: Mapping[str, str], secret_env: str, timeout: float) -> Answer:
    """Post a body with its signature by the key in an environment variable; without one where none is named.

    Raises:
        PostError: as `post`, or the key is not set.
    """
    if not secret_env:
        return post(url, body, headers=headers, timeout=timeout)
    secret = os.environ.get(secret_env, "")
    if not secret:
        raise PostError(f"the environment variable {secret_env} with the signing key is not set")
    return post(url, body, headers={**headers, SIGNATURE_HEADER: sign(body, secret)}, timeout=timeout)


def sign(body: bytes, secret: str) -> str:
    """HMAC-SHA256 of the body, as `sha256=<hex>`; the receiver computes it again and compares."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _request(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> urllib.request.Request:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is not an http(s) address")
    given = {"Content-Type": "application/json", **headers}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        given.setdefault("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    return urllib.request.Request(address, data=body, headers=given, method="POST")  # noqa: S310 - checked above


def _answer(error: urllib.error.HTTPError) -> str:
    """The status; of a redirect also where to, so that the operator can give that address."""
    to = error.headers.get("Location", "")
    if to and error.code in range(300, 400):
        where = shown(urljoin(error.url, to))  # it may be a path alone
        return f"{error.code}, a redirect to {where}, which is not followed: give the address itself"
    return str(error.code)


def _cause(error: object) -> str:
    """What went wrong, without quoting: messages of urllib hold the address."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ValueError) and str(error) == "it is not an http(s) address":
        return str(error)
    return type(error).__name__
