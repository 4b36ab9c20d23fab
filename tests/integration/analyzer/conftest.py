"""One store for a module's tests, which keep apart by model, and predictions to fill it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.reading.features import feature_maps
from modelspan_collector.store.connect import Store

Predict = Callable[..., None]


@pytest.fixture(scope="module")
def shared_store(databases: Databases) -> Iterator[Store]:
    """A database that the tests of one module share."""
    with databases.one() as opened:
        yield opened


@pytest.fixture(scope="module")
def predict(shared_store: Store) -> Predict:
    """Stores rows as predictions of a model, evenly over some hours."""

    def insert(model: str, features: pa.Table, start: datetime, hours: float = 1, **extra: object) -> None:
        rows = features.num_rows
        step = timedelta(hours=hours) / timedelta(microseconds=1) * 1000 / max(rows, 1)
        stamps = int(start.replace(tzinfo=UTC).timestamp()) * 10**9 + (np.arange(rows) * step).astype(np.int64)
        whole = {
            "model": [model] * rows,
            "version": ["1"] * rows,
            "timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")),
            "prediction_id": [f"{model}-{start.timestamp()}-{row}" for row in range(rows)],
            **feature_maps(features),
            **extra,
        }
        shared_store.insert("predictions", pa.table(whole))

    return insert
