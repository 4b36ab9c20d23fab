"""Metrics as the rules of redaction let them be shown: no series of what is hidden, and no label that speaks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as PrometheusCollector

from modelspan_analyzer.monitors.metrics.targets import SIGNAL as METRICS
from modelspan_analyzer.views.veil import Veil

_ABOUT = ("feature", "segment")


class VeiledCollector(PrometheusCollector):
    """What another collector says, behind a veil that is asked for anew each time."""

    def __init__(self, collector: PrometheusCollector, veil: Callable[[], Veil]) -> None:
        self._collector = collector
        self._veil = veil

    def describe(self) -> list[Metric]:
        """Nothing: registering must not query the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The same families, without what is hidden."""
        veil = self._veil()
        for family in self._collector.collect():
            if veil.active:
                family.samples = [
                    sample._replace(labels={name: veil.text(value) for name, value in sample.labels.items()})
                    for sample in family.samples
                    if not any(veil.speaks_of_hidden(sample.labels.get(name, "")) for name in _ABOUT)
                    and not (sample.labels.get("signal") == METRICS and sample.labels.get("metric") in veil.metrics)
                ]
            yield family
