"""Models in exchange formats, as objects that take a DataFrame: ONNX files and MLflow models, behind extras."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray

FEATURE_NAMES: Final = "feature_names"
"""Metadata property of an ONNX model: JSON list of features in the order of its one matrix."""
_TYPES: Final = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
MLFLOW_SCHEMES: Final = ("models:/", "runs:/")


class OnnxModel:
    """An ONNX model: one input a feature, by name, or one matrix of numbers.

    The columns of a matrix follow the property `feature_names` of the model, else the alphabet.
    """

    def __init__(self, path: Path) -> None:
        try:
            runtime = importlib.import_module("onnxruntime")
        except ModuleNotFoundError as error:
            raise _missing("onnxruntime", "onnx") from error
        try:
            self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no public base
            raise ValueError(f"{path} is not an ONNX model that can be run: {error}") from error
        self._inputs = self._session.get_inputs()
        named = self._session.get_modelmeta().custom_metadata_map.get(FEATURE_NAMES)
        self._names: list[str] | None = json.loads(named) if named else None

    def predict(self, frame: Any) -> FloatArray:
        """One number a row: the last output, of a classifier its last class.

        Raises:
            ValueError: the model wants features that the rows have not; the message names them.
        """
        last = self._session.run(None, self._given(frame))[-1]
        if isinstance(last, list):  # a classifier's map of class to probability
            return np.array([list(row.values())[-1] for row in last], float)
        values = np.asarray(last, float)
        return values[:, -1] if values.ndim == 2 else values

    def _given(self, frame: Any) -> dict[str, Any]:
        if len(self._inputs) == 1 and self._inputs[0].name not in frame.columns:
            only = self._inputs[0]
            names = self._names or sorted(frame.columns)
            width = only.shape[-1]
            if isinstance(width, int) and width != len(names):
                raise ValueError(
                    f"the ONNX model takes {width} columns and the rows have {len(names)}: {', '.join(names)};"
                    f" name its features in the metadata property {FEATURE_NAMES!r}"
                )
            _check(names, frame)
            return {only.name: frame[names].to_numpy(_TYPES.get(only.type, np.float32))}
        _check([one.name for one in self._inputs], frame)
        return {one.name: _column(frame[one.name], one.type) for one in self._inputs}


def _check(names: list[str], frame: Any) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"the ONNX model wants {', '.join(missing)}, which the rows have not; they have {', '.join(frame.columns)}"
        )


def _column(values: Any, kind: str) -> Any:
    """One feature as `(n, 1)`."""
    if kind == "tensor(string)":
        return np.array([["" if text is None else str(text)] for text in values.tolist()], object)
    return values.to_numpy(_TYPES.get(kind, np.float32)).reshape(-1, 1)


class MlflowModel:
    """An MLflow model of any flavour, through its `predict`.

    Its signature, where it has one, is followed: features that it wants as whole numbers, booleans or single-precision
    numbers are rounded and cast, as a row's features are kept in double precision.
    """

    def __init__(self, reference: str) -> None:
        try:
            pyfunc = importlib.import_module("mlflow.pyfunc")
        except ModuleNotFoundError as error:
            raise _missing("mlflow", "mlflow") from error
        self._reference = reference
        self._model = pyfunc.load_model(reference)
        schema = self._model.metadata.get_input_schema()
        named = schema is not None and schema.has_input_names() and not schema.is_tensor_spec()
        wanted = schema.input_types_dict() if named else {}
        names = schema.input_names() if named else []
        self.feature_names_in_ = [] if named and schema.optional_input_names() else [str(name) for name in names]
        """The features in the order of its signature, where it has one that needs them all."""
        self._types = {name: np.dtype(kind.to_numpy()) for name, kind in wanted.items() if hasattr(kind, "to_numpy")}

    def predict(self, frame: Any) -> FloatArray:
        """One number a row; of a matrix of probabilities the last class.

        Raises:
            ValueError: the model gives texts.
        """
        cast = {
            name: _as(frame[name], kind)
            for name, kind in self._types.items()
            if name in frame.columns and kind.kind in "iubf" and np.isfinite(frame[name]).all()
        }
        values = np.asarray(self._model.predict(frame.assign(**cast)))
        try:
            numbers = values.astype(float)
        except ValueError:
            raise ValueError(
                f"the MLflow model {self._reference} predicts texts such as {values.flat[0]!r}; log it so that it gives"
                " numbers, a scikit-learn classifier with pyfunc_predict_fn='predict_proba'"
            ) from None
        return numbers[:, -1] if numbers.ndim == 2 else numbers


def _as(values: Any, kind: np.dtype[Any]) -> Any:
    return (values.round() if kind.kind in "iub" else values).astype(kind)


def _missing(package: str, extra: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"this model needs {package}; pip install 'modelspan[{extra}]'", name=package)
