"""All pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import compare, feature, fleet, incident, incidents, model, monitors, prediction, sql
from modelspan_analyzer.views.veil import Veil
from modelspan_analyzer.views.view import View
from modelspan_analyzer.web.pages.opinion import opinion_route
from modelspan_analyzer.web.pages.page import Page, Read
from modelspan_analyzer.web.pages.static import static_routes
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.connect import Store


def pages(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Page]:
    """Every page; what the rules of redaction keep from being stored is not shown either."""
    veil, reader, links = Veil(rules), SqlReader(store), config.alerts

    def told(read: Callable[[Store, Mapping[str, str], MonitorsConfig, datetime], View]) -> Read:
        return lambda given: read(store, given, config, instants.now())

    def one_incident(given: Mapping[str, str]) -> View:
        return incident.read(store, given, links, veil, instants.now())

    def one_prediction(given: Mapping[str, str]) -> View:
        return prediction.read(store, given, links, veil)

    return [
        Page("/", "fleet.html", told(fleet.read), fleet.PARAMETERS),
        Page("/model", "model.html", told(model.read), model.PARAMETERS),
        Page("/feature", "feature.html", lambda given: feature.read(store, given), feature.PARAMETERS),
        Page("/compare", "compare.html", told(compare.read), compare.PARAMETERS),
        Page("/incidents", "incidents.html", lambda given: incidents.read(store, given), incidents.PARAMETERS),
        Page("/incidents/{incident_id}", "incident.html", one_incident),
        Page("/prediction", "prediction.html", one_prediction, prediction.PARAMETERS),
        Page("/monitors", "monitors.html", told(monitors.read), monitors.PARAMETERS),
        Page("/sql", "sql.html", lambda given: sql.read(reader, given), sql.PARAMETERS),
    ]


def page_routes(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes of every page, of their forms, and of the files that they need."""
    shown = [route for page in pages(store, config, rules) for route in page.routes()]
    return [*shown, opinion_route(store, rules), *static_routes()]
