"""The web port of an instance, over a store of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.app import build
from modelspan_collector.access.rules import Redaction
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


@contextmanager
def redacting(store: Store, folder: Path, rules: Redaction) -> Iterator[httpx.Client]:
    """Sends to the web port of an instance that redacts."""
    collector = Collector(store, CollectorConfig(folder, grpc_port=0, http_port=0, redaction=rules))
    collector.start()
    server = AsgiServer(build(store, collector, MonitorsConfig()), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as opened:
        yield opened
    server.stop()
    collector.stop()
