"""`/login` and `/logout`: a token is shown once, and the browser keeps a session."""

from __future__ import annotations

import math
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.forms import fields
from modelspan_analyzer.web.access.guard import LOGIN
from modelspan_analyzer.web.access.sessions import give, take_back
from modelspan_analyzer.web.pages.rendering import render

LOGOUT: Final = "/logout"


def login_routes(desk: Desk) -> list[Route]:
    """The routes of a port that asks for tokens."""

    async def ask(request: Request) -> Response:
        return _page(request, request.query_params.get("next", ""))

    async def log_in(request: Request) -> Response:
        given = await fields(request)
        onward, token = given.get("next", ""), given.get("token", "").strip()
        if wait := math.ceil(desk.wait(request)):
            wrong = f"Too many wrong tokens came from this address: try again in {wait} s."
            return _page(request, onward, wrong, 429, {"Retry-After": str(wait)})
        if desk.show(request, token) is None:
            return _page(request, onward, "This token is not known here, or has expired.", 401)
        desk.end(request)
        answer = RedirectResponse(_local(onward), status_code=303)
        give(answer, request, desk.begin(token))
        return answer

    async def log_out(request: Request) -> Response:
        await fields(request)
        desk.end(request)
        answer = RedirectResponse(LOGIN, status_code=303)
        take_back(answer, request)
        return answer

    return [
        Route(LOGIN, ask, methods=["GET"]),
        Route(LOGIN, log_in, methods=["POST"]),
        Route(LOGOUT, log_out, methods=["POST"]),
    ]


def _page(
    request: Request, onward: str, wrong: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return render(request, "login.html", status, headers, onward=_local(onward), wrong=wrong, stranger=True)


def _local(address: str) -> str:
    """The page to go on to: one of this port, never another site's."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    onward = address if plain and address.startswith("/") and not address.startswith("//") else "/"
    return "/" if onward.partition("?")[0] in (LOGIN, LOGOUT) else onward
