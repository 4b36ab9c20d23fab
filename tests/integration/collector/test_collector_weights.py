"""Weights that no row can have cost nothing beside them."""

from __future__ import annotations

import pyarrow as pa
from collector_otlp import arrow, event, export, predictions, trace

from modelspan_collector.otlp.signals import LOGS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

SKETCHED = (
    "SELECT model, sum(rows) AS rows, sum(weight) AS weight FROM feature_profiles WHERE kind = 'rows' AND segment = ''"
)
INFINITE, NOT = float("inf"), float("nan")


def test_a_weight_that_none_can_be_is_taken_as_one_and_named(collector: Collector, store: Store) -> None:
    """Of a record all rows are stored, and how many came with such a weight is said, with model and column."""
    table = predictions(5, sample_weight=pa.array([INFINITE, NOT, -1.0, 2.5, 0.0]))
    export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(table)).SerializeToString())
    collector.flush()
    stored = store.rows("SELECT sample_weight AS weight FROM predictions")
    assert sorted(row["weight"] for row in stored) == [0.0, 1.0, 1.0, 1.0, 2.5]
    assert store.rows(f"{SKETCHED} GROUP BY model") == [{"model": "churn", "rows": 5, "weight": 5.5}]
    (said,) = store.rows("SELECT kind, model, column_name, count, reason FROM ingest_errors")
    assert (said["kind"], said["model"], said["column_name"], said["count"]) == (
        "wild_weight", "churn", "sample_weight", 3,
    )  # fmt: skip
    assert "taken as 1" in said["reason"]


def test_such_a_weight_of_one_span_doubles_no_other(collector: Collector, store: Store) -> None:
    """All of an insert are stored once, with their sketches, and nothing of it is set aside."""
    models = [*["good"] * 50, *["wild"] * 3]
    weights = [*[1.0] * 50, INFINITE, NOT, -2.0]
    spans = [
        {"modelspan.model.name": model, "modelspan.model.version": "1", "modelspan.sample_weight": weight}
        for model, weight in zip(models, weights, strict=True)
    ]
    export(collector.grpc_port, TRACES, trace(*spans).SerializeToString())
    collector.flush()
    stored = store.rows(
        "SELECT model, count() AS n, sum(sample_weight) AS w FROM predictions GROUP BY model ORDER BY model"
    )
    assert [tuple(row.values()) for row in stored] == [("good", 50, 50.0), ("wild", 3, 3.0)]
    assert store.scalar("SELECT count() FROM otel_traces") == 53
    sketched = store.rows(f"{SKETCHED} GROUP BY model ORDER BY model")
    assert [tuple(row.values()) for row in sketched] == [("good", 50, 50.0), ("wild", 3, 3.0)]
    assert store.scalar("SELECT count() FROM ingest_errors") == 0


def test_what_other_writers_weigh_spoils_no_sketch(store: Store) -> None:
    """Rows keep what was written; sketches count it as one."""
    weights = [INFINITE, NOT, -1.0, 3.0]
    stamps = pa.array([0] * 4, pa.timestamp("ns", "UTC"))
    ids = [str(row) for row in range(4)]
    rows = {"model": ["m"] * 4, "version": ["1"] * 4, "timestamp": stamps, "prediction_id": ids}
    store.insert("predictions", pa.table({**rows, "sample_weight": weights}))
    assert store.rows(f"{SKETCHED} GROUP BY model") == [{"model": "m", "rows": 4, "weight": 6.0}]
