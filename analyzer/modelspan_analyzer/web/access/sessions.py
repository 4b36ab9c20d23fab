"""Sessions of browsers: a cookie that stands for a token, until it is given back, the token goes, or hours passed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from modelspan_collector.access.token_file import digest

SECONDS: Final = 12 * 3600
FORM_FIELD: Final = "form_token"
_MOST: Final = 10_000
_SECRET: Final = secrets.token_bytes(32)
"""Of this process."""


@dataclass(frozen=True, slots=True)
class _Session:
    key: bytes
    """Digest of the token that it was opened with, which is asked again at every request."""
    until: float
    """On the monotonic clock."""


class Sessions:
    """Those that are open, by the digest of what the browser holds; they end with the process."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, key: bytes) -> str:
        """Open one for a token, by its digest; returns what the browser is to keep."""
        kept = secrets.token_urlsafe(32)
        with self._lock:
            self._open[digest(kept)] = _Session(key, time.monotonic() + SECONDS)
            while len(self._open) > _MOST:
                self._open.popitem(last=False)
        return kept

    def key(self, kept: str) -> bytes | None:
        """The token's digest behind what a browser sent; None where there is no such session any more."""
        with self._lock:
            found = self._open.get(digest(kept))
            if found is not None and found.until <= time.monotonic():
                del self._open[digest(kept)]
                return None
        return found.key if found is not None else None

    def end(self, kept: str) -> None:
        """Close it."""
        with self._lock:
            self._open.pop(digest(kept), None)


def cookie_of(request: HTTPConnection) -> str:
    """What the browser sent of its session; '' where nothing."""
    return request.cookies.get(_name(request), "")


def give(response: Response, request: HTTPConnection, kept: str) -> None:
    """Have the browser keep a session: no script reads it, and no other site's page makes it be sent."""
    response.set_cookie(
        _name(request), kept, max_age=SECONDS, path="/", httponly=True, samesite="strict", secure=_tls(request)
    )


def take_back(response: Response, request: HTTPConnection) -> None:
    """Have the browser forget it."""
    response.delete_cookie(_name(request), path="/", httponly=True, samesite="strict", secure=_tls(request))


def form_token(request: HTTPConnection) -> str:
    """What a form has to carry: proof that its page was served to this session, which no other site's page can read."""
    return hmac.new(_SECRET, cookie_of(request).encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _tls(request: HTTPConnection) -> bool:
    return request.url.scheme == "https"


def _name(request: HTTPConnection) -> str:
    """One a port, as cookies of one host are sent to all of its ports; bound to TLS where that is in use."""
    port = (request.scope.get("server") or ("", 0))[1]
    return f"{'__Host-' if _tls(request) else ''}modelspan-{port}"
