"""Serving frameworks followed without code: unmodified applications, by each real server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from serving import Framework, Trace, asked, served
from support import eventually

from modelspan.testing import Receiver

LITSERVE = """
import litserve
from model import fitted

class Churn(litserve.LitAPI):
    def setup(self, device):
        self.model = fitted()

    def decode_request(self, request):
        return {"age": request["row"][0], "visits": request["row"][1]}

    def predict(self, row):
        return float(self.model.predict_proba([list(row.values())])[0, 1])

    def encode_response(self, score):
        return {"score": score}

if __name__ == "__main__":
    litserve.LitServer(Churn(), accelerator="cpu").run(host="127.0.0.1", port=PORT, generate_client_file=False)
"""
BENTOML = """
import bentoml
from model import fitted

@bentoml.service(name="churn_risk")
class Churn:
    def __init__(self):
        self.model = fitted()

    @bentoml.api
    def score(self, age: float, visits: float) -> float:
        return float(self.model.predict_proba([[age, visits]])[0, 1])
"""
MLSERVER = """
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from model import fitted

class Runtime(MLModel):
    async def load(self):
        self.model = fitted()
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0])
        score = self.model.predict_proba(rows)[:, 1]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", score)])
"""
RAY = """
import signal
import ray
from ray import serve
from model import fitted

@serve.deployment(name="churn_risk")
class Churn:
    def __init__(self):
        self.model = fitted()

    async def __call__(self, request):
        row = await request.json()
        return float(self.model.predict_proba([list(row.values())])[0, 1])

ray.init(num_cpus=1, include_dashboard=False, object_store_memory=80 * 2**20, _node_ip_address="127.0.0.1")
serve.start(http_options={"host": "127.0.0.1", "port": PORT})
serve.run(Churn.bind())
signal.sigwait([signal.SIGTERM])
serve.shutdown()
ray.shutdown()
"""
KSERVE = """
import kserve
import numpy as np
import uvicorn
from model import fitted

class Churn(kserve.Model):
    def load(self):
        self.model = fitted()
        self.ready = True

    async def predict(self, payload, headers=None):
        if isinstance(payload, dict):
            return {"predictions": self.model.predict_proba(np.array(payload["instances"]))[:, 1].tolist()}
        score = self.model.predict_proba(payload.inputs[0].as_numpy())[:, 1].tolist()
        output = kserve.InferOutput("p", [len(score)], "FP64", data=score)
        return kserve.InferResponse(payload.id, self.name, [output])

