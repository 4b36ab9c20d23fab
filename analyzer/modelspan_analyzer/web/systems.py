"""`/api/moved` and `/api/breakdown`: which models a service moved, and where a model's time and money go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents.asked import window_of
from modelspan_analyzer.reading.names import need_model, need_service
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.breakdown import breakdown
from modelspan_analyzer.why.moved import moved, since_release
from modelspan_collector.store.connect import Store


def system_routes(store: Store, config: MonitorsConfig) -> list[Route]:
    """The routes; both take `since` and `until` as `/api/why` does."""

    async def show_moved(request: Request) -> Response:
        def answer(service: str, asked: Window) -> Any:
            need_service(store, service)
            given = bool(request.query_params.get("since"))
            window = asked if given else since_release(store, service, asked) or asked
            return [asdict(one) for one in moved(store, service, window)]

        return await _answer(request, "service", answer)

    async def show_breakdown(request: Request) -> Response:
        def answer(model: str, window: Window) -> Any:
            need_model(store, model)
            return breakdown(store, model, window, config.for_model(model, None).costs).as_json()

        return await _answer(request, "model", answer)

    return [Route("/api/moved", show_moved), Route("/api/breakdown", show_breakdown)]


async def _answer(request: Request, about: str, answer: Callable[[str, Window], Any]) -> Response:
    """What is said of a service or model over a window, or what was wrong with the request."""
    given = request.query_params
    if not given.get(about):
        return JSONResponse({"error": f"say which {about}: ?{about}=NAME"}, status_code=400)
    window = window_of(given.get("since", ""), given.get("until", ""))
    return JSONResponse(await run_in_threadpool(answer, given[about], window))
