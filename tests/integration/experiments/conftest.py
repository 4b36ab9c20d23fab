"""A collector that takes what the SDK and OpenTelemetry's own exporter send into the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from swallowing import nothing_swallowed_unasked

import modelspan
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

__all__ = ["nothing_swallowed_unasked"]


@pytest.fixture
def collector(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Running, with the SDK set up to send to it."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    running = Collector(store, CollectorConfig(data=tmp_path, grpc_port=0, http_port=0, segment_seconds=0.2))
    running.start()
    modelspan.configure(endpoint=f"http://127.0.0.1:{running.http_port}")
    yield running
    modelspan.configure(disabled=True)
    running.stop()
