"""What the dashboards show: every query once, in reading order. `generate.py` lays them out."""

from __future__ import annotations

from dataclasses import dataclass

from modelspan_analyzer.incidents.feedback import BY_MONITOR
from modelspan_analyzer.incidents.incident import EVENT_KINDS
from modelspan_analyzer.reading.segments import OF_GROUPS

PROMETHEUS, CLICKHOUSE = "prometheus", "clickhouse"


@dataclass(frozen=True)
class Panel:
    """One question and its query; `kind` is Grafana's name of the panel."""

    title: str
    kind: str
    source: str
    query: str
    unit: str = ""
    width: int = 12
    description: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One page. `variables` are asked in this order; each may use those before it."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[str, ...] = ()


VARIABLES = {
    "project": "SELECT '' AS project UNION DISTINCT SELECT DISTINCT project FROM projects ORDER BY project",
    "model": "SELECT DISTINCT model FROM monitor_runs WHERE '${project}' = '' "
    "OR model IN (SELECT model FROM projects WHERE project = '${project}') ORDER BY model",
    "feature": "SELECT DISTINCT feature FROM monitor_results "
    "WHERE model = '${model}' AND signal = 'data_drift' AND feature != '' ORDER BY feature",
    "incident": "SELECT incident_id FROM incidents FINAL ORDER BY opened_at DESC LIMIT 200",
}
_RESULTS = "FROM monitor_results FINAL WHERE window_end >= $__fromTime AND window_end <= $__toTime"
_OF_MODEL = f"{_RESULTS} AND model = '${{model}}'"
_PREDICTIONS = "FROM predictions WHERE model = '${model}' AND timestamp >= $__fromTime AND timestamp <= $__toTime"


def _sql(title: str, kind: str, query: str, **more: object) -> Panel:
    return Panel(title, kind, CLICKHOUSE, query, **more)  # type: ignore[arg-type]


def _prom(title: str, kind: str, query: str, **more: object) -> Panel:
    return Panel(title, kind, PROMETHEUS, query, **more)  # type: ignore[arg-type]


def _per_minute(title: str, expressions: str, where: str = "", **more: object) -> Panel:
    query = (
        f"SELECT toStartOfMinute(timestamp) AS time, {expressions} {_PREDICTIONS} {where} GROUP BY time ORDER BY time"
    )
    return _sql(title, "timeseries", query, **more)


def _measured(title: str, columns: str, where: str, **more: object) -> Panel:
    query = f"SELECT window_end AS time, {columns} {_OF_MODEL} AND {where} AND isNotNull(value) ORDER BY time"
    return _sql(title, "timeseries", query, **more)


def _verdicts(columns: str, where: str) -> Panel:
    query = (
        f"SELECT window_end, {columns}, value, threshold, verdict, reason {_OF_MODEL} AND {where} "
        "ORDER BY window_end DESC LIMIT 500"
    )
    return _sql("Verdicts", "table", query, width=24)


def _quantiles(of: str) -> str:
    return ", ".join(f"quantile({level})({of}) AS p{round(100 * level)}" for level in (0.05, 0.5, 0.95))


_FEATURE = "feature = '${feature}'"
_VALUE = "numeric_features['${feature}']"
_HAS_VALUE = "mapContains(numeric_features, '${feature}')"

FLEET = Dashboard(
    "modelspan-fleet",
    "modelspan / Fleet",
    (
        _prom("Open incidents", "stat", "count(count by (incident) (modelspan_incident == 1)) or vector(0)", width=6),
        _prom("Models watched", "stat", "count(modelspan_predictions_last_day)", width=6),
        _prom("Predictions of the last day", "stat", "sum(modelspan_predictions_last_day)", unit="short", width=6),
        _prom("Failed runs of the last hour", "stat", "sum(modelspan_runs_failed_last_hour)", width=6),
        _sql(
            "What is wrong",
            "table",
            "SELECT severity, model, title, why, owner, assignee, acknowledged_by, opened_at, incident_id "
            "FROM incidents FINAL WHERE status = 'open' OR updated_at >= $__fromTime "
            "ORDER BY status, severity, opened_at DESC LIMIT 100",
            width=24,
        ),
        _sql(
            "Alarms and warnings by model",
            "timeseries",
            f"SELECT window_end AS time, model, countIf(verdict = 'alarm') AS alarms {_RESULTS} "
            "GROUP BY time, model ORDER BY time",
        ),
        _prom("Since the newest prediction", "bargauge", "modelspan_prediction_age_seconds", unit="s"),
        _sql(
            "What people think of the monitors",
            "table",
            f"SELECT model, monitor, useful, noise FROM ({BY_MONITOR})",
        ),
        _prom("Verdicts now", "bargauge", "count by (model) (modelspan_result_verdict == 2) or vector(0)"),
    ),
)

