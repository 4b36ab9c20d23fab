"""Whatever is observed goes to other processes as it would unobserved: by pickle, cloudpickle and spawned workers."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import modelspan
from modelspan.testing import Receiver

LOADING = """
import asyncio, pickle, sys
import modelspan
modelspan.configure()
function = pickle.load(open(sys.argv[1], "rb"))
told = function({"age": 50.0})
if hasattr(told, "__await__"):
    told = asyncio.run(asyncio.wait_for(told, 5))
elif hasattr(told, "__next__"):
    told = list(told)[-1]
elif hasattr(told, "__anext__"):
    async def last():
        return [item async for item in told][-1]
    told = asyncio.run(last())
assert modelspan.flush(60)
print(told)
"""


observe = modelspan.observe(
    model="m", version=lambda *args: "1", tags={"channel": "web"}, prediction=lambda told: told, redact={"x": "drop"}
)


def plain() -> Any:
    return observe(lambda row: row["age"] / 100)


def asynchronous() -> Any:
    @observe
    async def predict(row: dict[str, float]) -> float:
        return row["age"] / 100

    return predict


def generator() -> Any:
    @observe
    def predict(row: dict[str, float]) -> Iterator[float]:
        yield row["age"] / 100

    return predict


def async_generator() -> Any:
    @observe
    async def predict(row: dict[str, float]) -> Any:
        yield row["age"] / 100

    return predict


def method() -> Any:
    class Service:
        scale = 100

        @observe
        def predict(self, row: dict[str, float]) -> float:
            return row["age"] / self.scale

    return Service().predict


def static_method() -> Any:
    class Service:
        @staticmethod
        @observe
        def predict(row: dict[str, float]) -> float:
            return row["age"] / 100

    return Service().predict


def nested() -> Any:
    predict = plain()
    return lambda row: predict(row)


MAKERS = [plain, asynchronous, generator, async_generator, method, static_method, nested]
"""Each makes a function of its kind anew: cloudpickle sends by value what no module holds."""


def use(function: Any) -> None:
    """Call it once, whatever its kind."""
    told = function({"age": 1.0})
    if hasattr(told, "send"):
        with contextlib.suppress(StopIteration):
            told.send(None)
    elif hasattr(told, "asend"):
        with contextlib.suppress(StopIteration):
            told.asend(None).send(None)


@pytest.mark.parametrize("called", [False, True], ids=["before a call", "after a call"])
@pytest.mark.parametrize("make", MAKERS, ids=lambda each: each.__name__)
def test_a_copy_works_in_another_process(
    make: Callable[[], Any],
    called: bool,
    sdk: Callable[..., None],
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pickled function, also one that has been called, predicts elsewhere and is observed there."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    sdk(endpoint=receiver.endpoint, disabled=not called)
    function = make()
    if called:
        use(function)
        assert modelspan.flush(60)
    before = len(receiver.predictions())
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        (tmp_path / "function").write_bytes(cloudpickle.dumps(function))
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    done = subprocess.run(
        [sys.executable, "-c", LOADING, tmp_path / "function"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "0.5", done.stderr
    row = receiver.predictions()[before:][-1]
    assert (row["feature.age"], row["value"], row["tag.channel"]) == (50.0, 0.5, "web")


@modelspan.observe(model="m", version="1")
def of_module(row: dict[str, float]) -> float:
    """A function that its module holds."""
    return row["age"] / 100


def test_spawned_workers(sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of spawned processes takes an observed function by its name, and each observes what it does."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    sdk(endpoint=receiver.endpoint)
    of_module({"age": 1.0})
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(of_module, [{"age": 50.0}, {"age": 60.0}]) == [0.5, 0.6]
        pool.close()
        pool.join()
    assert modelspan.flush(60)
    assert sorted(row["value"] for row in receiver.predictions()) == [0.01, 0.5, 0.6]


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=lambda each: each.__name__)
def test_an_instrumented_estimator_is_plain_elsewhere(
    pickler: Any, sdk: Callable[..., None], receiver: Receiver
) -> None:
    """Estimators travel as the plain objects that they are, also after their first call."""
    sdk(endpoint=receiver.endpoint)
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    estimator = modelspan.instrument(LogisticRegression().fit(X, y), "m")
    estimator.predict_proba(X)
    copied = pickle.loads(pickler.dumps(estimator))
    assert copied.predict_proba(X).tolist() == estimator.predict_proba(X).tolist()
    assert modelspan.flush(60)
    assert len(receiver.predictions()) == 8
