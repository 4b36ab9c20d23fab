"""`/api/models/NAME/stages`: in which stage each version is, whether it is approved, and deciding on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.governance.decisions import decide
from modelspan_analyzer.governance.lifecycle import every_version
from modelspan_analyzer.views.stages import as_json
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import veiled
from modelspan_analyzer.web.access.forms import fields
from modelspan_analyzer.web.access.visitors import actor_of
from modelspan_analyzer.web.asking import json_object, text, truth
from modelspan_analyzer.web.pages.rendering import url
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store


def stage_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes of the interface."""

    async def show(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_shown, store, rules, request.path_params["model"]))

    async def take(request: Request) -> Response:
        given, model = await json_object(request), rules.masked(request.path_params["model"])
        unseen = truth(given, "unseen")
        said = {name: rules.masked(text(given, name)) for name in ("version", "decision", "reason")}
        actor = actor_of(request, rules.masked(text(given, "actor", "")))
        await run_in_threadpool(_decide, store, {"model": model, **said}, actor, unseen=unseen)
        every = await run_in_threadpool(_shown, store, rules, model)
        mine = next(one for one in every if one["version"] == said["version"])
        return JSONResponse(mine, status_code=201)

    path = "/api/models/{model:path}/stages"  # a name may have slashes
    return [Route(path, show), Route(path, take, methods=["POST"])]


def stage_form_route(store: Store, rules: Redaction) -> Route:
    """The route that the form of a model's page posts to; the page follows."""

    async def take(request: Request) -> Response:
        given = await fields(request)
        named = ("model", "version", "decision", "reason", "actor")
        said = {name: rules.masked(given.get(name, "")) for name in named}
        await run_in_threadpool(_decide, store, said, actor_of(request, said["actor"]))
        page = url("/model", model=said["model"], version=said["version"])
        return RedirectResponse(f"{page}#stage", status_code=303)

    return Route("/model/stages", take, methods=["POST"])


def _decide(store: Store, said: Mapping[str, str], actor: str, *, unseen: bool = False) -> None:
    model, version, decision = said["model"], said["version"], said["decision"]
    decide(store, model, version, decision, reason=said["reason"], actor=actor, now=instants.now(), unseen=unseen)


def _shown(store: Store, rules: Redaction, model: str) -> list[dict[str, Any]]:
    return veiled(as_json(every_version(store, instants.now(), model)), veil_over(store, rules))