MODEL = Dashboard(
    "modelspan-model",
    "modelspan / Model",
    (
        _per_minute("Predictions", "count() AS predictions"),
        _per_minute("Errors", "avg(error_type != '') AS error_rate", unit="percentunit"),
        _per_minute("Duration", "quantile(0.5)(duration) AS p50, quantile(0.99)(duration) AS p99", unit="s"),
        _per_minute("Predicted value", _quantiles("value")),
        _measured(
            "Drift of features",
            "feature, value AS psi",
            "signal = 'data_drift' AND segment = '' AND metric = 'psi'",
            width=24,
        ),
        _verdicts("signal, metric, feature, segment", "verdict IN ('alarm', 'warning', 'error')"),
        _sql(
            "Why",
            "table",
            "SELECT window_end, signal, metric, feature, segment, sentence, service, release, flagged "
            "FROM explanations FINAL WHERE model = '${model}' AND window_end >= $__fromTime "
            "ORDER BY window_end DESC LIMIT 100",
            width=24,
        ),
    ),
    ("project", "model"),
)

FEATURE = Dashboard(
    "modelspan-feature",
    "modelspan / Feature",
    (
        _measured("Drift", "metric, value", f"signal = 'data_drift' AND segment = '' AND {_FEATURE}"),
        _per_minute("Missing", "avg(has(null_features, '${feature}')) AS missing", unit="percentunit"),
        _per_minute("Values", _quantiles(_VALUE), f"AND {_HAS_VALUE}"),
        _measured("Quality", "metric, value", f"signal = 'data_quality' AND segment = '' AND {_FEATURE}"),
        _verdicts("signal, metric, segment", _FEATURE),
    ),
    ("project", "model", "feature"),
)

FAIRNESS = Dashboard(
    "modelspan-fairness",
    "modelspan / Fairness",
    (
        _measured(
            "Gaps",
            "concat(feature, ' ', segment, ' ', metric) AS measure, value",
            f"signal = 'fairness' AND {OF_GROUPS}",
            width=24,
        ),
        _verdicts("feature AS facet, segment, metric, n", "signal = 'fairness'"),
    ),
    ("project", "model"),
)

INCIDENT = Dashboard(
    "modelspan-incident",
    "modelspan / Incident",
    (
        _sql(
            "Incident",
            "table",
            "SELECT status, severity, model, title, why, owner, runbook, affected, began_at, opened_at, resolved_at, "
            "acknowledged_at, acknowledged_by, assignee, action, outcome, closed_by "
            "FROM incidents FINAL WHERE incident_id = '${incident}'",
            width=24,
        ),
        _sql(
            "Timeline",
            "table",
            "SELECT at, kind, actor, text FROM incident_events FINAL WHERE incident_id = '${incident}' "
            f"ORDER BY at, indexOf({list(EVENT_KINDS)}, kind)",
            width=24,
        ),
        _sql(
            "Sample traces",
            "table",
            "SELECT TraceId, ServiceName, SpanName, Timestamp, Duration / 1e6 AS ms, StatusCode, StatusMessage "
            "FROM otel_traces WHERE TraceId IN "
            "(SELECT arrayJoin(traces) FROM incidents FINAL WHERE incident_id = '${incident}') "
            "ORDER BY TraceId, Timestamp LIMIT 500",
            width=24,
            description="Follow a TraceId to your tracing tool.",
        ),
        _prom("Affected predictions", "stat", "sum by (incident) (modelspan_incident_affected_predictions)"),
    ),
    ("incident",),
)

COLLECTOR = Dashboard(
    "modelspan-collector",
    "modelspan / Collector",
    (
        _prom("Accepted", "timeseries", "sum by (signal) (rate(modelspan_collector_accepted_items_total[1m]))"),
        _prom("Requests", "timeseries", "sum by (protocol, outcome) (rate(modelspan_collector_requests_total[1m]))"),
        _prom("Waiting for the store", "timeseries", "max by (signal) (modelspan_collector_lag_seconds)", unit="s"),
        _prom("In the log", "timeseries", "sum by (signal) (modelspan_collector_log_bytes)", unit="bytes"),
        _prom(
            "Rejected",
            "timeseries",
            "sum by (signal) (rate(modelspan_collector_rejected_items_total[5m])) or vector(0)",
        ),
        _prom(
            "Dead letters",
            "timeseries",
            "sum by (signal) (increase(modelspan_collector_dead_letters_total[1h])) or vector(0)",
        ),
        _prom(
            "Insert, 99 % within",
            "timeseries",
            "histogram_quantile(0.99, sum by (le, signal) (rate(modelspan_collector_insert_seconds_bucket[5m])))",
            unit="s",
        ),
        _sql(
            "Rows by table",
            "table",
            "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
            "WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC",
        ),
    ),
)

DASHBOARDS: tuple[Dashboard, ...] = (FLEET, MODEL, FEATURE, FAIRNESS, INCIDENT, COLLECTOR)
