"""`/api/incidents` and `/api/why`: what is wrong, why, and what people think of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.incidents import Incident, feedback, load, steps, timeline
from modelspan_analyzer.incidents.as_json import event_as_json, incident_as_json
from modelspan_analyzer.incidents.asked import answer_to
from modelspan_analyzer.incidents.incident import need_status
from modelspan_analyzer.reading.names import need_all
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import check_asked, veiled
from modelspan_analyzer.web.access.visitors import actor_of
from modelspan_analyzer.web.asking import json_object, text
from modelspan_analyzer.why import explain
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.store.connect import Store

T = TypeVar("T")


def incident_routes(store: Store, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes."""

    async def list_incidents(request: Request) -> Response:
        model, status = (request.query_params.get(name, "") for name in ("model", "status"))
        found = await run_in_threadpool(_listed, store, model, status)
        return JSONResponse(await run_in_threadpool(_shown_by, store, rules, [incident_as_json(one) for one in found]))

    async def show_incident(request: Request) -> Response:
        found = await run_in_threadpool(_shown, store, request.path_params["incident_id"])
        shown = found and await run_in_threadpool(_shown_by, store, rules, found)
        return JSONResponse(shown or {"error": "there is no such incident"}, status_code=200 if shown else 404)

    async def give_feedback(request: Request) -> Response:
        given = await json_object(request)
        actor = actor_of(request, rules.masked(text(given, "actor", "")))
        await run_in_threadpool(_give, store, rules, request.path_params["incident_id"], given, actor)
        return JSONResponse({"status": "recorded"}, status_code=201)

    async def take_step(request: Request) -> Response:
        given = await json_object(request)
        actor = actor_of(request, rules.masked(text(given, "actor", "")))
        incident_id, said = request.path_params["incident_id"], rules.masked(text(given, "text", ""))
        taken = partial(steps.take, actor=actor, now=instants.now(), text=said)
        await run_in_threadpool(taken, store, incident_id, text(given, "step"))
        shown = await run_in_threadpool(_shown, store, incident_id)
        return JSONResponse(await run_in_threadpool(_shown_by, store, rules, shown), status_code=201)

    async def list_feedback(_: Request) -> Response:
        found = await run_in_threadpool(feedback.by_monitor, store)
        return JSONResponse([asdict(counted) | {"mostly_noise": counted.mostly_noise} for counted in found])

    async def say_why(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_why, store, rules, dict(request.query_params)))

    return [
        Route("/api/incidents", list_incidents),
        Route("/api/incidents/{incident_id}", show_incident),
        Route("/api/incidents/{incident_id}/feedback", give_feedback, methods=["POST"]),
        Route("/api/incidents/{incident_id}/steps", take_step, methods=["POST"]),
        Route("/api/feedback", list_feedback),
        Route("/api/why", say_why),
    ]


def _listed(store: Store, model: str, status: str) -> list[Incident]:
    need_status(status)
    need_all(store, [model], [])
    return load(store, model=model, status=status)


def _shown(store: Store, incident_id: str) -> dict[str, Any] | None:
    found = load(store, incident_id=incident_id)
    if not found:
        return None
    events = [event_as_json(event) for event in timeline(store, incident_id)]
    return incident_as_json(found[0]) | {"timeline": events}


def _give(store: Store, rules: Redaction, incident_id: str, given: Mapping[str, Any], actor: str) -> None:
    comment = rules.masked(text(given, "comment", ""))
    feedback.give(store, incident_id, text(given, "opinion"), actor=actor, now=instants.now(), comment=comment)


def _why(store: Store, rules: Redaction, given: Mapping[str, str]) -> Any:
    check_asked(given, veil_over(store, rules))
    return _shown_by(store, rules, [explain(store, finding).as_json() for finding in answer_to(store, given)])


def _shown_by(store: Store, rules: Redaction, answer: T) -> T:
    return veiled(answer, veil_over(store, rules))