listens = uvicorn.Config.__init__  # on every address of the machine, if nobody keeps it from that
uvicorn.Config.__init__ = lambda self, *given, **named: listens(self, *given, **{**named, "host": "127.0.0.1"})
model = Churn("churn")
model.load()
kserve.ModelServer(http_port=PORT, enable_grpc=False, workers=1).start([model])
"""
FRAMEWORKS = {
    "kserve": Framework(
        ("kserve", "opentelemetry-instrumentation-fastapi"),
        {"app.py": KSERVE},
        ("app.py",),
        "/v2/models/churn/infer",
        "/v2/models/churn/ready",
        {"id": "9c2e", "inputs": [{"name": "row", "shape": [1, 2], "datatype": "FP64", "data": "ROW"}]},
        ("churn", "1"),
    ),
    "litserve": Framework(
        ("litserve", "opentelemetry-instrumentation-fastapi"),
        {"app.py": LITSERVE},
        ("app.py",),
        "/predict",
        "/health",
        {"row": "ROW"},
        ("named", "1"),
    ),
    "bentoml": Framework(
        ("bentoml",),
        {"app.py": BENTOML},
        ("-m", "bentoml", "serve", "app:Churn", "--host", "127.0.0.1", "--port", "PORT"),
        "/score",
        "/readyz",
        {"age": "AGE", "visits": "VISITS"},
        ("churn_risk", "1"),
    ),
    "mlserver": Framework(
        ("mlserver", "uvloop<0.22"),  # its processes do not start with a later one
        {
            "runtime.py": MLSERVER,
            "model-settings.json": json.dumps(
                {"name": "churn", "implementation": "runtime.Runtime", "parameters": {"version": "7"}}
            ),
            "settings.json": '{"host": "127.0.0.1", "http_port": PORT, "grpc_port": PORT2, "metrics_endpoint": null}',
        },
        ("-m", "mlserver.cli.main", "start", "."),
        "/v2/models/churn/infer",
        "/v2/models/churn/ready",
        {"inputs": [{"name": "row", "shape": [1, 2], "datatype": "FP64", "data": "ROW"}]},
        ("churn", "7"),
    ),
    "rayserve": Framework(
        ("ray[serve]",),
        {"app.py": RAY},
        ("app.py",),
        "/",
        "/-/healthz",
        {"age": "AGE", "visits": "VISITS"},
        ("churn_risk", "1"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_each_request_is_one_prediction_in_its_trace(
    name: str, receiver: Receiver, tmp_path: Path, environments: Path
) -> None:
    """Also where the model runs in another process than the server; the estimators inside say nothing."""
    framework = FRAMEWORKS[name]
    rows = [[0.0, 1.0], [0.2, 1.0], [0.4, 1.0]]
    traces = [Trace(number) for number in (0xA1, 0xA2, 0xA3)]
    named = {"MODELSPAN_MODEL": "named", "MODELSPAN_MODEL_VERSION": "1"}
    with served(framework, receiver, tmp_path, environments, **named) as client:
        for row, trace in zip(rows, traces, strict=True):
            answer = client.post(framework.path, json=asked(framework.body, row), headers=trace.header)
            assert answer.status_code == 200, answer.text
        eventually(lambda: len(receiver.predictions()) >= 3, "the predictions arrive")
        eventually(lambda: len(predicting(receiver)) >= 3, "their spans arrive")
    found = sorted(receiver.predictions(), key=lambda row: row["timestamp"])
    assert [[value for key, value in row.items() if key.startswith("feature.")] for row in found] == rows
    assert {(row["modelspan.model.name"], row["modelspan.model.version"]) for row in found} == {framework.called}
    assert all(0 < row["value"] < 1 for row in found)
    assert [row["trace_id"] for row in found] == [trace.id for trace in traces]
    assert sorted(span.trace_id for span in predicting(receiver)) == [trace.id for trace in traces]


def predicting(receiver: Receiver) -> list[Any]:
    """The spans of predictions."""
    return [span for span in receiver.spans() if span.name.startswith("predict ")]


@pytest.mark.slow
def test_both_protocols_of_kserve_are_followed(receiver: Receiver, tmp_path: Path, environments: Path) -> None:
    """Of a request of the first protocol each instance is a row; what the model fails at is one with its error."""
    framework = FRAMEWORKS["kserve"]
    with served(framework, receiver, tmp_path, environments) as client:
        path = "/v1/models/churn:predict"
        assert client.post(path, json={"instances": [[0.0, 1.0], [0.2, 1.0]]}).status_code == 200
        assert client.post(path, json={"instances": [[0.0]]}).status_code == 500
        eventually(lambda: len(receiver.predictions()) >= 3, "the predictions arrive")
    rows = sorted(receiver.predictions(), key=lambda row: row["timestamp"])
    assert [row["feature.f0"] for row in rows] == [0.0, 0.2, 0.0]
    assert [row["error_type"] for row in rows] == [None, None, "ValueError"]


TOGETHER = """
import litserve
from model import fitted

class Batched(litserve.LitAPI):
    def setup(self, device):
        self.model = fitted()

    def decode_request(self, request):
        return request["row"]

    def predict(self, rows):
        return self.model.predict_proba(rows)[:, 1].tolist()

class Asynchronous(Batched):
    async def decode_request(self, request):
        return request["row"]

    async def predict(self, row):
        return float(self.model.predict_proba([row])[0, 1])

    async def encode_response(self, score):
        return score

if __name__ == "__main__":
    apis = [
        Batched(max_batch_size=3, batch_timeout=30, api_path="/batched"),
        Asynchronous(enable_async=True, api_path="/asynchronous"),
    ]
    litserve.LitServer(apis, accelerator="cpu").run(host="127.0.0.1", port=PORT, generate_client_file=False)
"""


@pytest.mark.slow
def test_requests_that_litserve_brings_together_are_one_call_in_none_of_their_traces(
    receiver: Receiver, tmp_path: Path, environments: Path
) -> None:
    """A row each; those that it answers at the same time, one by one, are each in the trace of its own."""
    framework = FRAMEWORKS["litserve"]._replace(files={"app.py": TOGETHER})
    traces = {
        path: [Trace(start + number) for number in range(3)] for path, start in (("batched", 1), ("asynchronous", 9))
    }
    with served(framework, receiver, tmp_path, environments) as client, ThreadPoolExecutor(6) as pool:

        def ask(path: str, number: int) -> int:
            row = {"row": [number / 5, 1.0]}
            return client.post(f"/{path}", json=row, headers=traces[path][number].header).status_code

        answers = [pool.submit(ask, path, number) for path in traces for number in range(3)]
        assert [answer.result() for answer in answers] == [200] * 6
        eventually(lambda: len(receiver.predictions()) >= 6, "the predictions arrive")
    found: dict[str, list[bytes]] = {}
    for row in receiver.predictions():
        found.setdefault(row["modelspan.model.name"], []).append(row["trace_id"])
    assert sorted(found["Asynchronous"]) == [trace.id for trace in traces["asynchronous"]]
    (together,) = {*found["Batched"]}
    assert len(found["Batched"]) == 3
    assert together not in [trace.id for trace in traces["batched"]]
