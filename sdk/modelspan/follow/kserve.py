"""KServe: `Model.__call__`, which its server calls for each request: what was asked as it came, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import served_as
from modelspan.follow.outermost import Reading, follow
from modelspan.follow.tensors import prediction_of, rows_of, scores_of


def _features(_model: Any, body: Any, *_args: Any, **_kwargs: Any) -> Any:
    """The instances of the first protocol, or the tensors of the second."""
    if isinstance(body, Mapping):
        return body.get("instances", body.get("inputs", body))
    return rows_of({each.name: each.as_numpy() for each in body.inputs})


def _prediction(result: Any) -> Any:
    answer = result[0]
    if isinstance(answer, Mapping):
        return answer.get("predictions", answer)
    return prediction_of([each.as_numpy() for each in answer.outputs])


def _scores(result: Any) -> Any:
    answer = result[0]
    return None if isinstance(answer, Mapping) else scores_of([each.as_numpy() for each in answer.outputs])


def _options(model: Any) -> Options:
    return Options(**served_as(model.name), features=_features, prediction=_prediction, score=_scores)


def _models(module: Any) -> None:
    predicts = {"verb": module.InferenceVerb.PREDICT}
    follow(module.Model, ["__call__"], Reading(_options, learner=lambda _model: None, other=predicts))


class KServeInstrumentor(Instrumentor):
    """Follows models that KServe's own server serves."""

    library = "KServe"
    changes = {"kserve.model": _models}  # noqa: RUF012 - is not changed
