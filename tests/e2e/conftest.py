"""One Chromium and one filled instance for all tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pages_world
import pytest
from browsing import Chromium, open_chromium
from databases import Databases
from pages_world import World

from modelspan_analyzer.web.app import build
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector


@pytest.fixture(scope="session")
def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What `pages_world` makes, served by the application of an instance."""
    with databases.one() as store:
        pages_world.fill(store)
        collector = Collector(store, CollectorConfig(tmp_path_factory.mktemp("world"), grpc_port=0, http_port=0))
        collector.start()
        server = AsgiServer(build(store, collector, pages_world.config()), "127.0.0.1", 0)
        server.start()
        yield World(store, f"http://127.0.0.1:{server.port}")
        server.stop()
        collector.stop()


@pytest.fixture(scope="module")
def chromium(world: World) -> Iterator[Chromium]:
    """A browser that notes what goes wrong in it; gone with its module, as its event loop is in the way of others."""
    with open_chromium(world.address) as opened:
        yield opened
