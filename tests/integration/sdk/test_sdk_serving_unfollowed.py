"""What of serving frameworks is not followed without code says so, and what follows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving import Framework, served
from support import eventually

from modelspan.testing import Receiver

INGRESS = """
import json
import signal
import modelspan
import ray
from fastapi import FastAPI
from ray import serve
from model import fitted

app = FastAPI()

@serve.deployment(name="behind_routes")
@serve.ingress(app)
class Routed:
    def __init__(self):
        self.model = fitted()

    @app.get("/ready")
    def ready(self) -> str:
        return "yes"

    @app.post("/inside")
    def inside(self, row: list[float]) -> float:
        return float(self.model.predict_proba([row])[0, 1])

    @app.post("/rule")
    @modelspan.observe(model="rule", version="2")
    async def rule(self, row: dict[str, float]) -> float:
        return row["age"] / 2

    @app.post("/unseen")
    def unseen(self, row: dict[str, float]) -> float:
        return row["age"] / 2

ray.init(num_cpus=1, include_dashboard=False, object_store_memory=80 * 2**20, _node_ip_address="127.0.0.1")
serve.start(http_options={"host": "127.0.0.1", "port": PORT})
serve.run(Routed.bind())
signal.sigwait([signal.SIGTERM])
serve.shutdown()
ray.shutdown()
"""


@pytest.mark.slow
def test_routes_before_a_ray_deployment_say_once_that_they_are_not_followed(
    receiver: Receiver, tmp_path: Path, environments: Path
) -> None:
    """What a followed library predicts in one is a prediction, and what a route's own decorator observes."""
    framework = Framework(("ray[serve]",), {"app.py": INGRESS}, ("app.py",), "", "/ready", {}, ("", ""))
    named = {"MODELSPAN_MODEL": "named", "MODELSPAN_MODEL_VERSION": "1"}
    with served(framework, receiver, tmp_path, environments, **named) as client:
        for path, body in (("/unseen", {"age": 0.2}), ("/rule", {"age": 0.4}), ("/inside", [0.6, 1.0])):
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
        eventually(lambda: len(receiver.predictions()) >= 2, "the predictions arrive")
        said = "routes of the deployment 'behind_routes' are not followed"
        eventually(lambda: said in (tmp_path / "log").read_text(), "the log says so")
    assert {(row["modelspan.model.name"], row["modelspan.model.version"]) for row in receiver.predictions()} == {
        ("rule", "2"),
        ("named", "1"),
    }
    assert (tmp_path / "log").read_text().count(said) == 1


STREAMED = """
import litserve

class Told(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["age"]

    def predict(self, age):
        yield from (age, age / 2)

    def encode_response(self, answers):
        for answer in answers:
            yield {"answer": answer}

if __name__ == "__main__":
    server = litserve.LitServer(Told(stream=True), accelerator="cpu")
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False)
"""


@pytest.mark.slow
def test_a_stream_of_litserve_says_that_it_is_not_followed(
    receiver: Receiver, tmp_path: Path, environments: Path
) -> None:
    framework = Framework(("litserve",), {"app.py": STREAMED}, ("app.py",), "/predict", "/health", {}, ("", ""))
    with served(framework, receiver, tmp_path, environments) as client:
        assert client.post("/predict", json={"age": 1.0}).text.count("answer") == 2
        eventually(lambda: "the stream of Told is not followed" in (tmp_path / "log").read_text(), "the log says so")
