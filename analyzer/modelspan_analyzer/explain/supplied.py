"""A model that the user supplies, as one function from encoded rows to predictions.

Pickled and joblib files run code when they are opened: only paths that the operator has configured are read.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelspan_analyzer.explain.formats import MLFLOW_SCHEMES, MlflowModel, OnnxModel
from modelspan_analyzer.explain.frame import Frame, frame_for
from modelspan_analyzer.reading.samples.matrix import Encoding
from modelspan_analyzer.statistics.performance.counts import FloatArray

_SUFFIXES = (".pkl", ".pickle", ".joblib", ".onnx")


@dataclass
class SuppliedModel:
    """The model, and how to ask it."""

    raw: Any
    """The function or estimator itself."""
    encoding: Encoding
    """Of the rows that it is asked about."""
    signature: Mapping[str, str] = field(default_factory=dict)
    """The features that it was trained on and their Arrow types, in order, where they are known."""
    positive: int = -1
    """Column of `predict_proba` that is the prediction."""
    frame: Frame = field(init=False)
    """How it takes rows."""
    _asked: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the frame that the model takes."""
        self.frame = frame_for(self.raw, self.encoding, self.signature)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Predictions of encoded rows, `(n, p)` to `(n,)`: of a classifier the positive class's probability.

        Raises:
            ValueError: the model fails, or does not give one number a row; the message says how rows were given to it.
        """
        try:
            values = self._predict(self.frame)(rows)
        except Exception as error:  # whatever a user's model raises
            values = self._once_more(rows, error)
        self._asked = True
        if values.shape != (len(rows),):
            raise ValueError(f"the model gave {values.shape} for {len(rows)} rows; it must give one number a row")
        return values

    def _predict(self, frame: Frame) -> Callable[[FloatArray], FloatArray]:
        def predict(rows: FloatArray) -> FloatArray:
            given = frame.make(rows)
            if hasattr(self.raw, "predict_proba"):
                return np.asarray(self.raw.predict_proba(given), float)[:, self.positive]
            return np.asarray(getattr(self.raw, "predict", self.raw)(given), float)

        return predict

    def _once_more(self, rows: FloatArray, error: Exception) -> FloatArray:
        """A model that refused texts at first is asked with pandas categories, and then always."""
        other = replace(self.frame, categories=True)
        if not self._asked and self.frame.encoding.categorical and not self.frame.categories:
            try:
                values = self._predict(other)(rows)
            except Exception:
                values = None
            if values is not None:
                self.frame = other
                return values
        sentence = " ".join(str(error).split())[:300]
        raise ValueError(
            f"the model failed on rows with the columns {self.frame}: {sentence};"
            " `modelspan.register` a signature of its features in their order, or give a function that takes such rows"
        ) from error


def load_model(reference: str, encoding: Encoding, signature: Mapping[str, str] | None = None) -> SuppliedModel:
    """Load a model from where the operator says it is.

    Args:
        reference: `module:function` (a function or estimator that takes a DataFrame), a pickled, joblib or ONNX file,
            an MLflow model's folder, or its `models:/` or `runs:/` address.
        encoding: of the rows that it will be asked about.
        signature: the features that it was trained on and their Arrow types, in order, where they are known.

    Raises:
        ValueError: the reference is none of these, or cannot be loaded; the message says why.
        ModuleNotFoundError: the format's library is not installed; the message names the extra.
    """
    return SuppliedModel(_load(reference), encoding, signature or {})


def _load(reference: str) -> Any:
    path = Path(reference)
    if reference.startswith(MLFLOW_SCHEMES) or (path / "MLmodel").is_file():
        return MlflowModel(reference)
    if path.suffix in _SUFFIXES:
        if not path.is_file():
            raise ValueError(f"there is no model file {reference!r}")
        if path.suffix == ".onnx":
            return OnnxModel(path)
        if path.suffix == ".joblib":
            return importlib.import_module("joblib").load(path)
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the operator names the file, see above
    module, found, name = reference.partition(":")
    if not found:
        raise ValueError(
            f"a model is 'module:function', a file ending in {', '.join(_SUFFIXES)}, or an MLflow model,"
            f" not {reference!r}"
        )
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot load the model {reference!r}: {error}; is its folder on PYTHONPATH?") from error
