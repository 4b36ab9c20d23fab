"""Calls as users write them; type-checked by a test, never run."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import modelspan


@modelspan.observe(model="churn", version="1")
def predict(age: int, *, city: str = "Bern") -> float:
    return 0.5


@modelspan.observe("churn", lambda age: f"v{age}")
async def predict_later(age: int) -> str:
    return "yes"


@modelspan.observe("stream")
def predict_stream(age: int) -> Iterator[float]:
    yield 0.5


@modelspan.observe("stream")
async def predict_async_stream(age: int) -> AsyncIterator[float]:
    yield 0.5


class Service:
    @modelspan.observe("service", tags={"team": "risk"})
    def predict(self, row: dict[str, float]) -> tuple[str, float]:
        return "yes", row["age"]

    @classmethod
    @modelspan.observe("service")
    def best(cls, row: dict[str, float]) -> float:
        return row["age"]


async def use(service: Service) -> None:
    assert_type(predict(3, city="Chur"), float)
    assert_type(await predict_later(3), str)
    assert_type(predict_stream(3), Iterator[float])
    assert_type(predict_async_stream(3), AsyncIterator[float])
    assert_type(service.predict({"age": 1.0}), tuple[str, float])
    assert_type(Service.best({"age": 1.0}), float)
    assert_type(modelspan.instrument(service, "service", methods=["predict"]), Service)
    assert_type(modelspan.prediction_id(), str | None)
    with modelspan.tags(country="CH"), modelspan.prediction("churn", "1") as p:
        p.features, p.value = {"age": 3}, 0.5
    modelspan.label("id", True)
    assert_type(modelspan.flush(1.0), bool)
    predict("three")  # type: ignore[arg-type]
    predict(3, town="Chur")  # type: ignore[call-arg]
