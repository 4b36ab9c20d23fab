"""All pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import compare, feature, fleet, incident, incidents, model, monitors, prediction, sql
from modelspan_analyzer.views.veil import Veil, veil_over
from modelspan_analyzer.views.veiled import check_asked, names_veiled, veiled
from modelspan_analyzer.views.view import View
from modelspan_analyzer.web.pages.opinion import opinion_route
from modelspan_analyzer.web.pages.page import Page, Read
from modelspan_analyzer.web.pages.static import static_routes
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.connect import Store


def pages(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Page]:
    """Every page; what the rules of redaction keep from being stored is not shown either, but in SQL."""
    reader, links = SqlReader(store), config.alerts

    def seen(read: Callable[[Mapping[str, str], Veil], View]) -> Read:
        def shown(given: Mapping[str, str]) -> View:
            veil = veil_over(store, rules)
            check_asked(given, veil)
            with names_veiled(veil):
                return veiled(read(given, veil), veil)

        return shown

    def told(read: Callable[[Store, Mapping[str, str], MonitorsConfig, datetime], View]) -> Read:
        return seen(lambda given, _: read(store, given, config, instants.now()))

    def one_incident(given: Mapping[str, str], veil: Veil) -> View:
        return incident.read(store, given, links, veil, instants.now())

    def one_prediction(given: Mapping[str, str], veil: Veil) -> View:
        return prediction.read(store, given, links, veil)

    return [
        Page("/", "fleet.html", told(fleet.read), fleet.PARAMETERS),
        Page("/model", "model.html", told(model.read), model.PARAMETERS),
        Page("/feature", "feature.html", seen(lambda given, _: feature.read(store, given)), feature.PARAMETERS),
        Page("/compare", "compare.html", told(compare.read), compare.PARAMETERS),
        Page("/incidents", "incidents.html", seen(lambda given, _: incidents.read(store, given)), incidents.PARAMETERS),
        Page("/incidents/{incident_id}", "incident.html", seen(one_incident)),
        Page("/prediction", "prediction.html", seen(one_prediction), prediction.PARAMETERS),
        Page("/monitors", "monitors.html", told(monitors.read), monitors.PARAMETERS),
        Page("/sql", "sql.html", lambda given: sql.read(reader, given), sql.PARAMETERS),
    ]


def page_routes(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes of every page, of their forms, and of the files that they need."""
    shown = [route for page in pages(store, config, rules) for route in page.routes()]
    return [*shown, opinion_route(store, rules), *static_routes()]
