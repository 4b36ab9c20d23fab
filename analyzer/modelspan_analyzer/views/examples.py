"""A first query for every table: what it holds, as its reader would ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Example:
    """One query to begin with."""

    table: str
    about: str
    sql: str


EXAMPLES: Final = (
    Example(
        "predictions",
        "predictions, answers and failures by hour",
        "SELECT toStartOfHour(timestamp) AS hour, count() AS predictions, avg(value) AS average, "
        "countIf(error_type != '') AS failed\nFROM predictions GROUP BY hour ORDER BY hour DESC LIMIT 168",
    ),
    Example(
        "predictions",
        "the newest predictions with their features",
        "SELECT timestamp, model, version, prediction_id, value, label, numeric_features, categorical_features\n"
        "FROM predictions ORDER BY timestamp DESC LIMIT 50",
    ),
    Example(
        "predictions",
        "how often each feature has no value",
        "SELECT arrayJoin(null_features) AS feature, count() AS missing\n"
        "FROM predictions GROUP BY feature ORDER BY missing DESC LIMIT 30",
    ),
    Example(
        "labels",
        "labels by day of arrival",
        "SELECT toDate(timestamp) AS day, if(outcome = '', 'label', outcome) AS what, count() AS known "
        "FROM labels FINAL GROUP BY day, what ORDER BY day DESC, what LIMIT 60",
    ),
    Example(
        "monitor_results",
        "what alarms, and how far beyond its bound",
        "SELECT window_end, model, version, signal, metric, feature, segment, value, threshold, reason\n"
        "FROM monitor_results FINAL WHERE verdict = 'alarm' ORDER BY window_end DESC LIMIT 100",
    ),
    Example(
        "monitor_results",
        "verdicts by signal",
        "SELECT concat(signal, ': ', verdict) AS verdict_of_signal, count() AS results\n"
        "FROM monitor_results FINAL GROUP BY verdict_of_signal ORDER BY results DESC LIMIT 40",
    ),
    Example(
        "monitor_runs",
        "the slowest runs of monitors",
        "SELECT started, model, monitor, outcome, dateDiff('millisecond', started, ended) AS milliseconds\n"
        "FROM monitor_runs FINAL WHERE ended IS NOT NULL ORDER BY milliseconds DESC LIMIT 30",
    ),
    Example(
        "monitor_claims",
        "which process looks at which window",
        "SELECT * FROM monitor_claims ORDER BY window_end DESC LIMIT 50",
    ),
    Example(
        "incidents",
        "incidents, the newest first",
        "SELECT opened_at, status, severity, model, title, why, affected\n"
        "FROM incidents FINAL ORDER BY opened_at DESC LIMIT 50",
    ),
    Example(
        "incident_events",
        "what happened to incidents",
        "SELECT at, incident_id, kind, text FROM incident_events FINAL ORDER BY at DESC LIMIT 100",
    ),
    Example(
        "incident_feedback",
        "what people thought of incidents",
        "SELECT opinion, count() AS opinions FROM incident_feedback FINAL GROUP BY opinion",
    ),
    Example(
        "verdict_events",
        "changes of verdicts that were told as events, or wait to be",
        "SELECT at, outcome, model, version, signal, metric, feature, before, verdict\n"
        "FROM verdict_events FINAL ORDER BY at DESC LIMIT 100",
    ),
    Example(
        "explanations",
        "causes that were found",
        "SELECT window_end, model, signal, feature, sentence, service, release\n"
        "FROM explanations FINAL ORDER BY window_end DESC LIMIT 50",
    ),
    Example(
        "baselines",
        "what models are compared with",
        "SELECT created_at, model, version, kind, source, rows FROM baselines FINAL ORDER BY created_at DESC LIMIT 50",
    ),
    Example(
        "reference_predictions",
        "rows of baselines",
        "SELECT model, baseline_id, count() AS rows, avg(value) AS average\n"
        "FROM reference_predictions GROUP BY model, baseline_id ORDER BY rows DESC LIMIT 50",
    ),
    Example(
        "reference_profiles",
        "baselines that came as profiles",
        "SELECT model, version, feature, numbers, texts, missing, round(mean, 4) AS average\n"
        "FROM reference_profiles ORDER BY model, version, feature LIMIT 50",
    ),
    Example(
        "model_decisions",
        "the stage and the approval of each version",
        "SELECT model, version, stage, stage_by, stage_at, approval, approved_by, approval_at\n"
        "FROM model_stages ORDER BY stage_at DESC LIMIT 50",
    ),
    Example(
        "model_projects",
        "which models belong together",
        "SELECT project, groupUniqArray(model) AS models FROM model_projects FINAL GROUP BY project LIMIT 50",
    ),
    Example(
        "feature_profiles",
        "hours for which there are sketches",
        "SELECT model, version, source, uniqExact(hour) AS hours, max(hour) AS newest\n"
        "FROM feature_profiles GROUP BY model, version, source ORDER BY newest DESC LIMIT 50",
    ),
    Example(
        "feature_profile_days",
        "days for which there are sketches",
        "SELECT count() AS sketches FROM feature_profile_days",
    ),
    Example(
        "models",
        "model cards",
        "SELECT timestamp, model, version, owner, task FROM models FINAL ORDER BY timestamp DESC LIMIT 50",
    ),
    Example(
        "attributions",
        "the strongest attributions that were computed later",
        "SELECT computed_at, model, prediction_id, method, base_value\n"
        "FROM attributions FINAL ORDER BY computed_at DESC LIMIT 50",
    ),
    Example(
        "ingest_errors",
        "what was not taken as it came",
        "SELECT kind, model, column_name, sum(count) AS rows, any(reason) AS reason\n"
        "FROM ingest_errors GROUP BY kind, model, column_name ORDER BY rows DESC LIMIT 50",
    ),
    Example(
        "audit_log",
        "who did what",
        "SELECT timestamp, action, actor, model, details FROM audit_log ORDER BY timestamp DESC LIMIT 100",
    ),
    Example(
        "otel_traces",
        "how long each span takes",
        "SELECT concat(ServiceName, ' ', SpanName) AS span, round(quantile(0.95)(Duration) / 1e6, 2) AS p95_ms, "
        "count() AS spans\nFROM otel_traces GROUP BY span ORDER BY p95_ms DESC LIMIT 30",
    ),
    Example(
        "otel_traces_trace_id_ts",
        "the newest traces",
        "SELECT * FROM otel_traces_trace_id_ts ORDER BY Start DESC LIMIT 50",
    ),
    Example(
        "otel_logs",
        "the newest log records",
        "SELECT Timestamp, ServiceName, SeverityText, Body, TraceId FROM otel_logs ORDER BY Timestamp DESC LIMIT 50",
    ),
    *(
        Example(
            f"otel_metrics_{kind}",
            f"{words} that came",
            f"SELECT MetricName, count() AS points, max(TimeUnix) AS newest\n"
            f"FROM otel_metrics_{kind} GROUP BY MetricName ORDER BY points DESC LIMIT 50",
        )
        for kind, words in (
            ("gauge", "gauges"),
            ("sum", "sums"),
            ("histogram", "histograms"),
            ("exponential_histogram", "exponential histograms"),
            ("summary", "summaries"),
        )
    ),
    Example(
        "schema_migrations",
        "steps of the schema",
        "SELECT version, name, applied_at FROM schema_migrations FINAL ORDER BY version",
    ),
)
"""In the order in which people need them."""
