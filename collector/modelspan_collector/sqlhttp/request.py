"""Reads a request of ClickHouse's HTTP protocol: URL, headers, and where the statement ends and its data begins."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from modelspan_collector.sqlhttp import encodings, errors, forms
from modelspan_collector.sqlhttp.forms import ExternalTable
from modelspan_collector.sqlhttp.native import REVISION_WITH_CUSTOM_SERIALIZATION

HEAD_BYTES = 64 * 1024
"""An INSERT's statement must end within this much of the body."""

_QUERY_ID = re.compile(r"[\w.:/-]{1,200}", re.ASCII)
_INSERT = re.compile(rb"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(INSERT|WITH)\b", re.IGNORECASE | re.DOTALL)
"""How a statement begins whose rows may follow it: `WITH ... INSERT` is one too."""
_HEAD_TOKEN = re.compile(
    rb"""'(?:[^'\\]|\\.)*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" | --[^\n]*\n | /\*.*?\*/
       | (?P<open>[({]) | (?P<close>[)}]) | (?P<insert>\bINSERT\s+INTO\b)
       | \bFORMAT\s+(?P<format>\w+)[ \t]*(?:;[ \t]*)?(?:\r?\n)? | (?P<values>\bVALUES\b)
       | (?P<select>\b(?:SELECT|WITH)\b)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


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
        asked = self.settings.get("client_protocol_version", "0")
        revision = int(asked) if asked.isdecimal() else 0
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


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, taken apart."""

    sql: str
    """The statement's text: the URL's, and what of the body belongs to it."""
    data: AsyncIterator[bytes]
    """The rows of an INSERT, decoded."""
    bound: Mapping[str, str] = field(default_factory=dict)
    """Bound parameters that came as form fields."""
    external: tuple[ExternalTable, ...] = ()


async def body(request: Request, asked: Parameters, statement_bytes: int, external_bytes: int) -> Body:
    """Decode the body and find where the statement ends.

    Raises:
        ClickHouseError: the body cannot be decoded, or the statement is too long.
    """
    chunks = _decoded(request, asked)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _form(request, asked, chunks, statement_bytes, external_bytes)
    if _takes_rows(asked.query.encode("utf-8", "surrogateescape")):
        return Body(asked.query, chunks)
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if not asked.query and _INSERT.match(head):
            if end := _data_start(bytes(head), final=False):
                return Body(head[:end].decode("utf-8", "surrogateescape"), _prepend(bytes(head[end:]), chunks))
            if len(head) <= HEAD_BYTES or len(head) <= statement_bytes:
                continue
        if len(head) > statement_bytes:
            raise errors.ClickHouseError(
                637, "QUERY_IS_TOO_LARGE", f"a statement may have {statement_bytes} bytes at most"
            )
    if not asked.query and (end := _data_start(bytes(head), final=True)):
        return Body(head[:end].decode("utf-8", "surrogateescape"), _prepend(bytes(head[end:]), chunks))
    parts = (asked.query, head.decode("utf-8", "surrogateescape"))
    return Body("\n".join(part for part in parts if part.strip()), chunks)


async def _form(
    request: Request, asked: Parameters, chunks: AsyncIterator[bytes], statement_bytes: int, external_bytes: int
) -> Body:
    """Drivers send many or long bound parameters as fields of a form, and external tables as files."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > statement_bytes + external_bytes:
            raise errors.ClickHouseError(
                637, "QUERY_IS_TOO_LARGE", f"external tables may have {external_bytes} bytes at most"
            )
    form = forms.parse(request.headers["content-type"], bytes(content))
    if sum(map(len, form.fields.values())) > statement_bytes:
        raise errors.ClickHouseError(637, "QUERY_IS_TOO_LARGE", f"a form may have {statement_bytes} bytes at most")
    external = forms.external_tables(form.files, {**asked.settings, **form.fields})
    for name in forms.described_by(form.files):
        asked.settings.pop(name, None)
    bound = {name[len("param_") :]: value for name, value in form.fields.items() if name.startswith("param_")}
    sql = "\n".join(text for text in (asked.query, form.fields.get("query", "")) if text)
    return Body(sql, chunks, bound, external)


async def _decoded(request: Request, asked: Parameters) -> AsyncIterator[bytes]:
    decoder = encodings.decoder(request.headers.get("content-encoding", ""), framed=asked.flag("decompress"))
    async for chunk in request.stream():
        if plain := decoder.feed(chunk):
            yield plain
    if rest := decoder.finish():
        yield rest


async def _prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _takes_rows(statement: bytes) -> bool:
    """True for a whole statement that is an INSERT, whether its rows follow or a SELECT has given them."""
    return _verb(statement) == b"INSERT" or (
        _verb(statement) == b"WITH" and any(token["insert"] for token in _clauses(statement))
    )


def _data_start(head: bytes, *, final: bool) -> int:
    """Where the rows of an INSERT begin; 0 where the statement has none or has not ended yet."""
    inserts = _verb(head) == b"INSERT"
    for token in _clauses(head):
        inserts = inserts or bool(token["insert"])
        if token["select"] and (inserts or token["select"].upper() == b"SELECT"):
            return 0
        if inserts and (token["values"] or token["format"]) and (final or token.end() < len(head)):
            return token.end()
    return 0


def _verb(statement: bytes) -> bytes:
    """INSERT or WITH, where the statement begins so."""
    found = _INSERT.match(statement)
    return found[1].upper() if found else b""


def _clauses(text: bytes) -> Iterator[re.Match[bytes]]:
    """The words that divide a statement, outside of parentheses, braces, strings and comments."""
    depth = 0
    for token in _HEAD_TOKEN.finditer(text):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0:
            yield token
