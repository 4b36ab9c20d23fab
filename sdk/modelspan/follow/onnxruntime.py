"""ONNX Runtime: `InferenceSession.run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, unfollowed
from modelspan.follow.tensors import prediction_of, rows_of, scores_of


def _features(_session: Any, _output_names: Any, input_feed: Mapping[str, Any], *_args: Any, **_kwargs: Any) -> Any:
    return rows_of(input_feed)


def _options(session: Any) -> Options:
    path, version = getattr(session, "_model_path", None), session.get_modelmeta().version
    outputs = session.get_outputs()
    classifies = (len(outputs) == 2 and "int64" in outputs[0].type) or "string" in outputs[0].type
    return Options(
        **named(session, Path(path).stem if path else "", str(version) if 0 < version < 2**62 else ""),
        features=_features,
        prediction=prediction_of,
        score=scores_of,
        task="classification" if classifies else "",
    )


READING = Reading(_options, learner=lambda _session: None)


def _sessions(module: Any) -> None:
    follow(module.Session, ["run"], READING)
    follow(module.InferenceSession, ["run"], READING)
    unfollowed(module.Session, ["run_async", "run_with_iobinding", "run_with_ort_values"], "decorate what calls it")


class OnnxRuntimeInstrumentor(Instrumentor):
    """Follows `run` of sessions."""

    library = "ONNX Runtime"
    changes = {"onnxruntime.capi.onnxruntime_inference_collection": _sessions}  # noqa: RUF012 - is not changed
