"""Deliveries of scheduled reports as a Prometheus counter, counted in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector as PrometheusCollector

from modelspan_analyzer.reports.owed import DELIVERED, FAILED
from modelspan_collector.store.connect import Store

_OUTCOMES: Final = {DELIVERED: "delivered", FAILED: "failed"}
_DELIVERIES = """
SELECT JSONExtractString(details, 'report') AS report, JSONExtractString(details, 'to') AS target, action,
       count() AS deliveries
FROM audit_log WHERE action IN {actions:Array(String)} GROUP BY report, target, action ORDER BY report, target, action
"""


class DeliveriesCollector(PrometheusCollector):
    """Reads what became of reports when Prometheus asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[CounterMetricFamily]:
        """Nothing: registering must not query the store."""
        return []

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counter, one series a report, place and outcome."""
        counted = CounterMetricFamily(
            "modelspan_report_deliveries", "Scheduled reports brought to a place.", labels=("report", "to", "outcome")
        )
        for row in self._store.rows(_DELIVERIES, {"actions": list(_OUTCOMES)}):
            counted.add_metric([row["report"], row["target"], _OUTCOMES[row["action"]]], float(row["deliveries"]))
        yield counted
