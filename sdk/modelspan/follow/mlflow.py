"""MLflow: `PyFuncModel.predict`, which is what MLflow's, Databricks', Azure ML's and SageMaker's servers of it call."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from modelspan._failsafe import attempt, guard
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import ByObject, Reading, follow, quiet, unfollowed

_REGISTERED = "registered_model_meta"
"""The file in which MLflow's registry says beside a model that it hands out which one it is."""

_NAMELESS = "artifacts"
"""The folder of every model that MLflow 3 logs; its name is with the tracking server alone, which nothing here asks."""

_origins: ByObject[dict[str, Any]] = ByObject()
"""Name and version in the registry, by what was loaded of a model's `MLmodel`."""


def _loaded(model: Any, path: Any) -> Any:
    """Keep what the registry says of a model: once it is loaded, it does not know its folder."""
    with guard("a registered model's name could not be read"):
        place = Path(path)
        beside = (place if place.is_dir() else place.parent) / _REGISTERED
        if beside.is_file():
            import yaml  # MLflow needs it too

            told = yaml.safe_load(beside.read_text())
            if told["model_name"]:  # None of what was logged and never registered
                _origins.of(model, lambda: {"model": str(told["model_name"]), "version": str(told["model_version"])})
    return model


def _models(module: Any) -> None:
    own = module.Model.load.__func__

    @functools.wraps(own)
    def load(cls: type, path: Any) -> Any:
        return _loaded(own(cls, path), path)

    module.Model.load = classmethod(load)
    quiet(module.Model, ["log"])  # it predicts an example, to learn the signature


def _options(model: Any) -> Options:
    told = model.metadata
    origin = _origins.of(told, dict)
    if not origin:
        name = str(told.artifact_path or "").rpartition("/")[2] if told.run_id else ""
        name = "" if name == _NAMELESS else name
        kind = type(_raw(model) or _python_model(model) or model).__name__
        origin = named(model, name, str(told.model_id or told.run_id or ""), kind)
    schema = told.get_input_schema()
    names = schema.input_names() if schema is not None and schema.has_input_names() else None
    return Options(**origin, feature_names=names)


def _raw(model: Any) -> Any:
    """The model of the library that it wraps, which may know its classes; None where it wraps none."""
    with attempt():
        return model.get_raw_model()
    return None


def _python_model(model: Any) -> Any:
    """The `PythonModel` that it wraps; None where it wraps none."""
    with attempt():
        return model.unwrap_python_model()
    return None


READING = Reading(_options, learner=_raw)


def _pyfunc(module: Any) -> None:
    follow(module.PyFuncModel, ["predict"], READING)
    unfollowed(module.PyFuncModel, ["predict_stream"], "modelspan.observe over what calls it takes its answers")


class MlflowInstrumentor(Instrumentor):
    """Follows models that `mlflow.pyfunc.load_model` returns."""

    library = "MLflow"
    changes = {  # noqa: RUF012 - is not changed
        "mlflow.models.model": _models,
        "mlflow.pyfunc": _pyfunc,
        "mlflow.models.signature": lambda module: quiet(
            module, ["infer_signature", "_infer_signature_from_input_example"]
        ),
        "mlflow.models.evaluation.base": lambda module: quiet(module, ["evaluate", "_evaluate"]),
    }
