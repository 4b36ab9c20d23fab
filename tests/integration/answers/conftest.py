"""The SDK of this process in front of a collector and its store: what a function returns, as it can be queried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from swallowing import nothing_swallowed_unasked

import modelspan
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

__all__ = ["nothing_swallowed_unasked"]


@pytest.fixture
def sent(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Sends all that the SDK has recorded into the store."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    collector = Collector(store, CollectorConfig(data=tmp_path, grpc_port=0, http_port=0, segment_seconds=0.2))
    collector.start()
    modelspan.configure(endpoint=f"http://127.0.0.1:{collector.http_port}")

    def flush() -> None:
        assert modelspan.flush(60)
        collector.flush()

    yield flush
    modelspan.configure(disabled=True)
    collector.stop()


@pytest.fixture
def predicted(store: Store, sent: Callable[[], None]) -> Callable[..., list[dict[str, Any]]]:
    """What the store has of the answers of a function that returns these results, one call each."""

    def of(*results: Any, rows: Any = None, **options: Any) -> list[dict[str, Any]]:
        given = iter(results)

        @modelspan.observe(model="m", version="1", **options)
        def predict(features: Any) -> Any:
            return next(given)

        for _ in results:
            predict({"x": 1.0} if rows is None else rows)
        sent()
        columns = "shape, items, outputs, scores, value, label"
        return store.rows(f"SELECT {columns} FROM predictions ORDER BY timestamp, prediction_id")

    return of
