"""All pages, in the order of the navigation."""

from __future__ import annotations

from starlette.routing import Route

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.views import fleet
from modelspan_analyzer.web.pages.page import Page
from modelspan_analyzer.web.pages.static import static_routes
from modelspan_collector.store.connect import Store


def pages(store: Store, config: MonitorsConfig) -> list[Page]:
    """Every page."""
    return [
        Page("/", "fleet.html", lambda given: fleet.read(store, given, config, instants.now()), fleet.PARAMETERS),
    ]


def page_routes(store: Store, config: MonitorsConfig) -> list[Route]:
    """The routes of every page and of the files that they need."""
    return [route for page in pages(store, config) for route in page.routes()] + static_routes()
