"""Who asks: what the tokens of the web port stand for, from a file that can be changed while it is in use.

One line a token: `token [role=viewer|operator|admin] [name=ann] [tenant=NAME] [database=NAME] [project=NAME,NAME]
[expires=2027-01-31]`. In the name of a project, white space, `,`, `#` and `%` are percent-encoded.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from modelspan_analyzer.web.access.roles import Role, Rule
from modelspan_collector.access.token_file import TokenFile, digest, expiry, is_hashed, parse_lines
from modelspan_collector.access.tokens import database_of

SHORTEST: Final = 16
"""Characters of a token: a shorter one could be guessed."""
_KEY: Final = "modelspan.visitor"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    role: Role
    name: str = ""
    """Stands in the audit log and beside opinions; empty where the file does not say."""
    tenant: str = ""
    database: str = ""
    """Of its own; empty for the instance's."""
    projects: frozenset[str] = frozenset()
    """Whose models are all that is shown; empty for every model, also those of no project."""
    expires: float = float("inf")
    by_session: bool = False
    """Whether a browser's session said so, and no token in a header."""


OWNER: Final = Visitor(Role.ADMIN)
"""Who has the secret in the note of the instance: its own commands."""


def parse(text: str) -> dict[bytes, Visitor]:
    """Read the file, by the SHA-256 of each token.

    Raises:
        TokenFileError: a line is not understood.
    """
    return parse_lines(text, _visitor, "role=, name=, tenant=, database=, project=, expires=")


def _visitor(token: str, options: dict[str, str]) -> Visitor:
    if not is_hashed(token) and len(token) < SHORTEST:
        raise ValueError(
            f"a token of {len(token)} characters could be guessed: take {SHORTEST} or more (`openssl rand -hex 16`)"
        )
    role = options.pop("role", Role.VIEWER.word)
    if role not in {each.word for each in Role}:
        raise ValueError(f"there is no role {role!r}: use {', '.join(each.word for each in Role)}")
    return Visitor(
        Role[role.upper()],
        options.pop("name", ""),
        options.pop("tenant", ""),
        database_of(options),
        _projects(options),
        expiry(options),
    )


def _projects(options: dict[str, str]) -> frozenset[str]:
    """Takes `project=NAME,NAME` out; a name that is not there would be every model."""
    if "project" not in options:
        return frozenset()
    names = [unquote(name) for name in options.pop("project").split(",")]
    if not all(names):
        raise ValueError("`project=` names no project: leave it away for a token of all of them")
    return frozenset(names)


class Visitors:
    """Those that the file names, and the owner."""

    def __init__(self, path: Path, secret: str) -> None:
        """Read the file.

        Raises:
            TokenFileError: a line is not understood, or it names nobody.
            OSError: it cannot be read.
        """
        self._file = TokenFile(path, parse)
        self._owner = digest(secret) if secret else b""

    def of(self, key: bytes) -> Visitor | None:
        """Whose token has this digest; None where nobody's has, or not any more."""
        if self._owner and hmac.compare_digest(key, self._owner):
            return OWNER
        found = self._file.all().get(key)
        return found if found is not None and found.expires > time.time() else None


def visitor_of(request: HTTPConnection) -> Visitor | None:
    """Who asks, as the guard of the port found it; None where the port asks nobody for a token."""
    found: Visitor | None = request.scope.get(_KEY)
    return found


def may_use(visitor: Visitor | None, rule: Rule, *, stranger: bool = False) -> bool:
    """Whether who asks may use what a rule is of; a stranger is somebody of whom nothing is known yet."""
    if stranger:
        return rule.least is None
    if visitor is None:
        return True
    return rule.lets(visitor.role, of_tenant=bool(visitor.database), of_project=bool(visitor.projects))


def actor_of(request: HTTPConnection, said: str) -> str:
    """Who does something, for what is written down: the name of the token, whatever the sender says of itself."""
    visitor = visitor_of(request)
    return visitor.name if visitor is not None and visitor.name else said


def admit(scope: MutableMapping[str, Any], visitor: Visitor, *, by_session: bool) -> None:
    """Let the application know who asks."""
    scope[_KEY] = replace(visitor, by_session=by_session)
