"""Where tokens are shown: looked up, counted where they are wrong, and turned into a browser's session."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from modelspan_analyzer.web.access.guesses import Guesses
from modelspan_analyzer.web.access.sessions import Sessions, cookie_of
from modelspan_analyzer.web.access.visitors import Visitor, Visitors
from modelspan_collector.access.token_file import digest


class Desk:
    """Everything that a port that asks for tokens remembers."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._sessions = Sessions()
        self._guesses = Guesses()

    def wait(self, request: HTTPConnection) -> float:
        """Seconds until a token of this address is looked at; 0 where it is now."""
        return self._guesses.wait(_address(request))

    def show(self, request: HTTPConnection, token: str) -> Visitor | None:
        """Whose token it is; a wrong one is counted."""
        found = self._visitors.of(digest(token))
        if found is None:
            self._guesses.note(_address(request))
        return found

    def remembered(self, request: HTTPConnection) -> Visitor | None:
        """Whose session a browser sends along; None where it has none, or its token is not known any more."""
        kept = cookie_of(request)
        key = self._sessions.key(kept) if kept else None
        return self._visitors.of(key) if key is not None else None

    def begin(self, token: str) -> str:
        """Open a session for a token that was found right; returns what the browser is to keep."""
        return self._sessions.begin(digest(token))

    def end(self, request: HTTPConnection) -> None:
        """Close the session that a browser sends along."""
        self._sessions.end(cookie_of(request))


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""
