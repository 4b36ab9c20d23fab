"""The other direction, latency by span, saturation, and cost, on a simulated system."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import why
from why_causes import retries, timeout, unit_change
from why_systems import END, HOURS, START, build

from modelspan_analyzer.config.cost_settings import CostSettings
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.breakdown import breakdown, cost, saturation, stages
from modelspan_analyzer.why.moved import moved, since_release
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

WHOLE = Window(datetime.fromtimestamp(START / 1e9, UTC), datetime.fromtimestamp(END / 1e9, UTC))


@pytest.fixture(scope="module")
def kept(engine_dsn):
    """One database for the module."""
    store = connect(engine_dsn, "test_breakdown")
    schema.apply(store)
    why.drop_views(store)
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
    onset = datetime.fromtimestamp(system.onset / 1e9, UTC)
    found = moved(kept, injection.truth[0].service, Window(onset, WHOLE.end))
    assert (found[0].model, found[0].measure) == (system.model, f"missing {injection.feature}")
    assert "missing country" not in {one.measure for one in found}
    assert moved(kept, "no-such-service", Window(onset, WHOLE.end)) == []


def test_a_redeployed_service_names_inputs_and_answers_that_moved_with_it(kept):
    """A release that changes a unit, and makes answers wrong: found since its first sight, without being told when."""
    system = build(np.random.default_rng([9, 2]), 5000)
    injection = unit_change(system)
    system.fallback |= system.after & system.chance(0.3)
    why.fill(kept, system)
    service = injection.truth[0].service
    since = since_release(kept, service, WHOLE)
    assert abs(since.start.timestamp() - system.onset / 1e9) < 600
    measures = {one.measure for one in moved(kept, service, since)}
    assert {f"high {injection.feature}", "wrong"} <= measures
    assert not {"high age", "errors", "missing country"} & measures
    assert since_release(kept, "no-such-service", WHOLE) is None


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


def test_load_that_goes_with_latency_is_told_from_load_that_does_not(kept):
    """CPU made to follow the minute's latency correlates, as a level and as a counter's growth; memory does not."""
    system, _ = _filled(kept, retries)
    rows = kept.rows(
        "SELECT toStartOfMinute(toDateTime(timestamp, 'UTC')) AS minute, quantile(0.95)(duration) AS slow "
        "FROM predictions GROUP BY minute ORDER BY minute"
    )
    stamps = np.array([row["minute"].replace(tzinfo=UTC).timestamp() for row in rows])
    slow = np.array([row["slow"] for row in rows])
    spent = np.cumsum(slow)
    spent[len(spent) // 2 :] -= spent[len(spent) // 2]  # the process was started anew
    random = np.random.default_rng(1).permutation(len(rows)).astype(float)
    for table, name, values, more in (
        ("gauge", "process.cpu.utilization", slow, {}),
        (
            "sum",
            "process.cpu.time",
            spent,
            {"IsMonotonic": [True] * len(rows), "AggregationTemporality": [2] * len(rows)},
        ),
        ("sum", "process.memory.usage", random, {"IsMonotonic": [False] * len(rows)}),
    ):
        columns = {
            "ServiceName": [system.services["model"].name] * len(rows),
            "MetricName": [name] * len(rows),
            "TimeUnix": pa.array(((stamps + 59) * 1e9).astype("int64")).cast(pa.timestamp("ns", "UTC")),
            "Value": pa.array(values, pa.float64()),
        }
        kept.insert(f"otel_metrics_{table}", pa.table(columns | more))
    found = {one.metric: one for one in saturation(kept, system.model, WHOLE)}
    assert found["process.cpu.utilization"].with_latency > 0.99
    assert found["process.cpu.time"].with_latency > 0.99
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
    own = cost(kept, system.model, WHOLE, CostSettings(prediction="0.5 * duration"))
    seconds = kept.scalar("SELECT avg(duration) FROM predictions WHERE model = {m:String}", {"m": system.model})
    assert (own.per_thousand, own.told) == (pytest.approx(500 * seconds), own.predictions)
    untold = cost(kept, system.model, WHOLE, CostSettings(prediction="tag.cost", replica_hour=1.0))
    assert (math.isnan(untold.per_thousand), untold.told) == (True, 0)
    assert breakdown(kept, system.model, WHOLE, CostSettings()).cost is None
    counted = cost(kept, system.model, WHOLE, CostSettings(replica_hour=1.0))
    assert counted.serving == pytest.approx(HOURS * len(system.services["model"].pods), rel=0.02)


def test_a_tag_tells_what_a_prediction_cost_where_no_expression_does(kept):
    """As experiments read it: beside prices it is added, and without any it is what is known."""
    times = pa.array([WHOLE.start] * 4, pa.timestamp("ns", "UTC"))
    tags = [[("cost", "0.5")], [("cost", "1.5")], [("cost", "$2")], []]
    store_of = {"model": ["letters"] * 4, "timestamp": times, "tags": pa.array(tags, pa.map_(pa.string(), pa.string()))}
    kept.insert("predictions", pa.table(store_of))
    found = breakdown(kept, "letters", WHOLE, CostSettings(currency="EUR")).cost
    assert (found.per_thousand, found.told, found.currency) == (1000.0, 2, "EUR")
    priced = cost(kept, "letters", WHOLE, CostSettings(replica_hour=1.0, replicas=1.0))
    assert priced.per_thousand == pytest.approx(1000.0 + 1000 * HOURS / 4)
