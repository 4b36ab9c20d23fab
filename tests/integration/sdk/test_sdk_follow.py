"""Libraries followed without code: an unmodified service under `opentelemetry-instrument`, by each real package."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pages
import pytest
from followed import DATA, INSTRUMENT, SERVE, environment, follow
from support import eventually, free_port, need

from modelspan.testing import Receiver

APPLICATIONS = {
    "sklearn": """
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

forest = RandomForestClassifier(5, n_jobs=2, random_state=1)
stack = StackingClassifier([("forest", forest)], LogisticRegression(), cv=2)
search = GridSearchCV(make_pipeline(StandardScaler(), stack), {"stackingclassifier__passthrough": [True]}, cv=2)
model = search.fit(X, y)
cross_val_score(model, X, y, cv=2, n_jobs=2)
cross_val_predict(forest, X, y, cv=2, method="predict_proba")
model.score(X, y)

def answer(row):
    return float(model.predict_proba(pd.DataFrame([row], columns=X.columns))[0, 1])
""",
    "xgboost": """
import xgboost
data = xgboost.DMatrix(X, y)
xgboost.cv({"objective": "binary:logistic"}, data, 3, nfold=2)
booster = xgboost.train({"objective": "binary:logistic"}, data, 5)
booster.predict(data, pred_contribs=True)

def answer(row):
    return float(booster.predict(xgboost.DMatrix(pd.DataFrame([row], columns=X.columns)))[0])
""",
    "lightgbm": """
import lightgbm
data = lightgbm.Dataset(X, y)
booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, 5)
booster.predict(X, pred_leaf=True)

def answer(row):
    return float(booster.predict(np.array([row]))[0])
""",
    "catboost": """
import catboost
model = catboost.CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False).fit(X, y)
model.score(X, y)

def answer(row):
    return float(model.predict_proba(pd.DataFrame([row], columns=X.columns))[0, 1])
""",
    "onnxruntime": """
import onnxruntime
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
onnx = to_onnx(LogisticRegression().fit(X.to_numpy(), y), X.to_numpy(np.float32)[:1])
open("churn.onnx", "wb").write(onnx.SerializeToString())
session = onnxruntime.InferenceSession("churn.onnx")

def answer(row):
    return float(session.run(None, {"X": np.array([row], np.float32)})[1][0][1])
""",
    "mlflow": """
import mlflow
from sklearn.linear_model import LogisticRegression
mlflow.set_tracking_uri("file:registry")

class Wrapped(mlflow.pyfunc.PythonModel):
    def __init__(self, model):
        self.model = model

    def predict(self, context, model_input, params=None):
        return self.model.predict_proba(model_input)[:, 1]

fitted = LogisticRegression().fit(X, y)
signature = mlflow.models.infer_signature(X, y.astype(float))
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="inner", python_model=Wrapped(fitted), signature=signature, registered_model_name="churn",
        input_example=X.head(2), pip_requirements=[],
    )
served = mlflow.pyfunc.load_model("models:/churn/1")

def answer(row):
    return float(served.predict(pd.DataFrame([row], columns=X.columns))[0])
""",
}
"""By library: what trains a model, evaluates it, and answers a request with it."""

ENVIRON = {"MODELSPAN_MODEL": "churn", "MODELSPAN_MODEL_VERSION": "1", "MLFLOW_ALLOW_FILE_STORE": "true"}


@pytest.mark.parametrize("library", APPLICATIONS)
def test_each_request_is_one_prediction_in_its_trace(library: str, receiver: Receiver, tmp_path: Path) -> None:
    """What is trained, searched and evaluated before says nothing, and neither does what a model is made of."""
    if library == "catboost" and importlib.util.find_spec("catboost") is None:
        pytest.skip("catboost is not installed: with what it needs it is 400 MB, more than all else together")
    need(library)
    seen = follow(DATA + APPLICATIONS[library] + SERVE, receiver, tmp_path, **ENVIRON)
    assert len(seen.requests) == len(seen.spans) == len(seen.predictions) == 5, seen.log
    requests = {span.trace_id for span in seen.requests}
    assert {row["trace_id"] for row in seen.predictions} == requests == {span.trace_id for span in seen.spans}
    assert {(row["modelspan.model.name"], row["modelspan.model.version"]) for row in seen.predictions} == {
        ("churn", "1")
    }
    first = min(seen.predictions, key=lambda row: row["timestamp"])
    features = [value for name, value in first.items() if name.startswith("feature.")]
    assert features == [0.0, 1.0]
    scores = [first.get("value"), *(value for name, value in first.items() if name.startswith("score."))]
    assert any(score is not None and 0 < score < 1 for score in scores)


def test_a_registered_model_brings_name_version_and_columns(receiver: Receiver, tmp_path: Path) -> None:
    """MLflow's registry knows them, so nothing need be set; an array gets the names of the signature."""
    need("mlflow")
    script = DATA + APPLICATIONS["mlflow"] + SERVE
    script = script.replace(
        "pd.DataFrame([row], columns=X.columns)", "{'age': np.array(row[:1]), 'visits': np.array(row[1:])}"
    )
    seen = follow(script, receiver, tmp_path, MLFLOW_ALLOW_FILE_STORE="true")
    told = {(row["modelspan.model.name"], row["modelspan.model.version"]) for row in seen.predictions}
    assert (told, len(seen.predictions)) == ({("churn", "1")}, 5), seen.log
    assert {name for row in seen.predictions for name in row if name.startswith("feature.")} == {
        "feature.age",
        "feature.visits",
    }
    assert "modelspan:" not in seen.log


