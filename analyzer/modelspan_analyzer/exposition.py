"""The newest results as Prometheus gauges: value, threshold, verdict and age of every measurement."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector as PrometheusCollector

from modelspan_analyzer.results import Verdict
from modelspan_collector.store.connect import Store

MOST_SERIES = 5_000
"""Results that are exposed; those that alarm come first, and what is left out is counted."""

VERDICT_LEVELS = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.ALARM: 2}

_NEWEST = """
SELECT model, version, signal, metric, feature, segment, value, threshold, verdict,
       dateDiff('second', window_end, now64(3)) AS age
FROM monitor_results FINAL
WHERE (model, version, window_end) IN (
    SELECT model, version, max(window_end) FROM monitor_results GROUP BY model, version
)
ORDER BY verdict = 'alarm' DESC, verdict = 'warning' DESC, model, version, signal, metric, feature, segment
LIMIT {limit:UInt32}
"""
_LABELS = ("model", "version", "signal", "metric", "feature", "segment")


class ResultsCollector(PrometheusCollector):
    """Reads the results of every model's newest window when Prometheus asks."""

    def __init__(self, store: Store, *, most_series: int = MOST_SERIES) -> None:
        self._store = store
        self._most = most_series

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not query the store."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, one series a result each."""
        rows = self._store.rows(_NEWEST, {"limit": self._most + 1})
        value = GaugeMetricFamily("modelspan_result_value", "What a monitor measured.", labels=_LABELS)
        threshold = GaugeMetricFamily("modelspan_result_threshold", "Where its alarm lies.", labels=_LABELS)
        verdict = GaugeMetricFamily(
            "modelspan_result_verdict",
            "0 ok, 1 warning, 2 alarm, -1 no verdict (not enough data, not compared, skipped, error).",
            labels=_LABELS,
        )
        age = GaugeMetricFamily("modelspan_result_age_seconds", "Since the end of its window.", labels=_LABELS)
        for row in rows[: self._most]:
            labels = [str(row[name]) for name in _LABELS]
            if row["value"] is not None:
                value.add_metric(labels, float(row["value"]))
            if row["threshold"] is not None:
                threshold.add_metric(labels, float(row["threshold"]))
            verdict.add_metric(labels, VERDICT_LEVELS.get(Verdict(row["verdict"]), -1))
            age.add_metric(labels, float(row["age"]))
        truncated = GaugeMetricFamily("modelspan_results_truncated", "1 where results were left out of the gauges.")
        truncated.add_metric([], float(len(rows) > self._most))
        yield from (value, threshold, verdict, age, truncated)
