"""Incidents and the health of the monitors themselves, for Prometheus to scrape and its rules to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector as PrometheusCollector

from modelspan_analyzer import instants
from modelspan_analyzer.alerts.alert import (
    ACKNOWLEDGEMENT_LABELS,
    ANNOTATIONS,
    LABELS,
    acknowledgement_labels,
    annotations_of,
    labels_of,
)
from modelspan_analyzer.alerts.maintenance import under_maintenance
from modelspan_analyzer.alerts.silence import Expects, Limits, nothing_told
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.incidents import Incident, feedback, load_open, load_resolved
from modelspan_analyzer.reading.arrivals import PRIMARY
from modelspan_analyzer.reading.lag import lags
from modelspan_collector.store.connect import Store

MOST_INCIDENTS = 200
MOST_MODELS = 1000
KEPT = 2
"""An incident that is over is shown as 0 for so many times as long as the rules remember a 1."""

_PREDICTIONS = """
SELECT model, countIf(role = {role:String}) AS answers, maxIf(timestamp, role = {role:String}) AS newest,
       dateDiff('second', newest, now64(3)) AS age, count() AS predictions
FROM predictions
WHERE timestamp >= now64(3) - INTERVAL 1 DAY
GROUP BY model ORDER BY model LIMIT {limit:UInt32}
"""
_SILENT = """
SELECT model, max(timestamp) AS newest, dateDiff('second', newest, now64(3)) AS age
FROM predictions
WHERE model IN {models:Array(String)} AND role = {role:String} AND timestamp >= now64(3) - INTERVAL 35 DAY
GROUP BY model ORDER BY model
"""
_RUNS = """
SELECT model, toUnixTimestamp64Milli(maxIf(assumeNotNull(ended), outcome = 'done')) / 1000 AS succeeded,
       countIf(outcome IN ('failed', 'timeout') AND started >= now64(3) - INTERVAL 1 HOUR) AS failed
