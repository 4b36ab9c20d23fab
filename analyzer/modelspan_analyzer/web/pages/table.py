"""All pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import (
    compare,
    digest,
    feature,
    fleet,
    incident,
    incidents,
    model,
    monitors,
    prediction,
    sql,
)
from modelspan_analyzer.views.veil import Veil, veil_over
from modelspan_analyzer.views.veiled import check_asked, names_veiled, veiled
from modelspan_analyzer.views.view import View
from modelspan_analyzer.web.pages.incident_forms import incident_form_routes
from modelspan_analyzer.web.pages.page import Page, Read
from modelspan_analyzer.web.pages.static import static_routes
from modelspan_analyzer.web.pages.turns import Turns
from modelspan_analyzer.web.stages import stage_form_route
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.connect import Store


def pages(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Page]:
    """Every page; what the rules of redaction keep from being stored is not shown either, but in SQL."""
    reader, links, turns = SqlReader(store), config.alerts, Turns()

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

    reads: list[tuple[str, str, Read, frozenset[str]]] = [
        ("/", "fleet.html", told(fleet.read), fleet.PARAMETERS),
        ("/digest", "digest.html", told(digest.read), digest.PARAMETERS),
        ("/model", "model.html", told(model.read), model.PARAMETERS),
        ("/feature", "feature.html", seen(lambda given, _: feature.read(store, given)), feature.PARAMETERS),
        ("/compare", "compare.html", told(compare.read), compare.PARAMETERS),
        ("/incidents", "incidents.html", seen(lambda given, _: incidents.read(store, given)), incidents.PARAMETERS),
        ("/incidents/{incident_id}", "incident.html", seen(one_incident), frozenset()),
        ("/prediction", "prediction.html", seen(one_prediction), prediction.PARAMETERS),
        ("/monitors", "monitors.html", told(monitors.read), monitors.PARAMETERS),
    ]
    shown = [Page(path, template, read, turns, known) for path, template, read, known in reads]
    # A query of somebody's own may take its 20 s: none of the pages waits for it.
    asked = Page("/sql", "sql.html", lambda given: sql.read(reader, given), Turns(), sql.PARAMETERS)
    return [*shown, asked]


def page_routes(store: Store, config: MonitorsConfig, rules: Redaction = NO_RULES) -> list[Route]:
    """The routes of every page, of their forms, and of the files that they need."""
    shown = [route for page in pages(store, config, rules) for route in page.routes()]
    return [*shown, *incident_form_routes(store, rules), stage_form_route(store, rules), *static_routes()]
