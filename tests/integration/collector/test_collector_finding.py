"""What has just come is found by its id without a scan: before any merge, by every reader that names the id."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pytest
from collector_otlp import arrow, event, export, predictions, trace

from modelspan_analyzer.explain import local
from modelspan_analyzer.reading.rows import predictions_of
from modelspan_analyzer.reading.traces import MOST_SPANS, SPANS
from modelspan_collector.otlp.signals import LOGS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.write.insert import FOR_MERGES

INSERTS = 4
IDS = ("TraceId", "trace_id", "prediction_id")
INDEXES = """
SELECT table, name, expr, sum(data_compressed_bytes) AS bytes FROM system.data_skipping_indices
WHERE database = currentDatabase() GROUP BY ALL ORDER BY ALL
"""


@pytest.fixture
def fresh(collector: Collector, store: Store) -> Iterator[Store]:
    """A store with some inserts of a trace and a prediction each, of which none is merged."""
    tables = ("otel_traces", "otel_logs", "predictions")
    for table in tables:
        store.command(f"SYSTEM STOP MERGES {table}")
    for number in range(INSERTS):
        trace_id = bytes([number + 1]) * 16
        spans = trace({"http.route": "/pay"}, trace_id=trace_id)
        ids, traces = [f"p{number}", f"q{number}"], pa.array([trace_id, bytes([number + 100]) * 16], pa.binary(16))
        record = predictions(2, prediction_id=ids, trace_id=traces, value=[0.5, 0.5])
        export(collector.grpc_port, TRACES, spans.SerializeToString())
        export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(record)).SerializeToString())
        collector.flush()
    yield store
    for table in tables:
        store.command(f"SYSTEM START MERGES {table}")


def parts_read(store: Store, sql: str, parameters: dict[str, object], index: str) -> tuple[int, int]:
    """Of how many parts a query reads how many once this index was asked, summed over the tables that it reads."""
    told = "\n".join(
        row["explain"]
        for row in store.rows(f"EXPLAIN indexes = 1 {sql} SETTINGS use_skip_indexes_on_data_read = 0", parameters)
    )
    found = [tuple(map(int, each)) for each in re.findall(rf"Name: {index}\b.*?Parts: (\d+)/(\d+)", told, re.DOTALL)]
    return sum(read for read, _ in found), sum(every for _, every in found)


def test_a_trace_and_a_prediction_are_looked_up_in_the_one_part_that_has_them(fresh: Store) -> None:
    """By the page of a trace, the page of a prediction, `explain`, and plain SQL on any of the ids."""
    trace_id = "02" * 16
    asked = predictions_of("p1", "")
    of_trace = predictions_of("", trace_id)
    for sql, parameters, index in (
        (SPANS, {"trace_id": trace_id, "most": MOST_SPANS}, "idx_trace_id"),
        (asked.sql, dict(asked.parameters), "prediction_id_bloom"),
        (of_trace.sql, dict(of_trace.parameters), "trace_id_bloom"),
        (local._ONE, {"id": "p1"}, "prediction_id_bloom"),
        ("SELECT * FROM otel_traces WHERE TraceId IN {ids:Array(String)}", {"ids": [trace_id]}, "idx_trace_id"),
    ):
        read, every = parts_read(fresh, sql, parameters, index)
        assert every and read * INSERTS == every, sql
        assert len(fresh.rows(sql, parameters)) == 1


def test_indexes_of_ids_are_built_at_once_and_the_dear_ones_when_parts_are_merged(fresh: Store) -> None:
    """Every index of the schema is one or the other."""
    for each in fresh.rows(INDEXES):
        assert (each["name"] in FOR_MERGES) is (each["expr"] not in IDS), each
        if each["table"] in ("otel_traces", "predictions"):
            assert (each["bytes"] > 0) is (each["expr"] in IDS), each
