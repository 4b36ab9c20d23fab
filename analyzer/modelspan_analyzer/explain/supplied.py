"""A model that the user supplies, as one function from encoded rows to predictions.

Pickled and joblib files run code when they are opened: only paths that the operator has configured are read.
"""

from __future__ import annotations

import importlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelspan_analyzer.explain.formats import MLFLOW_SCHEMES, MlflowModel, OnnxModel
from modelspan_analyzer.performance.counts import FloatArray
from modelspan_analyzer.performance.matrix import Encoding

_SUFFIXES = (".pkl", ".pickle", ".joblib", ".onnx")


@dataclass(frozen=True)
class SuppliedModel:
    """The model, and how to ask it."""

    raw: Any
    """The function or estimator itself."""
    encoding: Encoding
    positive: int = -1
    """Column of `predict_proba` that is the prediction."""

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Predictions of encoded rows, `(n, p)` to `(n,)`: of a classifier the positive class's probability.

        Raises:
            ValueError: the model does not give one number a row.
        """
        frame = decode(rows, self.encoding)
        if hasattr(self.raw, "predict_proba"):
            values = np.asarray(self.raw.predict_proba(frame), float)[:, self.positive]
        else:
            values = np.asarray(getattr(self.raw, "predict", self.raw)(frame), float)
        if values.shape != (len(rows),):
            raise ValueError(f"the model gave {values.shape} for {len(rows)} rows; it must give one number a row")
        return values


def load_model(reference: str, encoding: Encoding) -> SuppliedModel:
    """Load a model from where the operator says it is.

    Args:
        reference: `module:function` (a function or estimator that takes a DataFrame), a pickled, joblib or ONNX file,
            an MLflow model's folder, or its `models:/` or `runs:/` address.
        encoding: of the rows that it will be asked about.

    Raises:
        ValueError: the reference is none of these, or cannot be loaded; the message says why.
        ModuleNotFoundError: the format's library is not installed; the message names the extra.
    """
    return SuppliedModel(_load(reference), encoding)


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


def decode(rows: FloatArray, encoding: Encoding) -> Any:
    """Encoded rows as a pandas DataFrame: numbers as they are, categories as texts, missing ones as missing."""
    pandas = importlib.import_module("pandas")
    columns: dict[str, Any] = {name: rows[:, at] for at, name in enumerate(encoding.numeric)}
    for at, (name, levels) in enumerate(zip(encoding.categorical, encoding.levels, strict=True)):
        codes = rows[:, len(encoding.numeric) + at]
        texts = np.array([None, "", *levels], dtype=object)
        columns[name] = texts[np.where(np.isnan(codes), 0, np.nan_to_num(codes) + 1).astype(int)]
    return pandas.DataFrame(columns)
