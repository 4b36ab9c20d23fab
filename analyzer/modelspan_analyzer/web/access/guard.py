"""The guard of the web port: finds out who asks, and lets through what the table of roles allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from modelspan_analyzer.reading.confined import CannotConfineError
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.roles import Role, Rule, rule_of
from modelspan_analyzer.web.access.visitors import Visitor, admit, visitor_of
from modelspan_analyzer.web.asking import said, wants_page
from modelspan_analyzer.web.sealed import Sealed

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_NONE: Final = "this port needs a token: send the header `authorization: Bearer <token>`"
_WRONG: Final = "the token is not known here, or has expired"
LOGIN: Final = "/login"
_NOTHING: Final = Rule(Role.VIEWER)
"""Of an address, or a method, that no route answers: who may look is told so by the application."""


class Guard:
    """Stands before the application of a port that asks for tokens."""

    def __init__(self, app: Starlette, desk: Desk, bound: Callable[[Visitor], ASGIApp]) -> None:
        """Guard an application.

        Args:
            app: over the instance's own database.
            desk: where tokens are shown.
            bound: the application over what a token is bound to: a tenant's own database, the models of projects.
        """
        self._app = app
        self._desk = desk
        self._bound = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the application of whoever asks, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = _path_of(self._app.routes, scope)
        rule = rule_of(request.method, path) if path else _NOTHING
        visitor, refused = (None, None) if rule.least is None else self._whom(request)
        refused = refused or (_refused(request, rule, visitor) if visitor is not None else None)
        if refused is not None:
            await Sealed(refused)(scope, receive, send)
            return
        app: ASGIApp = self._app
        if visitor is not None and (visitor.database or visitor.projects):
            try:
                app = await run_in_threadpool(self._bound, visitor)
            except CannotConfineError as error:
                app = Sealed(said(request, str(error), 403))
        await app(scope, receive, send)

    def _whom(self, request: Request) -> tuple[Visitor | None, Response | None]:
        """Who asks, or why nobody is let in."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        by_session = scheme.lower() != "bearer" or not token
        if by_session:
            found = self._desk.remembered(request)
        elif wait := self._desk.wait(request):
            return None, too_many(request, wait)
        else:
            found = self._desk.show(request, token.strip())
        if found is None:
            return None, _unknown(request, _NONE if by_session else _WRONG)
        admit(request.scope, found, by_session=by_session)
        return found, None


def too_many(request: Request, wait: float) -> Response:
    """The answer to who has guessed too often, as a page for a browser."""
    seconds = math.ceil(wait)
    sentence = f"too many wrong tokens came from this address: try again in {seconds} s"
    return said(request, sentence, 429, {"Retry-After": str(seconds)})


def _unknown(request: Request, sentence: str) -> Response:
    if wants_page(request) and request.method in ("GET", "HEAD"):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{LOGIN}?{urlencode({'next': asked})}", status_code=303)
    return JSONResponse({"error": sentence}, status_code=401, headers={"WWW-Authenticate": "Bearer"})


def _refused(request: Request, rule: Rule, visitor: Visitor) -> Response | None:
    """Why somebody who is known may not do it; None where they may."""
    sentence, told = "", visitor_of(request)
    by_session = told is not None and told.by_session
    if visitor.tenant and not visitor.database:
        sentence = (
            f"what is shown here is of all tenants of the database together, and cannot be cut for {visitor.tenant!r} "
            "alone: give the tenant a database of its own (database=NAME in the file of tokens)"
        )
    elif rule.least is not None and visitor.role < rule.least:
        sentence = f"this is for the role {rule.least.word}, and the token has the role {visitor.role.word}"
    elif visitor.database and not rule.of_tenants:
        sentence = f"this tells of the whole instance, and the token is of the database {visitor.database} alone"
    elif visitor.projects and not rule.of_projects:
        of = ", ".join(sorted(visitor.projects))
        sentence = f"this tells of more than the models of a project, and the token is of {of} alone"
    elif by_session and request.url.path.startswith("/api/") and request.method not in _SAFE:
        sentence = "a session is for pages and their forms: send a token as `authorization: Bearer <token>`"
    return said(request, sentence, 403) if sentence else None


def _path_of(routes: list[BaseRoute], scope: Scope) -> str:
    """The path of the route that would answer, as it stands in the table; '' where none would."""
    for route in routes:
        if route.matches(scope)[0] is Match.FULL:
            return str(getattr(route, "path", ""))
    return ""
