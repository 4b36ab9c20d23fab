"""Attributions in the store: written for a sample of rows, read as importances with their direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import Sample
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_collector.store.connect import Store

_IMPORTANCE = """
WITH abs(attribution) < {largest} AS usable
SELECT feature, countIf(usable) AS n, countIf(NOT usable) AS left_out, avgIf(abs(attribution), usable) AS importance,
       avgIf(attribution, usable) AS mean, stddevPopIf(attribution, usable) AS spread,
       quantilesIf({levels})(attribution, usable) AS quantiles,
       corrIf(numeric_features[feature], attribution, usable AND mapContains(numeric_features, feature)) AS slope
FROM (
    SELECT if(empty(row.attributions), later.attributions, row.attributions) AS given,
           row.numeric_features AS numeric_features
    FROM ({rows}) AS row
    ANY LEFT JOIN (
        SELECT prediction_id, attributions FROM attributions FINAL
        WHERE model = {{attributed_model:String}} AND baseline_id = {{attributed_baseline:String}}
    ) AS later ON row.prediction_id = later.prediction_id
)
ARRAY JOIN mapKeys(given) AS feature, mapValues(given) AS attribution
GROUP BY feature ORDER BY n > 0 DESC, importance DESC, feature
"""
_DONE = """
SELECT DISTINCT prediction_id FROM attributions
WHERE model = {model:String} AND baseline_id = {baseline_id:String} AND prediction_id IN {ids:Array(String)}
"""
_ANY = "SELECT 1 FROM attributions WHERE model = {model:String} LIMIT 1"
LARGEST = "1e150"
"""What is no number, or larger, is left out: one such attribution makes every mean that it is in none."""
_LEVELS = "0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95"


@dataclass(frozen=True, slots=True)
class Importance:
    """How much a feature mattered over some rows."""

    feature: str
    rows: int
    importance: float
    """Mean absolute attribution."""
    mean: float
    spread: float
    quantiles: FloatArray
    left_out: int
    """Rows whose attribution is no number that can be used; none of the others rests on them."""
    slope: float
    """Correlation of a numeric feature with its attribution; NaN for a category."""

    @property
    def direction(self) -> str:
        """In words."""
        if not np.isfinite(self.slope) or abs(self.slope) < 0.1:
            return "mixed"
        return "raises the prediction" if self.slope > 0 else "lowers the prediction"


def importances(store: Store, rows: Rows, model: str, baseline_id: str = "") -> list[Importance]:
    """The features of attributed rows, the most important first; attributions logged with a prediction come first."""
    names = {"attributed_model": model, "attributed_baseline": baseline_id}
    found = store.rows(_IMPORTANCE.format(rows=rows.sql, levels=_LEVELS, largest=LARGEST), {**rows.parameters, **names})
    return [
        Importance(
            row["feature"],
            int(row["n"]),
            row["importance"] if row["n"] else 0.0,
            row["mean"],
            row["spread"],
            np.asarray(row["quantiles"], float),
            int(row["left_out"]),
            float(row["slope"]) if row["slope"] is not None else float("nan"),
        )
        for row in found
    ]


def any_kept(store: Store, model: str) -> bool:
    """Whether any attributions of a model's rows were computed."""
    return bool(store.rows(_ANY, {"model": model}))


def attributed_ids(store: Store, model: str, baseline_id: str, ids: Sequence[str]) -> set[str]:
    """Which of these predictions have attributions that were computed."""
    names = {"model": model, "baseline_id": baseline_id, "ids": list(ids)}
    return {row["prediction_id"] for row in store.rows(_DONE, names)}


def shift(now: Importance, before: Importance) -> float:
    """How far a feature's attributions moved: mean distance of ten quantiles, in spreads of the baseline."""
    if not before.spread:
        return 0.0 if np.allclose(now.quantiles, before.quantiles) else float("inf")
    return float(np.abs(now.quantiles - before.quantiles).mean() / before.spread)


def write(
    store: Store,
    model: str,
    version: str,
    baseline_id: str,
    rows: Sample,
    given: Mapping[str, FloatArray],
    base_value: float,
    method: str,
) -> None:
    """Keep attributions of the first rows of a sample.

    Args:
        store: the store.
        model: name of the model.
        version: of the model.
        baseline_id: '' for production.
        rows: the sample; as many of its first rows as `given` has values are written.
        given: values of each feature.
        base_value: where the attributions start from.
        method: how they were computed.
    """
    count = len(next(iter(given.values())))
    pairs = [list(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]
    table = pa.table(
        {
            "model": [model] * count,
            "version": [version] * count,
            "baseline_id": [baseline_id] * count,
            "timestamp": pa.array(rows.timestamp[:count], pa.timestamp("ns", "UTC")),
            "prediction_id": pa.array(rows.ids[:count], pa.string()),
            "method": [method] * count,
            "base_value": [base_value] * count,
            "attributions": pa.array(pairs, pa.map_(pa.string(), pa.float64())),
        }
    )
    store.insert("attributions", table)
