"""The web application of an instance: its pages, JSON under `/api`, `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.alerts import IncidentCollector
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.exposition import ResultsCollector
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.baselines import baseline_routes
from modelspan_analyzer.web.incidents import incident_routes
from modelspan_analyzer.web.labels import label_routes
from modelspan_analyzer.web.models import model_routes
from modelspan_analyzer.web.openapi.document import document
from modelspan_analyzer.web.openapi.table import OPERATIONS
from modelspan_analyzer.web.owner import Owned, owner_routes
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_analyzer.web.systems import system_routes
from modelspan_collector.operations import operations_routes
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


def build(store: Store, collector: Collector, config: MonitorsConfig, owned: Owned | None = None) -> Starlette:
    """The application; its handlers only translate between HTTP and the library."""
    rules = collector.redaction
    own = [*baseline_routes(store, rules), *label_routes(store, rules)]
    own += [*incident_routes(store, rules), *system_routes(store, config), *model_routes(store), description()]
    if owned is not None:
        own += owner_routes(owned)
    return application(own, [*page_routes(store, config), *_operations(store, collector, config)])


def description() -> Route:
    """The route of the OpenAPI document."""
    told = JSONResponse(document(OPERATIONS))

    async def describe(_: Request) -> Response:
        return told

    return Route("/api/openapi.json", describe)


def _operations(store: Store, collector: Collector, config: MonitorsConfig) -> list[Route]:
    results = CollectorRegistry()
    results.register(ResultsCollector(store))
    results.register(IncidentCollector(store, config.alerts, expects=config.expects))

    def readiness() -> Mapping[str, object]:
        store.scalar("SELECT 1")
        return collector.health()

    return operations_routes([collector.registry, results], readiness)
