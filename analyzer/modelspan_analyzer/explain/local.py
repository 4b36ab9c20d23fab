"""The explanation of one prediction by its id."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.explain.frame import read_signature
from modelspan_analyzer.explain.shapley import attribute
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
WHERE prediction_id = {id:String} AND baseline_id = '' ORDER BY computed_at DESC LIMIT 1
"""
_SHAPE = """
SELECT prediction_id, timestamp, value, label, '' AS truth, CAST(NULL AS Nullable(Float64)) AS true_value,
       sample_weight AS weight, numeric_features, categorical_features
FROM predictions
"""
_BACKGROUND = _SHAPE + " WHERE model = {model:String} AND version = {version:String} AND prediction_id != {id:String}"
_CHOSEN = _SHAPE + " WHERE prediction_id = {id:String}"
BACKGROUND_ROWS = 500


@dataclass(frozen=True, slots=True)
class Reason:
    """What one feature did to one prediction."""

    feature: str
    value: str
    effect: float


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


def explain(
    store: Store, prediction_id: str, model: str = "", method: str = "auto", *, seconds: float = 30.0
) -> LocalExplanation:
    """Explain a prediction: from stored attributions, or with a model that is supplied.

    Args:
        store: the store.
        prediction_id: of the prediction.
        model: `module:function` or a model file; if empty, attributions must be stored.
        method: of Shapley attributions (see `shapley.attribute`), or `surrogate`.
        seconds: time that it may take.

    Raises:
        LookupError: there is no such prediction, or nothing is stored and no model was given.
        ValueError: the model cannot be loaded or used.
    """
    found = store.rows(_ONE, {"id": prediction_id})
    if not found:
        raise LookupError(f"there is no prediction {brief(prediction_id)!r} in the store")
    row = found[0]
    features = {**row["numeric_features"], **row["categorical_features"]}
    shown = row["label"] or str(row["value"])
    head = (prediction_id, row["model"], row["version"], row["moment"], shown)
    if model:
        return LocalExplanation(*head, *_compute(store, row, model, method, features, seconds))
    later = store.rows(_LATER, {"id": prediction_id})
    if row["attributions"]:
        return LocalExplanation(*head, "logged with the prediction", None, None, _sorted(row["attributions"], features))
    if later:
        given = later[0]
        return LocalExplanation(
            *head, given["method"], given["base_value"], None, _sorted(given["attributions"], features)
        )
    raise LookupError(f"no attributions are stored for {prediction_id!r}; name the model to explain it with")


def _compute(
    store: Store, row: dict[str, object], model: str, method: str, features: dict[str, object], seconds: float
) -> tuple[str, float | None, float | None, tuple[Reason, ...]]:
    names = {"model": row["model"], "version": row["version"], "id": row["prediction_id"]}
    rows = Rows(_BACKGROUND, names)
    encoding = find_encoding(
        store, Rows(_SHAPE + " WHERE model = {model:String} AND version = {version:String}", names)
    )
    background = sample(store, rows, encoding, BACKGROUND_ROWS).features
    chosen = sample(store, Rows(_CHOSEN, names), encoding, 1).features
    supplied = load_model(model, encoding, read_signature(store, str(row["model"]), str(row["version"])))
    if not len(background):
        raise LookupError(f"{row['model']} {row['version']} has no other prediction to compare this one with")
    if method == "surrogate":
        local = explain_locally(supplied, chosen[0], background, encoding.is_categorical)
        effects = dict(zip(encoding.names, np.asarray(local.effects).tolist(), strict=True))
        return "surrogate", None, local.fit, _sorted(effects, features)
    given = attribute(supplied, chosen, background, seconds=seconds, method=method)
    effects = dict(zip(encoding.names, given.values[0].tolist(), strict=True))
    return given.method, given.base_value, None, _sorted(effects, features)


def _sorted(effects: dict[str, float], features: dict[str, object]) -> tuple[Reason, ...]:
    order = sorted(effects.items(), key=lambda item: -abs(item[1]))
    return tuple(Reason(name, str(features.get(name, "missing")), float(effect)) for name, effect in order)
