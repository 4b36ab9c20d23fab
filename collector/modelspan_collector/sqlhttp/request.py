"""Reads the URL and the headers of a request of ClickHouse's HTTP protocol."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass

from starlette.requests import Request

from modelspan_collector.sqlhttp import errors, numbers
from modelspan_collector.sqlhttp.native import REVISION_WITH_CUSTOM_SERIALIZATION

_QUERY_ID = re.compile(r"[\w.:/-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the URL and the headers of one request ask for."""

    query: str
    bound: dict[str, str]
    """`param_x` of the URL by bare name."""
    settings: dict[str, str]
    """Every other URL parameter."""
    database: str
    default_format: str
    query_id: str
    session_id: str
    user: str
    password: str

    @property
    def revision(self) -> int:
        """The revision of Native blocks that the client insists on; 0 where it can read the engine's own.

        clickhouse-go (and Grafana with it) takes no other than the one it asks for. clickhouse-connect asks for an
        older one, and reads revision 0 just as well, which costs nothing.
        """
        revision = numbers.whole(self.settings.get("client_protocol_version", ""))
        return revision if revision >= REVISION_WITH_CUSTOM_SERIALIZATION else 0

    def flag(self, name: str) -> bool:
        """True where the URL switches `name` on."""
        return self.settings.get(name, "0").lower() in ("1", "true")


def parameters(request: Request) -> Parameters:
    """Read the URL and headers; headers win over URL parameters, as they do in ClickHouse."""
    url = dict(request.query_params)
    headers = request.headers
    user, password = _credentials(request)
    return Parameters(
        query=url.pop("query", ""),
        bound={name[len("param_") :]: value for name, value in url.items() if name.startswith("param_")},
        settings={name: value for name, value in url.items() if not name.startswith("param_")},
        database=headers.get("x-clickhouse-database", url.get("database", "")),
        default_format=headers.get("x-clickhouse-format", url.get("default_format", "TabSeparated")),
        query_id=_query_id(url.get("query_id", "")),
        session_id=url.get("session_id", ""),
        user=user,
        password=password,
    )


def _query_id(asked: str) -> str:
    """The client's id where it can stand in a header, else a new one."""
    return asked if _QUERY_ID.fullmatch(asked) else str(uuid.uuid4())


def _credentials(request: Request) -> tuple[str, str]:
    headers, url = request.headers, request.query_params
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise errors.ClickHouseError(
                516, "AUTHENTICATION_FAILED", "the Authorization header is not valid"
            ) from None
        return user, password
    return (
        headers.get("x-clickhouse-user", url.get("user", "")),
        headers.get("x-clickhouse-key", url.get("password", "")),
    )
