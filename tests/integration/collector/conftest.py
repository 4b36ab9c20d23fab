"""A running collector on free ports, in front of an empty store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    """Start collectors with settings of the test's own; they are stopped in the end."""
    running: list[Collector] = []

    def begin(**settings: Any) -> Collector:
        defaults: dict[str, Any] = {"data": tmp_path / "data", "grpc_port": 0, "http_port": 0, "segment_seconds": 0.2}
        collector = Collector(store, CollectorConfig(**{**defaults, **settings}))
        collector.start()
        running.append(collector)
        return collector

    yield begin
    for collector in running:
        collector.stop()


@pytest.fixture
def collector(start: Callable[..., Collector]) -> Collector:
    """A collector with the defaults."""
    return start()
