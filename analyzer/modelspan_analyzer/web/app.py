"""The web application of an instance: its pages, JSON under `/api`, `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.alerts import IncidentCollector
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.exposition import ResultsCollector
from modelspan_analyzer.reading.confined import Confined
from modelspan_analyzer.reports.exposition import DeliveriesCollector
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.login import login_routes
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.baselines import baseline_routes
from modelspan_analyzer.web.grains import grain_routes
from modelspan_analyzer.web.incidents import incident_routes
from modelspan_analyzer.web.labels import label_routes
from modelspan_analyzer.web.models import model_routes
from modelspan_analyzer.web.openapi.document import document
from modelspan_analyzer.web.openapi.table import OPERATIONS
from modelspan_analyzer.web.owner import Owned, owner_routes
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_analyzer.web.stages import stage_routes
from modelspan_analyzer.web.systems import system_routes
from modelspan_analyzer.web.veiled_metrics import VeiledCollector
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.operations import operations_routes
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


def build(
    store: Store,
    collector: Collector,
    config: MonitorsConfig,
    owned: Owned | None = None,
    desk: Desk | None = None,
) -> Starlette:
    """The application of an instance; its handlers only translate between HTTP and the library.

    Args:
        store: the database that is shown.
        collector: whose rules of redaction hold, and whose health is told.
        config: of the monitors.
        owned: what only the owner may ask for; None where nobody may.
        desk: where tokens are shown; None where nobody is asked for one.
    """

    def readiness() -> Mapping[str, object]:
        store.scalar("SELECT 1")
        return collector.health()

    # What the process does is of everybody.
    own = [] if isinstance(store, Confined) else [collector.registry]
    operations = _operations(store, config, own, readiness, collector.redaction)
    return _assembled(store, config, collector.redaction, operations, owned, desk)


def build_alone(store: Store, config: MonitorsConfig, desk: Desk | None = None) -> Starlette:
    """The application of an analyzer that runs by itself: as `build`, without a collector beside it."""
    return _assembled(store, config, NO_RULES, operations_alone(store, config), None, desk)


def operations_alone(store: Store, config: MonitorsConfig) -> list[Route]:
    """Health and metrics of an analyzer that runs by itself."""

    def readiness() -> Mapping[str, object]:
        store.scalar("SELECT 1")
        return {"ready": True}

    return _operations(store, config, [], readiness)


def _assembled(
    store: Store,
    config: MonitorsConfig,
    rules: Redaction,
    operations: Sequence[Route],
    owned: Owned | None,
    desk: Desk | None,
) -> Starlette:
    own = [*baseline_routes(store, rules), *label_routes(store, rules)]
    own += [*incident_routes(store, rules), *system_routes(store, config), *model_routes(store, rules)]
    own += [*grain_routes(store, rules), *stage_routes(store, rules), description()]
    own += owner_routes(owned) if owned is not None else []
    login = login_routes(desk) if desk is not None else []
    return application(own, [*page_routes(store, config, rules), *login, *operations])


def description() -> Route:
    """The route of the OpenAPI document."""
    told = JSONResponse(document(OPERATIONS))

    async def describe(_: Request) -> Response:
        return told

    return Route("/api/openapi.json", describe)


def _operations(
    store: Store,
    config: MonitorsConfig,
    registries: Sequence[CollectorRegistry],
    readiness: Callable[[], Mapping[str, object]],
    rules: Redaction = NO_RULES,
) -> list[Route]:
    results = CollectorRegistry()
    incidents = IncidentCollector(store, config.alerts, expects=config.expects)
    for each in (ResultsCollector(store), DeliveriesCollector(store), incidents):
        results.register(VeiledCollector(each, lambda: veil_over(store, rules)))
    return operations_routes([*registries, results], readiness)
