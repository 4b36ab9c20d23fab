"""The forms of an incident's page: what somebody does about it, and what they think of it."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.incidents import feedback, steps
from modelspan_analyzer.web.access.forms import fields
from modelspan_analyzer.web.access.visitors import actor_of
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store


def incident_form_routes(store: Store, rules: Redaction) -> list[Route]:
    """The routes that the forms post to; the page follows."""

    async def give(request: Request) -> Response:
        given = await fields(request)
        actor, comment = (rules.masked(given.get(name, "")) for name in ("actor", "comment"))
        told = partial(feedback.give, actor=actor_of(request, actor), now=instants.now(), comment=comment)
        await run_in_threadpool(told, store, request.path_params["incident_id"], given.get("opinion", ""))
        return RedirectResponse(f"{request.url.path}#done", status_code=303)

    async def take(request: Request) -> Response:
        given, incident_id = await fields(request), request.path_params["incident_id"]
        step = given.get("step", "")
        field = "assignee" if step == "assign" else "note"
        actor, said = (rules.masked(given.get(name, "")) for name in ("actor", field))
        taken = partial(steps.take, actor=actor_of(request, actor), now=instants.now(), text=said)
        await run_in_threadpool(taken, store, incident_id, step)
        return RedirectResponse(f"/incidents/{incident_id}#work", status_code=303)

    return [
        Route("/incidents/{incident_id}", give, methods=["POST"]),
        Route("/incidents/{incident_id}/steps", take, methods=["POST"]),
    ]