FROM monitor_runs FINAL
WHERE monitor = '' AND started >= now64(3) - INTERVAL 7 DAY
GROUP BY model ORDER BY model LIMIT {limit:UInt32}
"""


def _add_severities(family: GaugeMetricFamily, incident: Incident, value: float) -> None:
    """One series for each severity that an incident has had."""
    for severity in incident.severities:
        labels = labels_of(incident, severity)
        family.add_metric([labels[name] for name in LABELS], value)


class IncidentCollector(PrometheusCollector):
    """Reads open incidents and the state of predictions and runs when Prometheus asks.

    Labels are bounded: incidents by `MOST_INCIDENTS`, models by `MOST_MODELS`. What a person reads is in
    `modelspan_incident_info`, apart from what names the alert, so that a better "why" makes no new alert.
    """

    def __init__(
        self,
        store: Store,
        settings: AlertSettings | None = None,
        *,
        expects: Expects = nothing_told,
        clock: Callable[[], datetime] = instants.now,
    ) -> None:
        self._store = store
        self._settings = settings or AlertSettings()
        self._clock = clock
        self._limits = Limits(store, self._settings.silent_after, expects)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not query the store."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges."""
        now = self._clock()
        heartbeat = GaugeMetricFamily("modelspan_heartbeat_timestamp_seconds", "When modelspan last answered.")
        heartbeat.add_metric([], now.timestamp())
        incidents = load_open(self._store)
        yield heartbeat
        yield from self._incidents(incidents, load_resolved(self._store, now - KEPT * self._settings.remember))
        yield from self._models(now, {incident.model for incident in incidents})
        yield from self._lags(now)
        yield self._feedback()

    def _incidents(self, incidents: list[Incident], over: list[Incident]) -> Iterator[GaugeMetricFamily]:
        shown = sorted(incidents, key=lambda incident: (incident.severity.rank, incident.opened_at))[:MOST_INCIDENTS]
        open_ = GaugeMetricFamily(
            "modelspan_incident", "1 while an incident is open, 0 when it is over.", labels=LABELS
        )
        info = GaugeMetricFamily(
            "modelspan_incident_info", "What a person reads of an open incident.", labels=("incident", *ANNOTATIONS)
        )
        affected = GaugeMetricFamily(
            "modelspan_incident_affected_predictions",
            "Predictions that an incident affects.",
            labels=("incident", "model"),
        )
        acknowledged = GaugeMetricFamily(
            "modelspan_incident_acknowledged", "1 while somebody has it in hand.", labels=ACKNOWLEDGEMENT_LABELS
        )
        for incident in shown:
            _add_severities(open_, incident, 1.0)
            texts = annotations_of(incident, self._settings, self._store.database)
            info.add_metric([incident.incident_id, *(texts.get(name, "") for name in ANNOTATIONS)], 1.0)
            affected.add_metric([incident.incident_id, incident.model], float(incident.affected))
            known = acknowledgement_labels(incident).values()
            acknowledged.add_metric(list(known), float(incident.acknowledged_at is not None))
        for incident in over:
            _add_severities(open_, incident, 0.0)
            acknowledged.add_metric(list(acknowledgement_labels(incident).values()), 0.0)
        left_out = GaugeMetricFamily("modelspan_incidents_left_out", "Open incidents beyond the most that are exposed.")
        left_out.add_metric([], float(len(incidents) - len(shown)))
        yield from (open_, info, affected, acknowledged, left_out)

    def _models(self, now: datetime, others: set[str]) -> Iterator[GaugeMetricFamily]:
        limit = {"limit": MOST_MODELS, "role": PRIMARY}
        predictions, runs = self._store.rows(_PREDICTIONS, limit), self._store.rows(_RUNS, limit)
        yield from self._ages(predictions, {str(row["model"]) for row in (*predictions, *runs)})
        volume = GaugeMetricFamily(
            "modelspan_predictions_last_day", "Predictions of the last 24 hours.", labels=["model"]
        )
        for row in predictions:
            volume.add_metric([row["model"]], float(row["predictions"]))
        succeeded = GaugeMetricFamily(
            "modelspan_run_success_timestamp_seconds", "When a model's monitors last ran through.", labels=["model"]
        )
        failed = GaugeMetricFamily("modelspan_runs_failed_last_hour", "Runs of a model that failed.", labels=["model"])
        for row in runs:
            if row["succeeded"] > 0:
                succeeded.add_metric([row["model"]], float(row["succeeded"]))
            failed.add_metric([row["model"]], float(row["failed"]))
        held = GaugeMetricFamily("modelspan_maintenance", "1 while a model's alerts are held back.", labels=["model"])
        for model in sorted({row["model"] for row in (*predictions, *runs)} | others):
            held.add_metric([model], float(under_maintenance(self._settings.maintenance, model, now)))
        yield from (volume, succeeded, failed, held)

    def _ages(self, predictions: list[dict[str, Any]], models: set[str]) -> Iterator[GaugeMetricFamily]:
        """How long no version that answers has predicted, and how long that may last."""
        answering = [row for row in predictions if row["answers"]]
        silent = models - {row["model"] for row in answering}
        if silent:  # for a day or more: their alert must not end by itself
            answering += self._store.rows(_SILENT, {"models": sorted(silent), "role": PRIMARY})
        age = GaugeMetricFamily(
            "modelspan_prediction_age_seconds", "Since a model's newest prediction that somebody got.", labels=["model"]
        )
        most = GaugeMetricFamily(
            "modelspan_prediction_age_limit_seconds", "After how long a silence it alarms.", labels=["model"]
        )
        for row in answering:
            age.add_metric([row["model"]], float(row["age"]))
            limit = self._limits.seconds(row["model"], instants.utc(row["newest"]), float(row["age"]))
            most.add_metric([row["model"]], limit)
        yield from (age, most)

    def _lags(self, now: datetime) -> Iterator[GaugeMetricFamily]:
        """How far the analyzer is behind with each model, by the version that it is farthest behind with."""
        behind = GaugeMetricFamily(
            "modelspan_analysis_lag_seconds", "Since the oldest window that waits was due.", labels=["model"]
        )
        waiting = GaugeMetricFamily(
            "modelspan_analysis_windows_waiting", "Windows that are due and were not looked at.", labels=["model"]
        )
        found = groupby(lags(self._store, now), key=lambda one: one.model)
        for model, versions in islice(found, MOST_MODELS):
            seconds, windows = zip(*((one.seconds, one.windows) for one in versions), strict=True)
            behind.add_metric([model], max(seconds))
            waiting.add_metric([model], float(sum(windows)))
        yield from (behind, waiting)

    def _feedback(self) -> GaugeMetricFamily:
        opinions = GaugeMetricFamily(
            "modelspan_incident_opinions", "What people thought of a monitor's incidents.",
            labels=("model", "monitor", "opinion"),
        )  # fmt: skip
        for counted in feedback.by_monitor(self._store)[:MOST_MODELS]:
            opinions.add_metric([counted.model, counted.monitor, feedback.USEFUL], float(counted.useful))
            opinions.add_metric([counted.model, counted.monitor, feedback.NOISE], float(counted.noise))
        return opinions
