"""The explanation of one prediction by its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from types import MappingProxyType
from typing import Any

import numpy as np

from modelspan_analyzer.explain.frame import read_signature
from modelspan_analyzer.explain.shapley import BACKGROUND, PARTS, attribute_one
from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.explain.surrogate import explain_locally
from modelspan_analyzer.reading.names import brief
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import find_encoding, sample
from modelspan_collector.store.connect import Store

_ONE = """
SELECT prediction_id, model, version, toString(timestamp) AS moment, timestamp, value, label, attributions,
       numeric_features, categorical_features
FROM predictions WHERE prediction_id = {id:String} ORDER BY timestamp DESC LIMIT 1
"""
_LATER = """
SELECT method, base_value, attributions FROM attributions FINAL
WHERE model = {model:String} AND baseline_id = '' AND timestamp = {moment:DateTime64(9, 'UTC')}
  AND prediction_id = {id:String}
ORDER BY computed_at DESC LIMIT 1
"""
"""By the key: the same id may be another model's, too."""
_SHAPE = """
SELECT prediction_id, timestamp, value, label, '' AS truth, CAST(NULL AS Nullable(Float64)) AS true_value,
       sample_weight AS weight, numeric_features, categorical_features
FROM predictions
"""
_BACKGROUND = _SHAPE + " WHERE model = {model:String} AND version = {version:String} AND prediction_id != {id:String}"
_NOTHING: Mapping[str, float] = MappingProxyType({})
_CHOSEN = _SHAPE + " WHERE prediction_id = {id:String}"
SURROGATE_ROWS = 500
"""Rows that a surrogate draws the surroundings of a row from."""
_OTHERS = "SELECT count() FROM predictions WHERE model = {model:String} AND version = {version:String}"


@dataclass(frozen=True, slots=True)
class Reason:
    """What one feature did to one prediction."""

    feature: str
    value: str
    effect: float
    error: float | None = None
    """One standard error of the effect, by which other background rows would change it; None where none is drawn."""


@dataclass(frozen=True, slots=True)
class LocalExplanation:
    """Why a prediction was what it was, the strongest reason first."""

    prediction_id: str
    model: str
    version: str
    moment: str
    prediction: str
    method: str
    base_value: float | None
    fit: float | None
    """R² of a surrogate; None for attributions."""
    reasons: tuple[Reason, ...]
    base_error: float | None = None
    """One standard error of the base value."""
    background: int = 0
    """Predictions that it was compared with; 0 where it was stored."""
    of: int = 0
    """Predictions of the version that these were drawn from."""


def explain(
    store: Store,
    prediction_id: str,
    model: str = "",
    method: str = "auto",
    *,
    background: int = BACKGROUND,
    seconds: float = 30.0,
) -> LocalExplanation:
    """Explain a prediction: from stored attributions, or with a model that is supplied.

    Args:
        store: the store.
        prediction_id: of the prediction.
        model: `module:function` or a model file; if empty, attributions must be stored.
        method: of Shapley attributions (see `shapley.attribute`), or `surrogate`.
        background: rows of the same version that Shapley attributions compare with, drawn by a hash of their ids.
        seconds: time that it may take.

    Raises:
        LookupError: there is no such prediction, or nothing is stored and no model was given.
        ValueError: the model cannot be loaded or used, or the background is too small.
    """
    if background < PARTS:
        raise ValueError(f"a background needs at least {PARTS} rows: the error of an effect is told from its parts")
    found = store.rows(_ONE, {"id": prediction_id})
    if not found:
        raise LookupError(f"there is no prediction {brief(prediction_id)!r} in the store")
    row = found[0]
    features = {**row["numeric_features"], **row["categorical_features"]}
    shown = row["label"] or str(row["value"])
    head = (prediction_id, row["model"], row["version"], row["moment"], shown)
    if model:
        return _compute(store, row, model, method, LocalExplanation(*head, "", None, None, ()), background, seconds)
    later = store.rows(_LATER, {"id": prediction_id, "model": row["model"], "moment": row["moment"]})
    if row["attributions"]:
        return LocalExplanation(*head, "logged with the prediction", None, None, _sorted(row["attributions"], features))
    if later:
        given = later[0]
        return LocalExplanation(
            *head, given["method"], given["base_value"], None, _sorted(given["attributions"], features)
        )
    raise LookupError(f"no attributions are stored for {prediction_id!r}; name the model to explain it with")


def _compute(
    store: Store,
    row: dict[str, Any],
    model: str,
    method: str,
    head: LocalExplanation,
    size: int,
    seconds: float,
) -> LocalExplanation:
    features = {**row["numeric_features"], **row["categorical_features"]}
    names = {"model": row["model"], "version": row["version"], "id": row["prediction_id"]}
    rows = Rows(_BACKGROUND, names)
    encoding = find_encoding(
        store, Rows(_SHAPE + " WHERE model = {model:String} AND version = {version:String}", names)
    )
    drawn = SURROGATE_ROWS if method == "surrogate" else size
    background = sample(store, rows, encoding, drawn).features
    chosen = sample(store, Rows(_CHOSEN, names), encoding, 1).features
    supplied = load_model(model, encoding, read_signature(store, str(row["model"]), str(row["version"])))
    if not len(background):
        raise LookupError(f"{row['model']} {row['version']} has no other prediction to compare this one with")
    if method == "surrogate":
        local = explain_locally(supplied, chosen[0], background, encoding.is_categorical)
        effects = dict(zip(encoding.names, np.asarray(local.effects).tolist(), strict=True))
        return replace(head, method="surrogate", fit=local.fit, reasons=_sorted(effects, features))
    given = attribute_one(supplied, chosen[0], background, seconds=seconds, method=method)
    effects, errors = (
        dict(zip(encoding.names, column.tolist(), strict=True)) for column in (given.values, given.errors)
    )
    return replace(
        head,
        method=given.method,
        base_value=given.base_value,
        reasons=_sorted(effects, features, errors),
        base_error=_known(given.base_error),
        background=given.background,
        of=int(store.scalar(_OTHERS, names)) - 1,
    )


def _sorted(
    effects: Mapping[str, float], features: Mapping[str, object], errors: Mapping[str, float] = _NOTHING
) -> tuple[Reason, ...]:
    order = sorted(effects.items(), key=lambda item: -abs(item[1]))
    return tuple(
        Reason(name, str(features.get(name, "missing")), float(effect), _known(errors.get(name, nan)))
        for name, effect in order
    )


def _known(error: float) -> float | None:
    return error if isfinite(error) else None
