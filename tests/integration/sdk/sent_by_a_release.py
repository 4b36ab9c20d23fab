"""Run by a test: what a service sends with the release of OpenTelemetry on the path, printed as one JSON object."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import sys
from typing import Any

import modelspan
from modelspan.testing import Receiver


def serve() -> None:
    """Spans of both kinds, with what the encoder reads of them: events, links, limits, a parent, an error."""
    from opentelemetry import trace

    @modelspan.observe(model="m", version="1", tags={"channel": "web"})
    def predict(row: dict[str, Any]) -> float:
        trace.get_current_span().add_event("looked up", {"hits": 3})
        if row["age"] < 0:
            raise ValueError("no such age")
        return float(row["age"]) / 100

    tracer = trace.get_tracer("of.the.application", "2.0", schema_url="https://example.com/schema")
    with tracer.start_as_current_span("request") as request:
        predict({"age": 41.0, "city": "Bern", "member": True, "visits": 3})
        link = trace.Link(request.get_span_context(), {"why": "retry"})
        with tracer.start_as_current_span("other", links=[link], attributes={"many": [1, 2], "half": 0.5}):
            pass
    with contextlib.suppress(ValueError):
        predict({"age": -1.0, "city": "Bern", "member": True, "visits": 3})
    assert modelspan.flush(30)


def shown(span: Any) -> dict[str, Any]:
    """A span without what differs from run to run."""
    from google.protobuf.json_format import MessageToDict

    told: dict[str, Any] = MessageToDict(span)
    for name in ("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano"):
        told[name] = name in told
    for event in told.get("events", ()):
        event.pop("timeUnixNano")
        event["attributes"] = [each for each in event.get("attributes", ()) if each["key"] != "exception.stacktrace"]
    for link in told.get("links", ()):
        link["traceId"] = link["spanId"] = True
    told["attributes"] = [each for each in told.get("attributes", ()) if each["key"] != "modelspan.prediction.id"]
    return told


def main() -> None:
    """Serve, and tell what arrived."""
    with Receiver() as receiver:
        modelspan.configure(endpoint=receiver.endpoint, service_name="contract", resource_metrics=False)
        serve()
        metrics = receiver.metrics()
        told = {
            "release": importlib.metadata.version("opentelemetry-sdk"),
            "spans": sorted((shown(span) for span in receiver.spans()), key=lambda span: json.dumps(span)),
            "metrics": {metric.name: metric.WhichOneof("data") for metric in metrics},
            "values": [
                list(point.bucket_counts)
                for metric in metrics
                if metric.name == "modelspan.prediction.value"
                for point in metric.histogram.data_points
            ],
            "records": [
                {name: value for name, value in row.items() if name.startswith(("feature.", "tag.", "value", "error"))}
                for row in sorted(receiver.predictions(), key=lambda row: row["feature.age"])
            ],
        }
        modelspan.configure(disabled=True)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
