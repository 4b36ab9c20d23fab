"""What a process answers to those who operate it: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def operations_routes(
    registries: Sequence[CollectorRegistry], readiness: Callable[[], Mapping[str, object]]
) -> list[Route]:
    """The three routes.

    Args:
        registries: what `/metrics` shows, in this order.
        readiness: what `/readyz` shows; the status is 503 where its `ready` is false.
    """

    def metrics() -> bytes:
        return b"".join(generate_latest(registry) for registry in registries)

    async def get_metrics(_: Request) -> Response:
        return Response(await run_in_threadpool(metrics), media_type=METRICS_TYPE)

    async def get_health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def get_ready(_: Request) -> Response:
        state = dict(await run_in_threadpool(readiness))
        return JSONResponse(state, status_code=200 if state["ready"] else 503)

    return [Route("/metrics", get_metrics), Route("/healthz", get_health), Route("/readyz", get_ready)]
