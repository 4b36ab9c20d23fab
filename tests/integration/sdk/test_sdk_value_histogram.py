"""The histogram of predicted values where the application has a meter provider of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SCRIPT = """
import json, logging
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
import modelspan

reader, warned = InMemoryMetricReader(), []
metrics.set_meter_provider(MeterProvider([reader]))
handler = logging.Handler()
handler.emit = warned.append
logging.getLogger("opentelemetry").addHandler(handler)
predict = modelspan.observe(model="m", version="1")(lambda row: row["x"])
for x in (-2.5, -1.0, 0.0, 4.0):
    predict({"x": x})
modelspan.flush()
found = [metric for resource in reader.get_metrics_data().resource_metrics for scope in resource.scope_metrics
         for metric in scope.metrics if metric.name == "modelspan.prediction.value"]
[point] = found[0].data.data_points
print(json.dumps([point.count, point.sum, len(warned)]))
"""


@pytest.mark.swallows("predicted values below 0 are in no metric")
def test_values_below_zero_are_left_out_and_said_once(run: Callable[..., Any]) -> None:
    """OpenTelemetry's histograms take none, and warn of each; the records have them all."""
    assert run(SCRIPT) == [2, 4.0, 0]
