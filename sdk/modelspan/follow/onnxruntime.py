"""ONNX Runtime: `InferenceSession.run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow

MOST_COLUMNS = 1000
"""Columns of one input among several up to which each is a feature; more are an embedding."""


def _features(_session: Any, _output_names: Any, input_feed: Mapping[str, Any], *_args: Any, **_kwargs: Any) -> Any:
    """The rows: an only input as it is, of several each a column, or as many as it has."""
    if len(input_feed) == 1:
        return next(iter(input_feed.values()))
    columns: dict[str, Any] = {}
    for name, tensor in input_feed.items():
        columns |= _columns(name, tensor)
    return columns


def _columns(name: str, tensor: Any) -> dict[str, Any]:
    """A tensor, the first dimension of which are rows, as columns."""
    rows = tensor.reshape(len(tensor), -1)
    if rows.shape[1] == 1:
        return {name: rows[:, 0]}
    if tensor.ndim == 2 and rows.shape[1] <= MOST_COLUMNS:
        return {f"{name}_{position}": rows[:, position] for position in range(rows.shape[1])}
    return {name: [list(map(float, row)) for row in rows]}


def _prediction(outputs: list[Any]) -> Any:
    """The first output; a matrix of one column is that column."""
    first = outputs[0]
    return first[:, 0] if getattr(first, "ndim", 1) == 2 and first.shape[1] == 1 else first


def _scores(outputs: list[Any]) -> Any:
    """The second output, where it is what converters of classifiers give beside labels: a score of each class."""
    labels, scores = (*outputs, None)[:2]
    if scores is None or getattr(labels, "ndim", 0) != 1 or getattr(labels, "dtype", None) not in _LABELS:
        return None
    return scores if isinstance(scores, list) or getattr(scores, "ndim", 0) == 2 else None


_LABELS = ("int64", "int32", "object")


def _options(session: Any) -> Options:
    path, version = getattr(session, "_model_path", None), session.get_modelmeta().version
    outputs = session.get_outputs()
    classifies = (len(outputs) == 2 and "int64" in outputs[0].type) or "string" in outputs[0].type
    return Options(
        **named(session, Path(path).stem if path else "", str(version) if 0 < version < 2**62 else ""),
        features=_features,
        prediction=_prediction,
        score=_scores,
        task="classification" if classifies else "",
    )


READING = Reading(_options, learner=lambda _session: None)


def _sessions(module: Any) -> None:
    follow(module.Session, ["run"], READING)
    follow(module.InferenceSession, ["run"], READING)


class OnnxRuntimeInstrumentor(Instrumentor):
    """Follows `run` of sessions."""

    library = "ONNX Runtime"
    changes = {"onnxruntime.capi.onnxruntime_inference_collection": _sessions}  # noqa: RUF012 - is not changed
