"""Prediction records and spans by convention, both become rows of `predictions`; labels and model cards land beside
them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export, post, predictions, trace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from modelspan_collector.otlp.signals import LOGS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

NOW = time.time_ns()


def send(collector: Collector, name: str, table: pa.Table) -> ExportLogsServiceResponse:
    """Send one event and return the response."""
    answer = export(collector.grpc_port, LOGS, event(name, arrow(table)).SerializeToString())
    return ExportLogsServiceResponse.FromString(answer)


def test_records_become_rows(collector: Collector, store: Store) -> None:
    """Every column of a record finds its place by its Arrow type."""
    table = predictions(
        2,
        trace_id=pa.array([b"\xab" * 16, None], pa.binary(16)),
        span_id=pa.array([b"\xcd" * 8, None], pa.binary(8)),
        value=[0.25, None],
        label=pa.array(["yes", None]).dictionary_encode(),
        duration=[0.001, 0.002],
        error_type=pa.array([None, "ValueError"]),
        sample_weight=[10.0, None],
        **{
            "score.yes": [0.25, 0.5],
            "feature.age": pa.array([39, None], pa.int32()),
            "feature.price": pa.array([Decimal("1.50"), Decimal("2.25")], pa.decimal128(9, 2)),
            "feature.ratio": [0.5, float("nan")],
            "feature.since": pa.array([datetime(1970, 1, 2, tzinfo=UTC), None]),
            "feature.member": [True, None],
            "feature.city": pa.array(["Oslo", None]).dictionary_encode(),
            "feature.vector": pa.array([[1.0, 2.0], None]),
            "tag.country": ["NO", None],
            "attribution.age": [0.1, -0.1],
        },
    )
    assert not send(collector, "modelspan.predictions", table).HasField("partial_success")
    collector.flush()
    first, second = store.rows(
        "SELECT * EXCEPT (timestamp, received_at, prediction_id) FROM predictions ORDER BY timestamp"
    )
    assert first == {
        "model": "churn",
        "version": "1",
        "role": "primary",
        "service": "scoring",
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "value": 0.25,
        "label": "yes",
        "scores": {"yes": 0.25},
        "duration": 0.001,
        "error_type": "",
        "sample_weight": 10.0,
        "numeric_features": {"age": 39.0, "price": 1.5, "ratio": 0.5, "since": 86400.0},
        "categorical_features": {"city": "Oslo", "member": "true"},
        "null_features": [],
        "embeddings": {"vector": [1.0, 2.0]},
        "attributions": {"age": 0.1},
        "tags": {"country": "NO"},
        "shape": "",
        "items": [],
        "outputs": {},
        "sketched": True,
    }
    assert second["numeric_features"] == {"price": 2.25}
    assert second["null_features"] == ["age", "city", "member", "ratio", "since", "vector"]
    assert (second["value"], second["label"], second["error_type"], second["sample_weight"]) == (
        None,
        "",
        "ValueError",
        1.0,
    )
    assert (second["trace_id"], second["tags"]) == ("", {})


def test_a_history_of_years_in_one_replay(collector: Collector, store: Store) -> None:
    """Four years of hours, 209 weeks, arrive in one request, with the time of each, and stay; the profiles follow."""
    moments = (np.datetime64("1996-05-07", "ns") + np.arange(4 * 8766) * np.timedelta64(60, "m")).astype(
        "datetime64[ns]"
    )
    table = predictions(len(moments), value=np.linspace(0, 1, len(moments)))
    table = table.set_column(0, "timestamp", pa.array(moments).cast(pa.timestamp("ns", "UTC")))
    send(collector, "modelspan.predictions", table)
    collector.flush()
    kept = store.rows(
        "SELECT count() AS n, toString(toDate(min(timestamp))) AS a, toString(toDate(max(timestamp))) AS b"
        " FROM predictions"
    )
    assert kept == [{"n": 35_064, "a": "1996-05-07", "b": "2000-05-06"}]
    store.command("OPTIMIZE TABLE predictions FINAL")
    assert store.scalar("SELECT count() FROM predictions") == 35_064
    profiles = "SELECT sum(rows) FROM {} WHERE source = 'prediction' AND feature = 'value'"
    assert [store.scalar(profiles.format(f"feature_profile{part}")) for part in ("s", "_days")] == [35_064, 35_064]


def test_labels_and_their_corrections(collector: Collector, store: Store) -> None:
    """Of two labels for a prediction the newest wins, in whatever order they come."""
    for label, moment in (("right", NOW), ("wrong", NOW - 10**9)):
        columns = {
            "timestamp": pa.array([moment], pa.timestamp("ns", "UTC")),
            "prediction_id": ["p1"],
            "label": [label],
        }
        send(collector, "modelspan.labels", pa.table(columns).replace_schema_metadata({"modelspan.schema": "1"}))
    collector.flush()
    assert store.rows("SELECT label FROM labels FINAL") == [{"label": "right"}]


def test_model_card(collector: Collector, store: Store) -> None:
    """A model's card becomes a row of `models`."""
    columns = {
        "timestamp": pa.array([NOW], pa.timestamp("ns", "UTC")),
        "owner": ["risk team"],
        "task": ["binary"],
        "classes": pa.array([["no", "yes"]]),
        "hyperparameters": ['{"depth": 3}'],
    }
    metadata = {"modelspan.schema": "1", "modelspan.model.name": "churn", "modelspan.model.version": "2"}
    send(collector, "modelspan.model", pa.table(columns).replace_schema_metadata(metadata))
    collector.flush()
    row = store.rows("SELECT model, version, owner, classes, hyperparameters, deployed_at FROM models")[0]
    assert row == {
        "model": "churn",
        "version": "2",
        "owner": "risk team",
        "classes": ["no", "yes"],
        "hyperparameters": '{"depth": 3}',
        "deployed_at": None,
    }


