"""The web application of an instance: `/healthz`, `/readyz`, `/metrics`, and JSON under `/api`."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.alerts import IncidentCollector
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.exposition import ResultsCollector
from modelspan_analyzer.web.baselines import baseline_routes
from modelspan_analyzer.web.incidents import incident_routes
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def build(store: Store, collector: Collector, config: MonitorsConfig) -> Starlette:
    """The application; its handlers only translate between HTTP and the library."""
    return Starlette(routes=[*_operations(store, collector, config), *baseline_routes(store), *incident_routes(store)])


def _operations(store: Store, collector: Collector, config: MonitorsConfig) -> list[Route]:
    results = CollectorRegistry()
    results.register(ResultsCollector(store))
    results.register(IncidentCollector(store, config.alerts))

    def metrics() -> bytes:
        return generate_latest(collector.registry) + generate_latest(results)

    def readiness() -> Mapping[str, object]:
        store.scalar("SELECT 1")
        return collector.health()

    async def get_metrics(_: Request) -> Response:
        return Response(await run_in_threadpool(metrics), media_type=METRICS_TYPE)

    async def get_health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def get_ready(_: Request) -> Response:
        return JSONResponse(dict(await run_in_threadpool(readiness)))

    return [Route("/metrics", get_metrics), Route("/healthz", get_health), Route("/readyz", get_ready)]
