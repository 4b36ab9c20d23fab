"""Encoded rows as the DataFrame that a model was trained on: its columns, their order and their types.

Order: the model's own names where it tells them, else the signature's. Types: the signature's, which the SDK learns
from the first predictions of a registered model; without one, a category of `true` and `false` is a boolean.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.reading.cards import CARDS
from modelspan_analyzer.reading.samples.matrix import Encoding
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_collector.store.connect import Store

_SIGNATURE: Final = f"""
SELECT signature FROM {CARDS} WHERE signature NOT IN ('', '{{}}')
ORDER BY version = {{version:String}} DESC, timestamp DESC LIMIT 1
"""
_NAMED_BY: Final = ("feature_names_in_", "feature_name_", "feature_names_", "feature_name", "feature_names")
"""Attributes by which scikit-learn, LightGBM, CatBoost and XGBoost tell the names that a model was trained on."""
_TRUTHS: Final = {"true", "false"}


@dataclass(frozen=True, slots=True)
class Frame:
    """How encoded rows become columns."""

    encoding: Encoding
    order: tuple[str, ...]
    """The columns as the model takes them; features that it does not know are left away."""
    types: Mapping[str, str]
    """Of each feature: `number`, `integer`, `boolean`, `text`, or `category` with the type of its values."""
    categories: bool = False
    """True to give texts as pandas categories."""

    def make(self, rows: FloatArray) -> Any:
        """The DataFrame of encoded rows; where a value is missing, integers and booleans are numbers with NaN."""
        pandas = importlib.import_module("pandas")
        places = {name: at for at, name in enumerate(self.encoding.names)}
        return pandas.DataFrame({name: self._column(name, rows[:, places[name]], pandas) for name in self.order})

    def restore(self, values: FloatArray) -> FloatArray:
        """One value a column of the frame as one a feature of the encoding, zero for those that were left away."""
        found = np.zeros((len(values), len(self.encoding.names)))
        for at, name in enumerate(self.order):
            found[:, self.encoding.names.index(name)] = values[:, at]
        return found

    def _column(self, name: str, values: FloatArray, pandas: Any) -> Any:
        kind, whole = self.types[name], not np.isnan(values).any()
        if name in self.encoding.numeric:
            return np.round(values).astype(np.int64) if kind == "integer" and whole else values
        texts = _texts(values, self.encoding.levels[self.encoding.categorical.index(name)])
        if kind == "boolean":
            truths = np.array([np.nan if text is None else float(text == "true") for text in texts])
            return truths.astype(bool) if whole else truths
        if kind == "category" or kind.startswith("category of ") or self.categories:
            read = int if kind == "category of integers" else str
            levels = [read(level) for level in self.encoding.levels[self.encoding.categorical.index(name)]]
            return pandas.Categorical([None if not text else read(text) for text in texts], categories=levels)
        return texts

    def __str__(self) -> str:
        """The columns in words, for messages."""
        return ", ".join(f"{name} ({self.types[name]})" for name in self.order)


def frame_for(raw: Any, encoding: Encoding, signature: Mapping[str, str]) -> Frame:
    """The frame that a model takes.

    Raises:
        ValueError: the model wants features that the predictions have not; the message names them.
    """
    named = names_of(raw)
    if named and not set(named) & set(encoding.names):
        named = []  # trained on arrays, whose columns are only numbered
    if missing := [name for name in named if name not in encoding.names]:
        raise ValueError(
            f"the model was trained on {', '.join(missing)}, which the predictions have not; they have"
            f" {', '.join(encoding.names)}"
        )
    told = [name for name in signature if name in encoding.names]
    order = tuple(named) or (*told, *(name for name in encoding.names if name not in told))
    return Frame(encoding, order, {name: _type(name, encoding, signature) for name in encoding.names})


def names_of(raw: Any) -> list[str]:
    """The features that a model was trained on, in order; empty where it does not tell."""
    if hasattr(raw, "get_booster"):
        raw = raw.get_booster()
    for attribute in _NAMED_BY:
        found = getattr(raw, attribute, None)
        if callable(found) and attribute == "feature_name":
            found = found()
        if isinstance(found, (list, tuple, np.ndarray)) and len(found):
            return [str(name) for name in found]
    return []


def read_signature(store: Store, model: str, version: str) -> dict[str, str]:
    """The features of a model and their Arrow types, in order, as its card tells; empty where it has none."""
    found = store.rows(_SIGNATURE, {"model": model, "version": version})
    try:
        told = json.loads(found[0]["signature"]) if found else {}
    except ValueError:
        return {}
    features = told.get("features", told) if isinstance(told, dict) else told
    if isinstance(features, list):  # as MLflow writes them
        features = {
            each["name"]: each.get("type", "") for each in features if isinstance(each, dict) and "name" in each
        }
    return {str(name): str(kind) for name, kind in features.items()} if isinstance(features, dict) else {}


def _type(name: str, encoding: Encoding, signature: Mapping[str, str]) -> str:
    told = signature.get(name, "").lower()
    if name in encoding.numeric:
        return "integer" if told.startswith(("int", "uint", "long")) else "number"
    if told.startswith("dictionary"):
        return "category of integers" if "values=int" in told or "values=uint" in told else "category"
    levels: Sequence[str] = encoding.levels[encoding.categorical.index(name)]
    if told.startswith("bool") or (not told and set(levels) <= _TRUTHS):
        return "boolean"
    return "text"


def _texts(codes: FloatArray, levels: Sequence[str]) -> npt.NDArray[np.object_]:
    texts: npt.NDArray[np.object_] = np.array([None, "", *levels], dtype=object)
    found: npt.NDArray[np.object_] = texts[np.where(np.isnan(codes), 0, np.nan_to_num(codes) + 1).astype(int)]
    return found
