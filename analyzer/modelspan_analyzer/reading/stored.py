"""Which predictions are in the store already, so that what is imported again adds nothing."""

from __future__ import annotations

import pyarrow as pa

from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_IDS = f"SELECT DISTINCT prediction_id FROM predictions WHERE {within()}"


def stored_ids(store: Store, model: str, version: str | None, window: Window) -> pa.Array:
    """The ids of a model's predictions of a window."""
    return store.arrow(_IDS, bound(model, version, window))["prediction_id"].combine_chunks()
