"""What is asked over HTTP, checked before it is used; what is wrong with it is said in a sentence, never a bare 500."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from clickhouse_connect.driver.exceptions import Error as DriverError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.incidents.incident import UnknownIncidentError
from modelspan_analyzer.views.view import NotThereError
from modelspan_analyzer.web.openapi.table import BODIES, JSON_TYPE, KNOWN
from modelspan_analyzer.web.pages.rendering import render
from modelspan_analyzer.web.sealed import Sealed
from modelspan_analyzer.web.unanswered import in_plain_words
from modelspan_collector.store.errors import StoreError
from modelspan_collector.wal.journal import FULL_DISK

MOST_JSON_BYTES: Final = 1 << 20
_DISK_AT_FAULT: Final = FULL_DISK | {errno.EIO, errno.EROFS}
_LOGGER = logging.getLogger(__name__)


class AskedWrongError(ValueError):
    """A request that cannot be answered; the message is for who sent it."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that was posted.

    Raises:
        AskedWrongError: it is another type, too large, not JSON, no object, or has a name that the route does not take.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON_TYPE:  # no other page's form can
        raise AskedWrongError(f"post {JSON_TYPE}", 415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_JSON_BYTES:
            raise AskedWrongError(f"the body is larger than {MOST_JSON_BYTES} bytes", 413)
    try:
        given = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise AskedWrongError("the body is not JSON") from None
    if not isinstance(given, dict):
        raise AskedWrongError("the body is not a JSON object, such as {}")
    _need_known("the body", frozenset(given), getattr(request.state, "takes", frozenset(given)))
    return given


def text(given: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    """A text of an object that was posted.

    Raises:
        AskedWrongError: it is missing, and there is nothing to take instead, or it is no text.
    """
    found = given.get(name, otherwise)
    if not isinstance(found, str):
        raise AskedWrongError(f"{name!r} has to be a text" if name in given else f"{name!r} is missing")
    return found


def truth(given: Mapping[str, Any], name: str) -> bool:
    """Whether an object that was posted says so; not where it is missing.

    Raises:
        AskedWrongError: it is neither true nor false.
    """
    found = given.get(name, False)
    if not isinstance(found, bool):
        raise AskedWrongError(f"{name!r} has to be true or false")
    return found


def texts(given: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts of an object that was posted; none where it is missing.

    Raises:
        AskedWrongError: it is anything else.
    """
    found = given.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise AskedWrongError(f"{name!r} has to be a list of texts")
    return found


def check_parameters(request: Request, path: str, known: frozenset[str]) -> None:
    """Refuse what a question does not know, or is told twice: which of the two is meant?

    Raises:
        AskedWrongError: a name is not known, and the message lists those that are; or it is there more than once.
    """
    _need_known(path.replace(":path}", "}"), frozenset(request.query_params), known)
    given = [name for name, _ in request.query_params.multi_items()] if request.method in ("GET", "HEAD") else []
    if twice := sorted({name for name in given if given.count(name) > 1}):
        raise AskedWrongError(f"{twice[0]!r} is there {given.count(twice[0])} times: say it once")


def _need_known(place: str, given: frozenset[str], known: frozenset[str]) -> None:
    if unknown := sorted({name[:40] for name in given - known}):
        takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise AskedWrongError(f"{place} does not know {', '.join(map(repr, unknown[:5]))}: {takes}")


def _asked(route: Route) -> Route:
    """The same route, which refuses parameters, and names in a JSON object, that it does not know."""
    endpoint = route.endpoint

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        door = f"{method} {route.path}"
        check_parameters(request, route.path, KNOWN.get(door, frozenset()))
        if door in BODIES:
            request.state.takes = BODIES[door]
        return await endpoint(request)  # type: ignore[no-any-return]

    return Route(route.path, answer, methods=list(route.methods or ()))


async def _nothing(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    if status == 404:
        paths = ", ".join(sorted({route.path for route in request.app.routes}))
        only = "" if wants_page(request) else f", only at {paths}"
        sentence = f"there is nothing at {request.url.path[:100]!r}{only}"
    else:
        sentence = f"{request.method[:20]} is not for {request.url.path[:100]!r}"
    return said(request, sentence, status, getattr(error, "headers", None))


async def _wrong(request: Request, error: Exception) -> Response:
    if isinstance(error, TypeError | RecursionError):  # taken for the sender's fault, and perhaps ours
        _LOGGER.warning("a request was not understood: %s", type(error).__name__)
    return _answer(request, error, error.status if isinstance(error, AskedWrongError) else 400)


async def _absent(request: Request, error: Exception) -> Response:
    return _answer(request, error, 404)


async def _unavailable(request: Request, error: Exception) -> Response:
    told = " ".join(str(error).split())[:500]
    _LOGGER.warning("the store did not answer %r: %s: %s", request.url.path[:100], type(error).__name__, told)
    return said(request, in_plain_words(error), 503)


async def _file(request: Request, error: Exception) -> Response:
    """What was sent cannot be read, or a folder that was named cannot be used; unless the disk is at fault."""
    at_fault = isinstance(error, OSError) and error.errno in _DISK_AT_FAULT
    return await (_unavailable if at_fault else _wrong)(request, error)


def _answer(request: Request, error: Exception, status: int) -> Response:
    sentence = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
    shown = " ".join(sentence.encode("utf-8", "replace").decode().split())[:500]
    return said(request, shown or "the request is not understood", status)


def said(request: Request, sentence: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A sentence as JSON, or as a page for a person who asked for one."""
    if wants_page(request):
        stranger = status == 429
        return render(request, "error.html", status, headers, sentence=sentence, code=status, stranger=stranger)
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and for a page rather than for what is behind one."""
    path = request.url.path
    a_page = not path.startswith("/api") and not path.endswith((".json", ".csv"))
    return a_page and "text/html" in request.headers.get("accept", "")


_HANDLERS: Final[Mapping[Any, Any]] = {
    HTTPException: _nothing,
    NotThereError: _absent,
    UnknownIncidentError: _absent,
    ValueError: _wrong,
    KeyError: _wrong,
    TypeError: _wrong,
    OverflowError: _wrong,
    RecursionError: _wrong,
    StoreError: _unavailable,
    DriverError: _unavailable,
    OSError: _file,
    pa.ArrowException: _wrong,
}
"""How errors of the library are answered, by whoever raises them."""


def application(own: Sequence[Route], others: Sequence[Route] = ()) -> Starlette:
    """An application whose every route answers with a sentence where it cannot answer otherwise.

    Args:
        own: routes that take the parameters of `PARAMETERS` only.
        others: routes that are left as they are.
    """
    sealed = [Middleware(Sealed)]
    return Starlette(routes=[*others, *map(_asked, own)], middleware=sealed, exception_handlers=_HANDLERS)