def test_spans_by_convention_become_predictions(collector: Collector, store: Store) -> None:
    """A span of any SDK becomes a prediction; recorded ones, batches and other spans do not."""
    named = {"modelspan.model.name": "churn", "modelspan.model.version": "3"}
    full = {
        **named,
        "modelspan.prediction.id": "abc",
        "modelspan.prediction.value": 0.75,
        "modelspan.prediction.label": "yes",
        "modelspan.prediction.score.yes": 0.75,
        "modelspan.feature.age": 39,
        "modelspan.feature.zip": "01234",
        "modelspan.feature.member": True,
        "modelspan.feature.gone": float("nan"),
        "modelspan.tag.country": "NO",
    }
    others = [{**named, "modelspan.recorded": True}, {**named, "modelspan.batch.size": 5}, {"http.method": "GET"}]
    export(collector.grpc_port, TRACES, trace(full, *others).SerializeToString())
    collector.flush()
    rows = store.rows("SELECT * FROM predictions")
    assert len(rows) == 1
    row = rows[0]
    assert (row["model"], row["version"], row["role"], row["service"]) == ("churn", "3", "primary", "test")
    assert (row["prediction_id"], row["value"], row["label"], row["scores"]) == ("abc", 0.75, "yes", {"yes": 0.75})
    assert row["numeric_features"] == {"age": 39.0}
    assert row["categorical_features"] == {"member": "true", "zip": "01234"}
    assert (row["null_features"], row["tags"], row["duration"]) == (["gone"], {"country": "NO"}, 0.001)


def test_spans_of_another_writer_become_predictions(store: Store) -> None:
    """Rows that some other exporter inserts into otel_traces become predictions too, their numbers inferred."""
    store.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes, StatusCode) SELECT now64(9), 'aa', 'bb',"
        " map('modelspan.model.name', 'm', 'modelspan.feature.age', '39', 'modelspan.feature.city', 'Oslo'), 'Error'"
    )
    row = store.rows("SELECT prediction_id, numeric_features, categorical_features, error_type FROM predictions")
    assert row == [
        {
            "prediction_id": "bb",
            "numeric_features": {"age": 39.0},
            "categorical_features": {"city": "Oslo"},
            "error_type": "_OTHER",
        }
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (predictions(1).drop_columns(["timestamp"]), "lacks the column 'timestamp'"),
        (predictions(1, timestamp=["today"]), "'timestamp' that cannot be used: string where a time belongs"),
        (predictions(1, prediction_id=[{"a": 1}]), "'prediction_id' that cannot be used: structures"),
        (predictions(2, prediction_id=pa.array([None, None], pa.string())), "missing in all of its 2 rows"),
        (predictions(1).replace_schema_metadata({"modelspan.schema": "1"}), "lacks modelspan.model.name"),
        (predictions(1).replace_schema_metadata({"modelspan.schema": "99"}), "reads '1'"),
    ],
)
def test_what_does_not_fit_is_rejected_with_a_reason(
    collector: Collector, store: Store, table: pa.Table, message: str
) -> None:
    """A stream outside the contract is rejected alone, and its sender and `ingest_errors` say why."""
    request = event("modelspan.predictions", arrow(table))
    request.MergeFrom(event("modelspan.predictions", arrow(predictions(1))))
    answer = ExportLogsServiceResponse.FromString(export(collector.grpc_port, LOGS, request.SerializeToString()))
    assert answer.partial_success.rejected_log_records == 1
    assert message in answer.partial_success.error_message
    collector.flush()
    assert store.scalar("SELECT count() FROM predictions") == 1
    assert message in store.rows("SELECT reason FROM ingest_errors WHERE kind = 'rejected'")[0]["reason"]


