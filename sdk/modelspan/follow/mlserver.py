"""MLServer: models of any runtime, where its server asks them for a request: before requests become a batch of its own,
and in the server's process also where a model runs in another."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from modelspan._failsafe import guard
from modelspan._instrument import instrument
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import served_as
from modelspan.follow.outermost import ByObject, quiet
from modelspan.follow.tensors import prediction_of, rows_of, scores_of

_observed: ByObject[Any] = ByObject()


def _tensor(given: Any) -> Any:
    """A tensor of the protocol as an array of its shape; texts are texts."""
    import numpy as np

    values = getattr(given.data, "root", given.data)
    if given.datatype == "BYTES":
        found = [each.decode(errors="replace") if isinstance(each, bytes) else each for each in values]
        return np.array(found, object).reshape(given.shape)
    return np.array(values).reshape(given.shape)


def _features(payload: Any) -> Any:
    return rows_of({each.name: _tensor(each) for each in payload.inputs})


def _prediction(answer: Any) -> Any:
    return prediction_of([_tensor(each) for each in answer.outputs])


def _scores(answer: Any) -> Any:
    return scores_of([_tensor(each) for each in answer.outputs])


def _observe(model: Any) -> Any:
    told = served_as(model.name, model.version or "")
    return instrument(model, **told, methods=["predict"], features=_features, prediction=_prediction, score=_scores)


def _plane(module: Any) -> None:
    own: Callable[..., AbstractAsyncContextManager[Any]] = module.DataPlane._infer_contextmanager

    @functools.wraps(own)
    @asynccontextmanager
    async def observed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with own(*args, **kwargs) as model:
            with guard("a model of MLServer cannot be followed"):
                _observed.of(model, lambda: bool(_observe(model)))
            yield model

    module.DataPlane._infer_contextmanager = observed


class MLServerInstrumentor(Instrumentor):
    """Follows models that MLServer serves."""

    library = "MLServer"
    changes = {  # noqa: RUF012 - is not changed
        "mlserver.handlers.dataplane": _plane,
        "mlserver.parallel.worker": lambda module: quiet(module.Worker, ["run"]),
    }