def test_an_mlflow_model_that_nobody_registered_is_called_by_the_class_that_it_wraps(
    receiver: Receiver, tmp_path: Path
) -> None:
    """What its folder is called says nothing, and the registry's file beside it names nobody; its id is the version."""
    need("mlflow")
    script = DATA + APPLICATIONS["mlflow"] + SERVE
    script = script.replace(', registered_model_name="churn"', "").replace(
        "    mlflow.pyfunc.log", "    logged = mlflow.pyfunc.log"
    )
    script = script.replace('"models:/churn/1"', "logged.model_uri")
    seen = follow(script, receiver, tmp_path, MLFLOW_ALLOW_FILE_STORE="true")
    assert {row["modelspan.model.name"] for row in seen.predictions} == {"Wrapped"}, seen.log
    assert all(row["modelspan.model.version"].startswith("m-") for row in seen.predictions)
    assert seen.log.count("MODELSPAN_MODEL names it") == 1


def test_a_model_without_a_name_is_called_by_the_class_that_predicts(receiver: Receiver, tmp_path: Path) -> None:
    """Of a search over pipelines that is the last step's; one warning says how to name it."""
    need("sklearn")
    seen = follow(DATA + APPLICATIONS["sklearn"] + SERVE, receiver, tmp_path)
    assert {row["modelspan.model.name"] for row in seen.predictions} == {"StackingClassifier"}
    assert seen.log.count("MODELSPAN_MODEL names it") == 1


IN_PROCESS = """
import json
import modelspan
import numpy as np
from modelspan.follow.sklearn import SklearnInstrumentor
modelspan.configure(service_name="s")
SklearnInstrumentor().instrument()
from sklearn.linear_model import LogisticRegression
X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
model = LogisticRegression().fit(X, y)
"""


def test_what_the_application_observes_itself_is_said_once(run: Callable[..., Any], receiver: Receiver) -> None:
    """Its own decorator, block and `instrument` are the prediction; OpenTelemetry's suppression is none at all."""
    need("wrapt")
    run(
        IN_PROCESS
        + """
from opentelemetry.context import attach, set_value
modelspan.observe("own")(lambda row: model.predict_proba(np.array([row]))[0, 1])([1.0])
def steps(row):
    yield model.predict(np.array([row]))[0]
    yield model.predict(np.array([row]))[0]
list(modelspan.observe("stream")(steps)([1.0]))
modelspan.instrument(LogisticRegression().fit(X, y), "instrumented").predict(X[:1])
with modelspan.prediction("block") as p:
    p.features, p.label = {"f0": 1.0}, str(model.predict(X[:1])[0])
attach(set_value("suppress_instrumentation", True))
model.predict(X)
"""
    )
    assert sorted(row["modelspan.model.name"] for row in receiver.predictions()) == [
        "block",
        "instrumented",
        "own",
        "stream",
    ]


def test_followed_classes_are_what_they_were(run: Callable[..., Any], receiver: Receiver) -> None:
    """Signatures, clones, pickles and absent methods stay; what is kept of an object goes with it; errors count."""
    need("wrapt")
    told = run(
        IN_PROCESS
        + """
import gc, inspect, pickle, weakref
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
pipeline = make_pipeline(SVC()).fit(X, y)
twice = pickle.loads(pickle.dumps(model))
same = twice.predict(X).tolist() == model.predict(X).tolist() == clone(model).fit(X, y).predict(X).tolist()
try:
    model.predict("wrong")
except ValueError as error:
    failed = type(error).__name__
gone = weakref.ref(twice)
del twice
gc.collect()
print(json.dumps({
    "signature": str(inspect.signature(model.predict)), "has": hasattr(pipeline, "predict_proba"), "same": same,
    "failed": failed, "gone": gone() is None, "method": inspect.ismethod(model.predict),
}))
""",
        MODELSPAN_MODEL="m",
    )
    assert told == {
        "signature": "(X)",
        "has": False,
        "same": True,
        "failed": "ValueError",
        "gone": True,
        "method": True,
    }
    rows = receiver.predictions()
    assert (len(rows), [row["error_type"] for row in rows if row["error_type"]]) == (13, ["ValueError"])
    assert {row["label"] for row in rows} == {"0", "1", None}