def test_events_and_logs_in_one_request(collector: Collector, store: Store) -> None:
    """Ordinary log records of the same request go to otel_logs; events do not."""
    request = event("modelspan.predictions", arrow(predictions(3)))
    request.resource_logs[0].scope_logs[0].log_records.add().body.string_value = "hello"
    assert post(collector.http_port, "/v1/logs", request.SerializeToString()).status == 200
    collector.flush()
    assert store.rows("SELECT Body FROM otel_logs") == [{"Body": "hello"}]
    assert store.scalar("SELECT count() FROM predictions") == 3


def test_wild_clocks_of_records(collector: Collector, store: Store) -> None:
    """A record from 1970 is kept under the time of arrival, with what its clock said."""
    table = predictions(2)
    table = table.set_column(0, "timestamp", pa.array([5, NOW], pa.timestamp("ns", "UTC")))
    send(collector, "modelspan.predictions", table)
    collector.flush()
    rows = store.rows(
        "SELECT tags, timestamp > now() - 60 AS fresh FROM predictions"
        " ORDER BY mapContains(tags, 'modelspan.original_timestamp') DESC"
    )
    assert rows[0] == {"tags": {"modelspan.original_timestamp": "5"}, "fresh": 1}
    assert store.scalar("SELECT sum(count) FROM ingest_errors WHERE kind = 'wild_timestamp'") == 1


def test_a_duration_that_is_none_is_left_out_alone(collector: Collector, store: Store) -> None:
    """Differences of two clocks and other units say nothing of time: the row stays, the value is counted."""
    told = [0.25, 0.0, 3, -0.1, float("inf"), 1e300, 1.8e9, float("nan"), None]
    table = predictions(len(told)).append_column("duration", pa.array(told, pa.float64()))
    send(collector, "modelspan.predictions", table)
    collector.flush()
    assert store.scalar("SELECT groupArray(duration) FROM (SELECT duration FROM predictions ORDER BY duration)") == [
        0.0, 0.25, 3.0,
    ]  # fmt: skip
    assert store.scalar("SELECT count() FROM predictions") == len(told)
    complaint = "SELECT kind, column_name, count, reason FROM ingest_errors"
    assert [tuple(row.values())[:3] for row in store.rows(complaint)] == [("value_left_out", "duration", 4)]
    assert "another unit than seconds" in store.rows(complaint)[0]["reason"]


FAR = {"s": 4_102_444_800, "ms": 4_102_444_800_000, "us": 4_102_444_800_000_000, "ns": 4_102_444_800_000_000_000}
"""The year 2100."""


@pytest.mark.parametrize("unit", FAR)
@pytest.mark.parametrize("event", ["modelspan.predictions", "modelspan.labels", "modelspan.model"])
def test_what_is_said_of_a_wild_clock_names_the_model_and_the_way(
    collector: Collector, store: Store, event: str, unit: str
) -> None:
    """1970 and 2100 are two mistakes: each has its reason, with its usual cause."""
    table = predictions(3).append_column("label", pa.array(["yes"] * 3))
    if event == "modelspan.model":
        table = table.select(["timestamp"]).replace_schema_metadata(table.schema.metadata)
    fine = NOW // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    send(collector, event, table.set_column(0, "timestamp", pa.array([7, FAR[unit], fine], pa.timestamp(unit, "UTC"))))
    collector.flush()
    told = store.rows("SELECT model, count, reason FROM ingest_errors WHERE kind = 'wild_timestamp' ORDER BY reason")
    assert [(row["model"], row["count"]) for row in told] == [("churn", 1), ("churn", 1)]
    early, late = (row["reason"] for row in told)
    assert "before 1990" in early and "never set" in early and "more than a day ahead" in late


