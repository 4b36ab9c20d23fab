"""Finds the slices, of one attribute or two, in which the model's answers moved most against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from modelspan_analyzer.distributions.relation import baseline_relation, window_relation
from modelspan_analyzer.distributions.vocabulary import Relation
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values

SIGNAL = "prediction_drift"
METRIC = "worst_slice"
ROWS = 200_000
"""Rows of a side that slices are searched in."""
MOST_VALUES = 20
"""A feature or tag with more different values makes no slices."""
SHOWN = 5

# Every row's attributes as `tag.country=DE`, singly and, where asked for, in pairs; the answer is the value, or for a
# model that gives classes only whether it was the baseline's most frequent one.
_SLICES = """
WITH rows AS (
    SELECT toFloat64(ifNull(value, label = {{usual:String}})) AS answer,
           arraySort(arrayConcat(
               arrayMap((k, v) -> concat('tag.', k, '=', v), mapKeys(tags), mapValues(tags)),
               arrayMap((k, v) -> concat('feature.', k, '=', v), mapKeys(categorical_features),
                        mapValues(categorical_features)))) AS every,
           arrayFilter(a -> has({{keys:Array(String)}}, splitByChar('=', a)[1]), every) AS own
    FROM {table} WHERE {condition} LIMIT {rows}
)
SELECT slice, count() AS n, sum(answer) AS total, sum(answer * answer) AS squares
FROM rows
ARRAY JOIN arrayConcat(
    [''], own,
    if({{depth:UInt8}} < 2, [], arrayFlatten(arrayMap(
        (a, i) -> arrayMap(b -> concat(a, ' & ', b), arraySlice(own, i + 1)), own, arrayEnumerate(own))))) AS slice
GROUP BY slice HAVING n >= {{least:UInt64}}
"""

_KEYS = """
SELECT key FROM (
    SELECT splitByChar('=', attribute)[1] AS key, uniq(attribute) AS values
    FROM (SELECT * FROM {table} WHERE {condition} LIMIT {rows})
    ARRAY JOIN arrayConcat(
        arrayMap((k, v) -> concat('tag.', k, '=', v), mapKeys(tags), mapValues(tags)),
        arrayMap((k, v) -> concat('feature.', k, '=', v), mapKeys(categorical_features),
                 mapValues(categorical_features))) AS attribute
    GROUP BY key
)
WHERE values BETWEEN 2 AND {{most:UInt32}} ORDER BY key LIMIT 12
"""

_USUAL = "SELECT toString(topK(1)(label)[1]) FROM (SELECT label FROM {table} WHERE {condition} LIMIT {rows})"


def worst_slices(context: MonitorContext) -> list[Result]:
    """The slices whose mean answer moved most; a hint (a warning), never an alarm of its own.

    A slice counts that has enough rows on both sides, moved by at least a fifth of the baseline's standard deviation,
    and further than chance explains (Welch's test, Benjamini and Hochberg over all slices).
    """
    settings, baseline = context.settings.worst_slices, context.baseline
    if not settings.enabled or baseline is None or context.current.rows < settings.min_rows:
        return []
    current = window_relation(context.model, context.version, context.window)
    reference = baseline_relation(baseline, context.version)
    keys = [row["key"] for row in _rows(context, _KEYS, reference, {"most": MOST_VALUES})]
    if not keys:
        return []
    usual = context.store.scalar(_filled(_USUAL, reference), reference.parameters)
    scope = {"keys": keys, "usual": usual, "depth": settings.depth, "least": settings.min_rows}
    before = {row["slice"]: row for row in _rows(context, _SLICES, reference, scope)}
    after = {row["slice"]: row for row in _rows(context, _SLICES, current, scope)}
    names = [name for name in after if name and name in before]
    if not names or "" not in before:
        return []
    spread = max(_moments(before[""])[1] ** 0.5, 1e-12)
    measured = [_moved(before[name], after[name]) for name in names]
    adjusted = adjusted_p_values([p_value for _, p_value in measured])
    ranked = sorted(
        zip(names, measured, adjusted, strict=True), key=lambda one: (-abs(one[1][0]), one[0].count("&"), one[0])
    )
    found = [
        (name, difference / spread, float(q))
        for name, (difference, _), q in ranked
        if q <= settings.alpha and abs(difference) >= settings.min_effect * spread
    ]
    return [_result(context, name, effect, q, before[name], after[name]) for name, effect, q in found[:SHOWN]]


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[float, float]:
    """Difference of the means, and its p-value (normal approximation of Welch's test)."""
    mean, variance = _moments(before)
    mean_now, variance_now = _moments(after)
    error = (variance / before["n"] + variance_now / after["n"]) ** 0.5
    difference = mean_now - mean
    if error == 0:
        return difference, float(difference == 0)
    return difference, float(2 * ndtr(-abs(difference) / error))


def _moments(row: Mapping[str, Any]) -> tuple[float, float]:
    n, mean = int(row["n"]), float(row["total"]) / int(row["n"])
    return mean, max(0.0, float(row["squares"]) / n - mean * mean) * n / max(n - 1, 1)


def _result(
    context: MonitorContext, name: str, effect: float, q: float, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Result:
    means = _moments(before)[0], _moments(after)[0]
    return context.result(
        SIGNAL,
        METRIC,
        float(np.round(effect, 9)),
        Verdict.WARNING,
        segment=name,
        p_value=q,
        n=int(after["n"]),
        n_baseline=int(before["n"]),
        threshold=context.settings.worst_slices.min_effect,
        monitor="worst_slices",
        reason=f"where {name}, the mean answer went from {means[0]:.4g} to {means[1]:.4g} ({effect:+.2f} deviations)",
    )


def _filled(sql: str, relation: Relation) -> str:
    return sql.format(table=relation.table, condition=relation.condition, rows=ROWS)


def _rows(context: MonitorContext, sql: str, relation: Relation, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    return context.store.rows(_filled(sql, relation), {**relation.parameters, **scope})
