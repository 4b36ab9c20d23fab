"""The other direction, latency by span, saturation, and cost, on a simulated system."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pyarrow as pa
import pytest
import why
from why_causes import retries, timeout
from why_systems import END, HOURS, START, build

from modelspan_analyzer.config.cost_settings import CostSettings
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.breakdown import cost, saturation, stages
from modelspan_analyzer.why.moved import moved
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

WHOLE = Window(datetime.fromtimestamp(START / 1e9, timezone.utc), datetime.fromtimestamp(END / 1e9, timezone.utc))


@pytest.fixture(scope="module")
def kept(engine_dsn):
    """One database for the module."""
    store = connect(engine_dsn, "test_breakdown")
    schema.apply(store)
    yield store
    store.command("DROP DATABASE test_breakdown")
    store.close()


def _filled(store, cause, n=5000):
    system = build(np.random.default_rng([9, 1]), n)
    injection = cause(system)
    why.fill(store, system)
    return system, injection


def test_a_failing_service_names_the_model_and_what_moved(kept):
    """The missing feature is first, and an untouched feature is not named."""
    system, injection = _filled(kept, timeout)
    onset = datetime.fromtimestamp(system.onset / 1e9, timezone.utc)
    found = moved(kept, injection.truth[0].service, Window(onset, WHOLE.end))
    assert (found[0].model, found[0].measure) == (system.model, f"missing {injection.feature}")
    assert "missing country" not in {one.measure for one in found}
    assert moved(kept, "no-such-service", Window(onset, WHOLE.end)) == []


def test_stages_add_up_to_the_length_of_the_traces(kept):
    """Own times sum to the root span's mean duration, and retries are counted as calls."""
    system, injection = _filled(kept, retries)
    found = stages(kept, system.model, WHOLE)
    root = kept.scalar("SELECT avg(Duration) / 1e9 FROM otel_traces WHERE SpanName = 'POST /score'")
    assert sum(stage.mean_self for stage in found) == pytest.approx(root, rel=0.15)
    (again,) = [
        stage for stage in found
        if stage.service == injection.truth[0].service and stage.span_name.startswith("GET /")
    ]  # fmt: skip
    assert again.calls > 1.02


def test_a_gauge_that_goes_with_latency_is_told_from_one_that_does_not(kept):
    """CPU made to follow the minute's latency correlates; constant memory has no correlation."""
    system, _ = _filled(kept, retries)
    rows = kept.rows(
        "SELECT toStartOfMinute(toDateTime(timestamp, 'UTC')) AS minute, quantile(0.95)(duration) AS slow "
        "FROM predictions GROUP BY minute ORDER BY minute"
    )
    stamps = [row["minute"].replace(tzinfo=timezone.utc) for row in rows]
    for name, values in (
        ("process.cpu.utilization", [row["slow"] for row in rows]),
        ("process.memory.usage", [(7919 * number) % 101 for number in range(len(rows))]),
    ):
        columns = {
            "ServiceName": [system.services["model"].name] * len(rows),
            "MetricName": [name] * len(rows),
            "TimeUnix": pa.array(stamps, pa.timestamp("ns", "UTC")),
            "Value": pa.array(values, pa.float64()),
        }
        kept.insert("otel_metrics_gauge", pa.table(columns))
    found = {one.metric: one for one in saturation(kept, system.model, WHOLE)}
    assert found["process.cpu.utilization"].with_latency > 0.99
    assert abs(found["process.memory.usage"].with_latency) < 0.3


def test_the_cost_of_a_thousand_predictions_follows_from_prices(kept):
    """Replica hours and calls, by hand."""
    system, _ = _filled(kept, timeout)
    history = system.services["history"].name
    prices = CostSettings(replica_hour=2.0, replicas=3.0, call={history: 0.001})
    found = cost(kept, system.model, WHOLE, prices)
    calls = kept.scalar(
        "SELECT count() / uniqExact(TraceId) FROM otel_traces WHERE ServiceName = {s:String}", {"s": history}
    )
    by_hand = 1000 * (3 * 2.0 * HOURS / 5000 + 0.001 * calls)
    assert found.per_thousand == pytest.approx(by_hand, rel=0.01)
    counted = cost(kept, system.model, WHOLE, CostSettings(replica_hour=1.0))
    assert counted.serving >= HOURS * len(system.services["model"].pods)
