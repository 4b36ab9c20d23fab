"""All pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import compare, feature, fleet, model
from modelspan_analyzer.views.view import View
from modelspan_analyzer.web.pages.page import Page, Read
from modelspan_analyzer.web.pages.static import static_routes
from modelspan_collector.store.connect import Store


def pages(store: Store, config: MonitorsConfig) -> list[Page]:
    """Every page."""

    def told(read: Callable[[Store, Mapping[str, str], MonitorsConfig, datetime], View]) -> Read:
        return lambda given: read(store, given, config, instants.now())

    return [
        Page("/", "fleet.html", told(fleet.read), fleet.PARAMETERS),
        Page("/model", "model.html", told(model.read), model.PARAMETERS),
        Page("/feature", "feature.html", lambda given: feature.read(store, given), feature.PARAMETERS),
        Page(
            "/compare",
            "compare.html",
            told(compare.read),
            compare.PARAMETERS,
        ),
    ]


def page_routes(store: Store, config: MonitorsConfig) -> list[Route]:
    """The routes of every page and of the files that they need."""
    return [route for page in pages(store, config) for route in page.routes()] + static_routes()
