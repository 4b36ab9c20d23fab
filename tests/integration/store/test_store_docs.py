"""Every SQL example of the documentation runs, on a store with predictions of the model that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelspan_collector.store.connect import Store

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "store" / "sql.md").read_text()
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_sql_examples_run_and_answer(store: Store) -> None:
    """Each example returns rows, and the columns that its text promises."""
    store.command(
        "INSERT INTO predictions (model, version, timestamp, prediction_id, trace_id, label, duration, error_type, "
        "numeric_features, categorical_features, null_features) SELECT 'churn', '1', now64(9) - number, "
        "toString(number), hex(number), 'stay', 0.01, if(number % 10 = 0, 'ValueError', ''), map('age', number), "
        "map('country', 'DE'), if(number % 4, [], ['age']) FROM numbers(100)"
    )
    store.command(
        "INSERT INTO labels (prediction_id, model, timestamp, label) "
        "SELECT toString(number), 'churn', now64(9), if(number % 5, 'stay', 'leave') FROM numbers(50)"
    )
    store.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanName, Duration) "
        "SELECT now64(9), hex(number), '1', 'features', 'GET', 5000000 FROM numbers(100)"
    )
    store.command(
        "INSERT INTO monitor_results (model, version, window_end, signal, metric, verdict, value) "
        "VALUES ('churn', '1', now64(9), 'data_drift', 'psi', 'alarm', 0.4)"
    )
    store.command("INSERT INTO ingest_errors (kind, service, count, reason) VALUES ('rejected', 'scoring', 3, 'no id')")
    assert len(EXAMPLES) == 7
    answers = [store.rows(example) for example in EXAMPLES]
    assert all(answers)
    assert sum(row["labelled"] for row in answers[3]) == 50
    assert sum(row["labelled"] * row["accuracy"] for row in answers[3]) == pytest.approx(40)
    assert answers[4] == [{"ServiceName": "features", "SpanName": "GET", "spans": 10, "milliseconds": 5.0}]
