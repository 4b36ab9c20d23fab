"""`/api/exports`: whoever copied data out of an instance says so, for the audit log of the store that it owns."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.governance import audit
from modelspan_collector.store.connect import Store

JSON_TYPE = "application/json"


def export_routes(store: Store) -> list[Route]:
    """The route; only JSON is taken, which makes a browser ask first."""

    async def exported(request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0] != JSON_TYPE:
            return JSONResponse({"error": f"an export is told as {JSON_TYPE}"}, status_code=400)
        try:
            told = json.loads(await request.body())
            folder, rows, actor = str(told["folder"]), int(told["rows"]), str(told.get("actor", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": f"expected folder, rows and actor: {error}"}, status_code=400)
        await run_in_threadpool(audit.record_export, store, folder, rows, actor)
        return JSONResponse({}, status_code=201)

    return [Route("/api/exports", exported, methods=["POST"])]