def test_wild_clocks_of_labels(collector: Collector, store: Store) -> None:
    """A label from the year 2300 is known since it arrived; it costs no other label, and users are told."""
    wild = 10_413_792_000
    moments = pa.array([NOW // 10**9, wild], pa.timestamp("s", "UTC"))
    table = pa.table({"timestamp": moments, "prediction_id": ["a", "b"], "label": ["yes", "no"]})
    send(collector, "modelspan.labels", table.replace_schema_metadata({"modelspan.schema": "1"}))
    collector.flush()
    rows = store.rows("SELECT prediction_id, label, timestamp > now() - 3600 AS fresh FROM labels ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == [("a", "yes", 1), ("b", "no", 1)]
    assert store.rows("SELECT signal, kind, count FROM ingest_errors") == [
        {"signal": "labels", "kind": "wild_timestamp", "count": 1}
    ]


def test_integers_beyond_float64(collector: Collector, store: Store) -> None:
    """Integers that Float64 cannot hold are rounded and counted."""
    send(collector, "modelspan.predictions", predictions(1, **{"feature.id": [2**60 + 1]}))
    collector.flush()
    assert store.scalar("SELECT numeric_features['id'] FROM predictions") == float(2**60)
    assert store.rows("SELECT kind, model, column_name, count FROM ingest_errors") == [
        {"kind": "rounded", "model": "churn", "column_name": "feature.id", "count": 1}
    ]
    assert (
        collector.registry.get_sample_value("modelspan_collector_rounded_integers_total", {"table": "predictions"}) == 1
    )


def test_text_that_is_not_utf8_is_kept(collector: Collector, store: Store) -> None:
    """Bad bytes of a feature, plain or in a dictionary, become U+FFFD; the row is stored, and the sender is told."""

    def text(*values: bytes) -> pa.Array:
        offsets = np.cumsum([0, *map(len, values)]).astype(np.int32)
        return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(values)))

    city = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), text(b"K\xf6ln", "Zürich".encode()))
    table = predictions(2, **{"feature.name": text(b"Ren\xe9", b"Ann"), "feature.city": city})
    body = event("modelspan.predictions", arrow(table)).SerializeToString()
    answer = post(collector.http_port, "/v1/logs", body)
    assert (answer.status, answer.content) == (200, b"")
    collector.flush()
    rows = store.rows("SELECT categorical_features AS text FROM predictions ORDER BY timestamp")
    assert [row["text"] for row in rows] == [{"city": "K�ln", "name": "Ren�"}, {"city": "Zürich", "name": "Ann"}]
    assert store.rows("SELECT signal, kind, service, count FROM ingest_errors") == [
        {"signal": "logs", "kind": "invalid_text", "service": "scoring", "count": 2}
    ]
    repaired = collector.registry.get_sample_value("modelspan_collector_repaired_requests_total", {"signal": "logs"})
    assert repaired == 1


@pytest.mark.parametrize(("streams", "names_each"), [(200, 1), (2, 17_000)], ids=["many models", "many names"])
def test_what_one_insert_cannot_hold_together_is_stored_apart(
    collector: Collector, store: Store, streams: int, names_each: int
) -> None:
    """However many models, versions and names meet in one insert, all rows are stored: none waits for ever."""
    request = ExportLogsServiceRequest()
    for at in range(streams):
        tags = {f"tag.m{at}_{name}": ["x"] for name in range(names_each)}
        one = event("modelspan.predictions", arrow(predictions(1, f"model{at}", f"v{at}", **tags)), f"s{at}")
        request.resource_logs.extend(one.resource_logs)
    export(collector.grpc_port, LOGS, request.SerializeToString())
    collector.flush()
    assert store.rows("SELECT uniqExact(model, version, service) AS streams FROM predictions") == [{"streams": streams}]
    assert store.rows("SELECT sum(length(tags)) AS values FROM predictions") == [{"values": streams * names_each}]
    assert store.rows("SELECT kind FROM ingest_errors") == []
