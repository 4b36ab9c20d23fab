"""The web port of an instance, over a store of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.guard import Guard
from modelspan_analyzer.web.access.visitors import Visitors
from modelspan_analyzer.web.app import build, build_alone
from modelspan_analyzer.web.port import OfBound
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


@contextmanager
def behind_tokens(store: Store, folder: Path, lines: str) -> Iterator[str]:
    """The address of the whole application behind a file of tokens, which may be bound to other databases."""
    tokens = folder / "tokens"
    tokens.write_text(lines)
    desk = Desk(Visitors(tokens, ""))
    others = OfBound(store, lambda other: build_alone(other, MonitorsConfig()))
    server = AsgiServer(Guard(build_alone(store, MonitorsConfig(), desk), desk, others), "127.0.0.1", 0)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        others.close()


def bearing(url: str, who: str) -> httpx.Client:
    """Who sends the token `WHO-has-a-long-token`."""
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {who}-has-a-long-token"}, timeout=60)