def test_two_models_under_one_name_are_said(run: Callable[..., Any], receiver: Receiver) -> None:
    """One variable names one model: where two kinds of model predict, the log says how to tell them apart."""
    need("wrapt")
    script = "from sklearn.svm import SVC\nmodel.predict(X)\nSVC().fit(X, y).predict(X)\n"
    log = run(SAID + IN_PROCESS + script + "print(json.dumps(said))", MODELSPAN_MODEL="m")
    assert ["a LogisticRegression and a SVC both predict as 'm'" in line for line in log] == [True]


def test_two_libraries_whose_models_are_called_alike_are_said(run: Callable[..., Any], receiver: Receiver) -> None:
    """Also without a name: a booster of XGBoost and one of LightGBM would be one model."""
    for module in ("wrapt", "xgboost", "lightgbm"):
        need(module)
    log = run(SAID + IN_PROCESS + BOOSTERS + "print(json.dumps(said))")
    assert ["a Booster of xgboost and a Booster of lightgbm both predict as 'Booster'" in line for line in log].count(
        True
    ) == 1, log


BOOSTERS = """
from modelspan.follow.lightgbm import LightGBMInstrumentor
from modelspan.follow.xgboost import XGBoostInstrumentor
XGBoostInstrumentor().instrument()
LightGBMInstrumentor().instrument()
import lightgbm, xgboost
X, y = np.tile(X, (20, 1)), np.tile(y, 20)
xgboost.train({}, xgboost.DMatrix(X, y), 1).predict(xgboost.DMatrix(X))
lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, y), 1).predict(X)
"""


def test_what_of_a_library_is_not_followed_says_so_when_it_is_called(run: Callable[..., Any]) -> None:
    """ONNX Runtime answers a callback, and writes into buffers of the caller's: one warning, and it works as before."""
    for module in ("wrapt", "onnxruntime", "skl2onnx"):
        need(module)
    log, answered = run(SAID + IN_PROCESS + OTHERWISE)
    assert answered == [2, 2, 4]
    assert [line.split(":")[1].strip() for line in log] == [
        "Session.run_async is not followed",
        "Session.run_with_iobinding is not followed",
    ]


OTHERWISE = """
import queue
from modelspan.follow.onnxruntime import OnnxRuntimeInstrumentor
OnnxRuntimeInstrumentor().instrument()
import onnxruntime
from skl2onnx import to_onnx
session = onnxruntime.InferenceSession(to_onnx(model, X[:1].astype("f4")).SerializeToString())
answers, rows = queue.Queue(), X.astype("f4")
for _ in range(2):
    session.run_async(None, {"X": rows}, lambda answer, _told, _error: answers.put(len(answer)), None)
binding = session.io_binding()
binding.bind_cpu_input("X", rows)
binding.bind_output("output_label")
session.run_with_iobinding(binding)
print(json.dumps([said, [answers.get(timeout=60), answers.get(timeout=60), len(binding.copy_outputs_to_cpu()[0])]]))
"""

SAID = """
import logging
said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("modelspan").addHandler(handler)
logging.getLogger("modelspan").propagate = False
"""


def test_the_service_of_the_page(receiver: Receiver, tmp_path: Path) -> None:
    """The page's service, by the page's command; what it predicted last arrives though SIGTERM ends it at once."""
    (service,) = pages.blocks("docs/sdk/without-code.md", "python")
    command = next(block.text for block in pages.blocks("docs/sdk/without-code.md", "sh") if "uvicorn" in block.text)
    (tmp_path / service.options["file"]).write_text(service.text)
    named, program = command.split("opentelemetry-instrument ")
    port = str(free_port())
    words = [port if word == "8080" else word for word in shlex.split(program)]
    told = environment(receiver, tmp_path, **dict(word.split("=") for word in named.split()))
    with subprocess.Popen(
        [sys.executable, "-c", INSTRUMENT, sys.executable, "-m", *words], env=told, cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        try:
            answers = [ask(port, [14.0 + number, 20.0, 90.0], process) for number in range(3)]
        finally:
            process.terminate()
            log = process.communicate(timeout=60)[1].decode()
    rows = sorted(receiver.predictions(), key=lambda row: row["feature.f0"])
    assert [row["score.1"] for row in rows] == pytest.approx(answers), log
    assert {(row["modelspan.model.name"], row["modelspan.model.version"]) for row in rows} == {("tumour", "1")}
    requests = {span.trace_id for span in receiver.spans() if span.name == "POST /score"}
    assert {row["trace_id"] for row in rows} == requests


def ask(port: str, row: list[float], process: subprocess.Popen[bytes]) -> float:
    def answered() -> Any:
        assert process.poll() is None
        try:
            return httpx.post(f"http://127.0.0.1:{port}/score", json=row, timeout=60).json()
        except httpx.TransportError:
            return None

    return float(eventually(answered, "the service answers")["score"])
