"""Exact profiles, from rows: the store aggregates, and only what was asked for leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.profiles.profile import Column, Numbers, Profile, Relation, Texts
from modelspan_analyzer.reading.profiles.values import FEATURE_NUMBERS, OUTPUT_NUMBERS, OUTPUT_TEXTS
from modelspan_collector.store.connect import Store

MOST_CATEGORIES = 10_000
"""Categories of one feature that are counted one by one; the rest is their `other`."""

_FEATURE_TEXTS = "mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text"

_VALUES = """
SELECT count() AS n, sum(size) AS values
FROM (
    SELECT length(numeric_features) + length(categorical_features) AS size FROM {table} WHERE {condition} LIMIT {most}
)
"""

_ROWS = """
SELECT count() AS n, sum(sample_weight) AS weight, {errors} AS errors,
       uniqCombined64(20)(prediction_id) AS distinct_ids, max(timestamp) AS newest,
       groupUniqArrayArray(100)(mapKeys(embeddings)) AS embeddings
FROM {table} WHERE {condition}
"""

_NUMBERS = """
SELECT toString(name) AS feature, count() AS n, sum(sample_weight) AS count,
       sumIf(sample_weight, isNaN(number)) AS nan, sumIf(sample_weight, isInfinite(number)) AS infinite,
       sumIf(sample_weight, number = 0) AS zero, sumIf(sample_weight, number < 0) AS negative,
       min(if(isFinite(number), number, inf)) AS minimum, max(if(isFinite(number), number, -inf)) AS maximum,
       sumIf(sample_weight * number, isFinite(number)) AS total,
       sumIf(sample_weight * number * number, isFinite(number)) AS squares,
       uniqHLL12(cityHash64(number)) AS distinct
FROM {table} ARRAY JOIN {arrays}
WHERE {condition}
GROUP BY name
"""

_TEXTS = """
SELECT feature, text, n, weight, sum(n) OVER (PARTITION BY feature) AS name_n,
       sum(weight) OVER (PARTITION BY feature) AS name_weight, count() OVER (PARTITION BY feature) AS distinct
FROM (
    SELECT toString(name) AS feature, text, count() AS n, sum(sample_weight) AS weight
    FROM {table} ARRAY JOIN {arrays}
    WHERE {condition}
    GROUP BY name, text
)
ORDER BY feature, weight DESC, text LIMIT {most} BY feature
"""

_NULLS = """
SELECT toString(name) AS feature, count() AS n, sum(sample_weight) AS weight
FROM {table} ARRAY JOIN null_features AS name WHERE {condition} GROUP BY name
"""


def values_in(store: Store, relation: Relation, most: int) -> tuple[int, int]:
    """How many rows a relation has, and how many values their features, as far as they are few."""
    row = _query(store, _VALUES, relation, most=most + 1)[0]
    return int(row["n"]), int(row["values"])


def profile_rows(store: Store, relation: Relation) -> Profile:
    """The exact profile of a relation's rows, without the values themselves (see `values`)."""
    row = _query(store, _ROWS, relation, errors=_errors(relation))[0]
    rows, weight = int(row["n"]), float(row["weight"])
    if rows == 0:
        return Profile(0, 0.0, 0.0, 0.0, None, {}, {}, relation)
    features = _columns(store, relation, FEATURE_NUMBERS, _FEATURE_TEXTS, _query(store, _NULLS, relation))
    return Profile(
        rows=rows,
        weight=weight,
        errors=float(row["errors"]),
        distinct_ids=float(row["distinct_ids"]),
        newest=utc(row["newest"]) if row["n"] else None,
        features={name: column.among(rows, weight) for name, column in features.items()},
        outputs=_columns(store, relation, OUTPUT_NUMBERS, OUTPUT_TEXTS, []),
        relation=relation,
        embeddings=tuple(row["embeddings"]),
    )


def without_numbers(
    store: Store, relation: Relation, numeric: Iterable[str], *, outputs: bool = False
) -> dict[str, Column]:
    """What the exact way needs beside values: all columns, the numeric ones that are named too, without numbers."""
    nulls = [] if outputs else _query(store, _NULLS, relation)
    text_arrays = OUTPUT_TEXTS if outputs else _FEATURE_TEXTS
    texts = _texts(_query(store, _TEXTS, relation, arrays=text_arrays, most=MOST_CATEGORIES))
    missing = {null["feature"]: null for null in nulls}
    return {
        name: Column(
            name,
            null=float(missing[name]["weight"]) if name in missing else 0.0,
            null_n=int(missing[name]["n"]) if name in missing else 0,
            texts=texts.get(name),
        )
        for name in {*texts, *missing, *numeric}
    }


def _columns(
    store: Store, relation: Relation, number_arrays: str, text_arrays: str, nulls: list[dict[str, Any]]
) -> dict[str, Column]:
    numbers = {row["feature"]: _numbers(row) for row in _query(store, _NUMBERS, relation, arrays=number_arrays)}
    texts = _texts(_query(store, _TEXTS, relation, arrays=text_arrays, most=MOST_CATEGORIES))
    missing = {row["feature"]: row for row in nulls}
    names = sorted({*numbers, *texts, *missing})
    return {
        name: Column(
            name,
            null=float(missing[name]["weight"]) if name in missing else 0.0,
            null_n=int(missing[name]["n"]) if name in missing else 0,
            numbers=numbers.get(name),
            texts=texts.get(name),
        )
        for name in names
    }


def _query(store: Store, sql: str, relation: Relation, **parts: object) -> list[dict[str, Any]]:
    return store.rows(sql.format(table=relation.table, condition=relation.condition, **parts), relation.parameters)


def _errors(relation: Relation) -> str:
    return "sumIf(sample_weight, error_type != '')" if relation.table == "predictions" else "0."


def _numbers(row: Mapping[str, Any]) -> Numbers:
    mean, std = moments(row["count"] - row["nan"] - row["infinite"], row["total"], row["squares"])
    return Numbers(
        n=int(row["n"]),
        count=float(row["count"]),
        nan=float(row["nan"]),
        infinite=float(row["infinite"]),
        zero=float(row["zero"]),
        negative=float(row["negative"]),
        minimum=float(row["minimum"]),
        maximum=float(row["maximum"]),
        mean=mean,
        std=std,
        distinct=float(row["distinct"]),
    )


def moments(weight: float, total: float, squares: float) -> tuple[float, float]:
    """Mean and (population) standard deviation from the sums of weights, values and squares; NaN of nothing."""
    if weight <= 0:
        return float("nan"), float("nan")
    mean = total / weight
    return mean, max(0.0, squares / weight - mean * mean) ** 0.5


def _texts(rows: list[dict[str, Any]]) -> dict[str, Texts]:
    counts: dict[str, dict[str, float]] = {}
    for row in rows:
        counts.setdefault(row["feature"], {})[row["text"]] = float(row["weight"])
    heads = {row["feature"]: row for row in rows}
    return {
        name: Texts(
            n=int(heads[name]["name_n"]),
            count=float(heads[name]["name_weight"]),
            distinct=float(heads[name]["distinct"]),
            counts=of_name,
        )
        for name, of_name in counts.items()
    }
