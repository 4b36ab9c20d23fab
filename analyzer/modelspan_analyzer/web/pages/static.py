"""The few files that pages need beside themselves, read once; their address changes with what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelspan_analyzer.charts import stylesheet

FOLDER: Final = Path(__file__).parent.parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@cache
def files() -> Mapping[str, bytes]:
    """What is served, by name."""
    own = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
    return {**own, "charts.css": stylesheet().encode()}


@cache
def address(name: str) -> str:
    """Where a file is served; another one as soon as it is another file, so that it can be kept for ever."""
    return f"/static/{name}?v={_mark(name)}"


@cache
def _mark(name: str) -> str:
    return hashlib.sha256(files()[name]).hexdigest()[:12]


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in files():
        raise HTTPException(404)
    newest = request.query_params.get("v") == _mark(name)
    tag = f'"{_mark(name)}"'
    headers = {
        "Cache-Control": _FOR_EVER if newest else "no-cache",
        "ETag": tag,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(files()[name], media_type=_TYPES[Path(name).suffix], headers=headers)


def static_routes() -> list[Route]:
    """The route of all of them."""
    return [Route("/static/{name}", _serve, methods=["GET"])]
