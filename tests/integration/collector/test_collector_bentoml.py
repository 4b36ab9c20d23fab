"""BentoML's OTLP monitor sends log records, which become predictions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from support import eventually

from modelspan_collector.access.rules import Redaction
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

SCHEMA = {
    name: {"name": name, "role": role, "type": kind}
    for name, role, kind in (
        ("sepal", "feature", "numerical"),
        ("garden", "feature", "categorical"),
        ("owner", "feature", "categorical"),
        ("image", "feature", "numerical_sequence"),
        ("kind", "prediction", "categorical"),
        ("odds", "prediction", "numerical_sequence"),
        ("truth", "target", "categorical"),
    )
}
META = {"bento_name": "iris", "bento_version": "v7", "monitor_name": "iris_kinds", "schema": SCHEMA}
NOW = time.time()


def monitor(collector: Collector, rows: list[dict[str, Any]]) -> None:
    """Send as BentoML does: the same logger, handler and exporter of OpenTelemetry."""
    provider = LoggerProvider(Resource.create({"service.name": "iris:iris_kinds"}))
    exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{collector.http_port}/v1/logs")
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = logging.Logger("bentoml_monitor_data", logging.INFO)
    logger.addHandler(LoggingHandler(logging.NOTSET, provider))
    for row in rows:
        logger.info(row)
    provider.shutdown()


def row(number: int, **more: Any) -> dict[str, Any]:
    columns = {"sepal": 4.5 + number, "garden": "north", "owner": "ann", "image": [0.5, 1.0]}
    columns["trace_id"] = str(0xABC)
    told = {"kind": "setosa", "odds": [0.75, 0.25], "truth": "virginica"}
    return {**columns, **told, "timestamp": NOW + number, "request_id": str(number), **more}


def test_records_become_predictions_and_labels(start: Callable[..., Collector], store: Store) -> None:
    """By the roles of the schema, which is remembered for records without it; rules meet features by name."""
    collector = start(redaction=Redaction(drop=("owner",)))
    monitor(collector, [row(1, bento_meta=META), row(2)])
    collector.flush()
    rows = store.rows(
        "SELECT prediction_id, model, version, label, scores, numeric_features, categorical_features, embeddings,"
        " trace_id, toUnixTimestamp64Milli(timestamp) AS ms FROM predictions ORDER BY prediction_id"
    )
    assert [each["prediction_id"] for each in rows] == ["1", "2"]
    first = rows[0]
    assert (first["model"], first["version"], first["label"]) == ("iris_kinds", "v7", "setosa")
    assert first["ms"] == pytest.approx(1000 * (NOW + 1), abs=2)
    assert first["trace_id"] == f"{0xABC:032x}"
    assert first["scores"] == {"0": 0.75, "1": 0.25}
    assert (first["numeric_features"], first["categorical_features"]) == ({"sepal": 5.5}, {"garden": "north"})
    assert first["embeddings"] == {"image": [0.5, 1.0]}
    assert store.rows("SELECT prediction_id, label FROM labels ORDER BY prediction_id") == [
        {"prediction_id": "1", "label": "virginica"},
        {"prediction_id": "2", "label": "virginica"},
    ]
    assert store.scalar("SELECT count() FROM otel_logs") == 0


def test_what_nobody_asked_over_the_network_has_ids_of_its_own(collector: Collector, store: Store) -> None:
    """BentoML writes the request `None` of all of it."""
    monitor(collector, [row(at, bento_meta=META, request_id="None") for at in range(3)])
    collector.flush()
    assert store.scalar("SELECT uniqExact(prediction_id) FROM predictions WHERE prediction_id != 'None'") == 3


def test_records_before_their_schema_stay_log_records_and_are_said(collector: Collector, store: Store) -> None:
    """Nothing is guessed of columns without roles."""
    monitor(collector, [row(1)])
    collector.flush()
    assert store.scalar("SELECT count() FROM otel_logs") == 1
    assert store.scalar("SELECT count() FROM predictions") == 0
    (told,) = eventually(lambda: store.rows("SELECT service, reason FROM ingest_errors"))
    assert (told["service"], told["reason"][:44]) == ("iris:iris_kinds", "records of a BentoML monitor came before the")
