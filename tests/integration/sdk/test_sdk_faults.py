"""Whatever fails in telemetry, the function's result, exception and traceback are its own."""

from __future__ import annotations

import asyncio
import decimal
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import Hostile

import modelspan
from modelspan import _runtime
from modelspan.testing import Receiver

FAULTS = {
    "parts": {"exporter", "processor start", "processor end", "ids", "sampler", "log handler"},
    "providers": {
        *("get_tracer", "start_span", "get_span_context", "is_recording", "set_attributes", "set_status", "end"),
        "histogram",
    },
    "meters": {"get_meter"},
    "disk": set(),
    "arrow": set(),
    "threads": set(),
}
"""What fails (see `faulty_process`), and the places in it that must have been reached."""


@pytest.mark.parametrize("fault", FAULTS)
def test_function_is_unchanged(fault: str, receiver: Receiver) -> None:
    """Functions of every kind end with the same object and traceback as without us, whatever fails for real.

    Exporters, processors, samplers, providers, instruments, and log handlers raise; the disk is full; Arrow cannot be
    loaded; no thread can be started. In each case extractors raise, too, and input and results cannot be read, shown,
    or encoded. Every row is accounted for.
    """
    script = Path(__file__).with_name("faulty_process.py")
    environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    with Path("/dev/full").open("w") if fault == "disk" else Path(os.devnull).open("w") as errors:
        done = subprocess.run(
            [sys.executable, script, fault], env=environ, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=60
        )
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert set(told["hits"]) == FAULTS[fault]
    assert told["failures"] > 0
    if fault not in ("arrow", "threads"):  # where nobody gets as far as to count
        assert told["rows"] + 1 == sum(told["records"].values())  # and a label
        assert told["records"]["sent"] > told["rows"] / 2


@pytest.mark.swallows("have no place", "could not be encoded")
def test_a_value_that_cannot_be_encoded_goes_alone(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Rows around it, and the other features of its row, arrive: it is missing, in single rows as in a table."""
    sdk(endpoint=receiver.endpoint)
    predict = modelspan.observe(model="m")(lambda given: 0.5 if isinstance(given, dict) else [0.5] * len(given))
    rows = [{"age": 1.0, "income": income} for income in (1.0, decimal.Decimal("sNaN"), decimal.Decimal(3))]
    for row in rows:
        predict(row)
    predict(rows)
    predict({"age": 1.0, "\ud800": 1.0})
    assert modelspan.flush(60)
    found = receiver.predictions()
    assert [row["feature.age"] for row in found] == [1.0] * len(found)
    assert sorted(str(row.get("feature.income")) for row in found) == ["1.0", "1.0", "3.0", "3.0"] + ["None"] * 3
    assert [row["feature.?"] for row in found if "feature.?" in row] == [1.0]
    assert _runtime.current().pipeline.tally.read() == {"sent": 7, "dropped": 0, "failed": 0}


@pytest.mark.swallows("could not be kept", "labels are left out", "and is left out: a tag is one text")
def test_labels_cards_and_tags_never_raise(sdk: Callable[..., None], receiver: Receiver) -> None:
    """The other entry points swallow what they cannot use."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label(Hostile(), Hostile())
    modelspan.label(["a", "b"], [1.0])
    modelspan.register("m", hyperparameters={"a": Hostile()}, classes=[Hostile()])
    with modelspan.tags(a=Hostile(), b="kept"):
        pass
    modelspan.label("good", 1.0)
    assert modelspan.flush(60)
    assert [row["prediction_id"] for row in receiver.labels()] == ["good"]


def test_generator_protocol(sdk: Callable[..., None], receiver: Receiver) -> None:
    """`send`, `throw`, `close` and the return value of a generator pass through the observer."""
    sdk(endpoint=receiver.endpoint)
    seen: list[Any] = []

    @modelspan.observe(model="m")
    def stream(age: int) -> Any:
        try:
            try:
                seen.append((yield 1.0))
            except ValueError as error:
                seen.append(str(error))
                seen.append((yield 2.0))
            return "end"
        finally:
            seen.append("closed")

    generator = stream(3)
    assert next(generator) == 1.0
    assert generator.throw(ValueError("thrown")) == 2.0
    with pytest.raises(StopIteration) as stop:
        generator.send("sent")
    assert (stop.value.value, seen) == ("end", ["thrown", "sent", "closed"])
    early = stream(3)
    next(early)
    early.close()
    assert seen[-1] == "closed"
    modelspan.flush(5)
    assert [row["value"] for row in receiver.predictions()] == [2.0, 1.0]


def test_async_generator_protocol(sdk: Callable[..., None], receiver: Receiver) -> None:
    """An async generator that is closed early runs its clean-up, and is one record."""
    sdk(endpoint=receiver.endpoint)
    seen: list[str] = []

    @modelspan.observe(model="m")
    async def stream(age: int) -> Any:
        try:
            yield 1.0
            yield 2.0
        finally:
            seen.append("closed")

    async def use() -> None:
        generator = stream(3)
        assert await anext(generator) == 1.0
        await generator.aclose()

    asyncio.run(use())
    modelspan.flush(5)
    assert seen == ["closed"]
    assert [row["value"] for row in receiver.predictions()] == [1.0]
