"""Where a model's time goes, what load does to it, and what a thousand predictions cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modelspan_analyzer.config.cost_settings import TOLD, CostSettings
from modelspan_analyzer.config.expression import paid
from modelspan_analyzer.reading.paid import Paid, mean_cost
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.elsewhere import TRACES, Elsewhere, elsewhere
from modelspan_collector.store.connect import Store

SAMPLED_TRACES = 5000
LOAD = "(cpu|memory|gpu|queue|thread|connection)"
"""Names of metrics that say how busy a process is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The spans of one service and name in the traces of a model's predictions; times in seconds a prediction."""

    service: str
    span_name: str
    calls: float
    """A prediction."""
    mean_self: float
    """Its own time: its duration without that of its children, so that stages add up to the whole."""
    p50: float
    p99: float
    error_rate: float


_STAGES = """
WITH spans AS (
    SELECT TraceId, SpanId, ParentSpanId, ServiceName, SpanName, Duration / 1e9 AS seconds, StatusCode
    FROM otel_traces
    WHERE Timestamp >= {first:DateTime64(9, 'UTC')} - INTERVAL 15 MINUTE
      AND Timestamp < {last:DateTime64(9, 'UTC')} + INTERVAL 15 MINUTE
      AND TraceId IN (
        SELECT trace_id FROM predictions
        WHERE model = {model:String} AND trace_id != ''
          AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
        GROUP BY trace_id ORDER BY cityHash64(trace_id) LIMIT {traces:UInt32})),
children AS (SELECT TraceId, ParentSpanId AS parent, sum(seconds) AS below FROM spans GROUP BY TraceId, parent)
SELECT s.ServiceName::String AS service, s.SpanName::String AS span_name,
       count() / (SELECT uniqExact(TraceId) FROM spans) AS calls,
       sum(greatest(s.seconds - c.below, 0)) / (SELECT uniqExact(TraceId) FROM spans) AS mean_self,
       quantile(0.5)(s.seconds) AS p50, quantile(0.99)(s.seconds) AS p99, avg(s.StatusCode = 'Error') AS error_rate
FROM spans AS s LEFT JOIN children AS c ON c.TraceId = s.TraceId AND c.parent = s.SpanId
GROUP BY service, span_name
ORDER BY mean_self DESC
"""
_TRACED = """
SELECT trace_id, toFloat64(min(toUnixTimestamp(timestamp))) AS time FROM predictions
WHERE model = {model:String} AND trace_id != ''
  AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
GROUP BY trace_id ORDER BY cityHash64(trace_id) LIMIT {traces:UInt32}
"""


def stages(store: Store, model: str, window: Window) -> list[Stage]:
    """The latency of a model's predictions by span, the slowest first, from a sample of their traces."""
    bounds = {"model": model, "start": window.start, "end": window.end, "traces": SAMPLED_TRACES}
    rows = store.rows(_STAGES, {**bounds, "first": window.start, "last": window.end})
    if not rows and (found := _elsewhere(store, bounds)):
        rows = store.rows(_STAGES, {**bounds, "first": found.window.start, "last": found.window.end})
    return [Stage(**row) for row in rows]


def _elsewhere(store: Store, bounds: Mapping[str, Any]) -> Elsewhere | None:
    """Where the spans of these predictions are, if not near them in time."""
    table = store.arrow(_TRACED, {**bounds, "traces": TRACES})
    return elsewhere(store, table["trace_id"].to_pylist(), table["time"].to_numpy()) if table.num_rows else None


@dataclass(frozen=True, slots=True)
class Saturation:
    """How a measure of the serving process goes with latency and errors, minute by minute."""

    metric: str
    minutes: int
    with_latency: float
    """Spearman's rank correlation with the minute's 95th percentile of duration; nan where either stands still."""
    with_errors: float


