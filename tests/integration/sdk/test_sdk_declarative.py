"""A service that `OTEL_CONFIG_FILE` alone configures sends all that it sends to the file's endpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
import pytest
import yaml
from support import need

from modelspan.testing import Receiver

SERVICE = """
import modelspan
from fastapi import FastAPI
from fastapi.testclient import TestClient

{configure}
app = FastAPI()

@app.post("/score")
@modelspan.observe(model="churn", version="1", prediction=lambda answer: answer["score"])
def score(row: dict) -> dict:
    return {{"score": 0.25}}

client = TestClient(app)
for number in range(3):
    client.post("/score", json={{"age": number}})
"""
NOWHERE = "http://127.0.0.1:9"
HEADER = "authorization=Bearer t0ken"


def config(receiver: Receiver) -> str:
    """The page's file, with the receiver's address and a header for each exporter."""
    (block,) = pages.blocks("docs/sdk/decorator.md", "yaml")
    told = yaml.safe_load(block.text.replace("http://127.0.0.1:4318", receiver.endpoint))
    told["tracer_provider"]["processors"][0]["batch"]["exporter"]["otlp_http"]["headers_list"] = HEADER
    told["meter_provider"]["readers"][0]["periodic"]["exporter"]["otlp_http"]["headers_list"] = HEADER
    return yaml.safe_dump(told)


@pytest.mark.parametrize("configure", ["modelspan.configure()", "import wrapt"], ids=["configure", "instrument"])
def test_spans_metrics_and_records_go_to_the_endpoint_of_the_file(
    configure: str, receiver: Receiver, run: Callable[..., Any], tmp_path: Path
) -> None:
    """With its headers and its resource, whatever the variables say; made by `configure`, or by OpenTelemetry's own."""
    need("opentelemetry.configuration")
    need("opentelemetry.distro")
    file = tmp_path / "otel.yaml"
    file.write_text(config(receiver))
    before = ""
    if "wrapt" in configure:
        before = "from opentelemetry.instrumentation.auto_instrumentation import initialize\ninitialize()\n"
    run(
        before + SERVICE.format(configure=configure),
        OTEL_CONFIG_FILE=str(file),
        OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE,
        COLLECTOR_TOKEN="t0ken",
    )
    assert sorted(row["feature.age"] for row in receiver.predictions()) == [0.0, 1.0, 2.0]
    assert [span.name for span in receiver.spans() if span.name == "predict churn"] == ["predict churn"] * 3
    assert "modelspan.predictions" in {metric.name for metric in receiver.metrics()}
    assert {request.headers.get("authorization") for request in receiver.requests} == {"Bearer t0ken"}
    assert all(b"scoring" in request.body for request in receiver.requests)


def test_a_file_that_cannot_be_read_sends_nothing_and_says_why(
    receiver: Receiver, run: Callable[..., Any], tmp_path: Path
) -> None:
    """`configure` raises; without it predictions go on, nothing goes to a default, and the log has the reason."""
    need("opentelemetry.configuration")
    (tmp_path / "otel.yaml").write_text("file_format: '9'")
    script = """
import json, logging, modelspan
said = []
logging.getLogger("modelspan").addFilter(lambda record: said.append(record.getMessage()))
modelspan.observe("m")(lambda row: 0.5)({"a": 1.0})
print(json.dumps([said, modelspan.flush(5)]))
"""
    (said,), complete = run(script, OTEL_CONFIG_FILE=str(tmp_path / "otel.yaml"))
    assert "predictions are not sent: OTEL_CONFIG_FILE is" in said
    assert "supports schema version 1" in said
    assert (complete, receiver.requests) == (False, [])
