"""Scores without labels from the store, for estimates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes.read import KEPT, PREDICTED, SCORE, bounded, counted_scores, effective
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.estimation.cbpe import PredictedScores
from modelspan_analyzer.statistics.estimation.cbpe_classes import PredictedClasses
from modelspan_analyzer.statistics.performance.counts import ScoreCounts
from modelspan_collector.store.connect import Store

_SCORES = """
SELECT {score} AS score, {predicted} = {{positive:String}} AS favourable, weight, count() AS n
FROM ({rows}) WHERE isFinite(score) AND {kept} GROUP BY ALL ORDER BY ALL
"""
_KNOWN = """
SELECT {score} AS score, {predicted} = {{positive:String}} AS favourable, weight, count() AS n,
       countIf(truth = {{positive:String}}) AS positives, countIf(truth NOT IN ('', {{positive:String}})) AS negatives
FROM ({rows}) WHERE isFinite(score) AND {kept} GROUP BY ALL ORDER BY ALL
"""
_CLASSES = """
SELECT arrayMap(class -> scores[class], {{classes:Array(String)}}) AS probability,
       toInt64(indexOf({{classes:Array(String)}}, label)) - 1 AS predicted, {truth} AS actual, weight, count() AS n
FROM ({rows}) WHERE notEmpty(scores) AND predicted >= 0 AND {kept} GROUP BY ALL ORDER BY ALL
"""


def predicted_scores(store: Store, rows: Rows, target: Target, *, threshold: float = 0.5) -> PredictedScores:
    """Scores of a binary model with the predicted class, counted."""
    return _predicted(_scores(_SCORES, store, rows, target, threshold))


@kept_of_rows(64)
def known_scores(
    store: Store, rows: Rows, target: Target, *, threshold: float = 0.5
) -> tuple[PredictedScores, ScoreCounts]:
    """The same of a baseline, and positives and negatives at each score among its labelled rows, from one scan."""
    table = _scores(_KNOWN, store, rows, target, threshold)
    score, weight, positives, negatives = (
        table[name].to_numpy().astype(np.float64) for name in ("score", "weight", "positives", "negatives")
    )
    known = positives + negatives > 0
    return _predicted(table), counted_scores(score[known], weight[known], positives[known], negatives[known])


def _scores(sql: str, store: Store, rows: Rows, target: Target, threshold: float) -> pa.Table:
    names = {"positive": target.positive, "negative": target.negative, "threshold": threshold}
    filled = sql.format(score=SCORE, predicted=PREDICTED, rows=rows.sql, kept=KEPT)
    return bounded(store, filled, {**rows.parameters, **names})


def _predicted(table: pa.Table) -> PredictedScores:
    score, favourable, weight, n = (
        table[name].to_numpy().astype(np.float64) for name in ("score", "favourable", "weight", "n")
    )
    return PredictedScores(score, favourable, n * weight, effective(n, weight))


def predicted_classes(store: Store, rows: Rows, target: Target) -> PredictedClasses:
    """Scores of every class of a multiclass model with the predicted class."""
    return _of_classes(_classes(store, rows, target, "toInt64(-1)"), target)


def known_classes(store: Store, rows: Rows, target: Target) -> tuple[PredictedClasses, npt.NDArray[np.int64]]:
    """The same of a baseline, with the place of the true class of each, from one scan; -1 where there is no label."""
    table = _classes(store, rows, target, "toInt64(indexOf({classes:Array(String)}, truth)) - 1")
    return _of_classes(table, target), table["actual"].to_numpy().astype(np.int64)


def _classes(store: Store, rows: Rows, target: Target, truth: str) -> pa.Table:
    names = {"classes": list(target.classes)}
    return bounded(store, _CLASSES.format(rows=rows.sql, kept=KEPT, truth=truth), {**rows.parameters, **names})


def _of_classes(table: pa.Table, target: Target) -> PredictedClasses:
    flat = table["probability"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    predicted, weight, n = (table[name].to_numpy().astype(np.float64) for name in ("predicted", "weight", "n"))
    probability = np.asarray(flat, np.float64).reshape(table.num_rows, len(target.classes))
    return PredictedClasses(probability, predicted, n * weight, effective(n, weight))