# Levels as they are; of what only grows (CPU time), by how much a second, at the middle of the time between two points.
_SATURATION = """
WITH services AS (
    SELECT DISTINCT service FROM predictions WHERE model = {model:String}
      AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}),
growing AS (
    SELECT MetricName::String AS metric, TimeUnix AS at, AggregationTemporality = 1 AS delta,
           if(delta, StartTimeUnix, lagInFrame(TimeUnix) OVER series) AS last,
           dateDiff('millisecond', last, TimeUnix) / 1000 AS since,
           if(delta, Value, Value - lagInFrame(Value) OVER series) AS grown,
           delta OR row_number() OVER series > 1 AS known
    FROM otel_metrics_sum
    WHERE ServiceName IN services AND IsMonotonic AND match(MetricName, {load:String})
      AND TimeUnix >= {start:DateTime64(9, 'UTC')} AND TimeUnix < {end:DateTime64(9, 'UTC')}
    WINDOW series AS (PARTITION BY MetricName, toString(ResourceAttributes), toString(Attributes) ORDER BY TimeUnix)),
levels AS (
    SELECT MetricName::String AS metric, TimeUnix AS at, Value AS level FROM otel_metrics_gauge
    WHERE ServiceName IN services AND match(MetricName, {load:String})
      AND TimeUnix >= {start:DateTime64(9, 'UTC')} AND TimeUnix < {end:DateTime64(9, 'UTC')}
    UNION ALL
    SELECT MetricName::String AS metric, TimeUnix AS at, Value AS level FROM otel_metrics_sum
    WHERE ServiceName IN services AND NOT IsMonotonic AND match(MetricName, {load:String})
      AND TimeUnix >= {start:DateTime64(9, 'UTC')} AND TimeUnix < {end:DateTime64(9, 'UTC')}
    UNION ALL
    SELECT metric, at - toIntervalMillisecond(toInt64(500 * since)) AS at, grown / since AS level FROM growing
    WHERE known AND since > 0 AND grown >= 0),
load AS (
    SELECT metric, toStartOfMinute(toDateTime(at, 'UTC')) AS minute, avg(level) AS level FROM levels
    GROUP BY metric, minute),
served AS (
    SELECT toStartOfMinute(toDateTime(timestamp, 'UTC')) AS minute, quantile(0.95)(duration) AS latency,
           avg(error_type != '') AS errors
    FROM predictions
    WHERE model = {model:String}
      AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
    GROUP BY minute)
SELECT metric, toUInt32(count()) AS minutes,
       rankCorr(level, assumeNotNull(latency)) AS with_latency, rankCorr(level, errors) AS with_errors
FROM load INNER JOIN served USING minute
GROUP BY metric
HAVING minutes >= 5
ORDER BY abs(with_latency) DESC
"""


def saturation(store: Store, model: str, window: Window) -> list[Saturation]:
    """CPU, memory, GPU, queues and pools of the serving process against latency and errors."""
    bounds = {"model": model, "start": window.start, "end": window.end, "load": LOAD}
    return [Saturation(**row) for row in store.rows(_SATURATION, bounds)]


@dataclass(frozen=True, slots=True)
class Cost:
    """What predictions cost, in the currency of the prices."""

    currency: str
    predictions: int
    serving: float
    calls: float
    own: float = 0.0
    """Of predictions by themselves, such as their tokens: the mean of those that tell, for all."""
    told: int = 0
    """How many tell it."""

    @property
    def per_thousand(self) -> float:
        """Of a thousand predictions; nan where there were none, or none tells what it cost by itself."""
        return 1000 * (self.serving + self.calls + self.own) / self.predictions if self.predictions else float("nan")


_SERVED = """
SELECT count() AS predictions, any(service) AS service FROM predictions
WHERE model = {model:String}
  AND timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
"""
# From the first span of each replica to its last: a pod that replaces another is no second one.
_REPLICA_HOURS = """
SELECT sum(seen) / 3600 FROM (
    SELECT coalesce(nullIf(ResourceAttributes['k8s.pod.name'], ''),
                    nullIf(ResourceAttributes['service.instance.id'], ''), ResourceAttributes['host.name']) AS replica,
           dateDiff('millisecond', min(Timestamp), max(Timestamp)) / 1000 AS seen
    FROM otel_traces
    WHERE ServiceName = {service:String}
      AND Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')}
    GROUP BY replica)
"""


def cost(store: Store, model: str, window: Window, prices: CostSettings) -> Cost:
    """What a model's predictions cost: replica hours of its service, the calls that its traces make, and they do."""
    bounds = {"model": model, "start": window.start, "end": window.end}
    (served,) = store.rows(_SERVED, bounds)
    if prices.replicas is None:
        hours = float(store.scalar(_REPLICA_HOURS, {**bounds, "service": served["service"]}))
    else:
        hours = prices.replicas * (window.end - window.start).total_seconds() / 3600
    found = stages(store, model, window) if prices.call else []
    per_prediction = sum(stage.calls * prices.call.get(stage.service, 0.0) for stage in found)
    own = mean_cost(store, model, window, paid(prices.prediction or TOLD))
    if not (prices.prediction or own.known):
        own = Paid(0, 0.0)
    return Cost(
        currency=prices.currency,
        predictions=served["predictions"],
        serving=hours * prices.replica_hour,
        calls=per_prediction * served["predictions"],
        own=own.mean * served["predictions"],
        told=own.known,
    )


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A model's time, load and cost together."""

    stages: list[Stage]
    saturation: list[Saturation]
    cost: Cost | None
    """None where no price is known and no prediction tells what it cost."""

    def as_json(self) -> dict[str, Any]:
        """The breakdown as JSON-ready values; null where a number is not known."""
        return {
            "stages": [_finite(asdict(stage)) for stage in self.stages],
            "saturation": [_finite(asdict(load)) for load in self.saturation],
            "cost": self.cost and _finite({**asdict(self.cost), "per_thousand": self.cost.per_thousand}),
        }


def breakdown(store: Store, model: str, window: Window, prices: CostSettings) -> Breakdown:
    """Everything there is to say of where a model's time and money go."""
    found = cost(store, model, window, prices)
    known = prices.known or found.told > 0
    return Breakdown(stages(store, model, window), saturation(store, model, window), found if known else None)


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
