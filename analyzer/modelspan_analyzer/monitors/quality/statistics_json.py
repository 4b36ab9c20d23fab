"""A profile in the shape of SageMaker Model Monitor's `statistics.json`, ten buckets a numeric feature; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from modelspan_analyzer.monitors.quality.constraints import suggest
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Numbers, Profile, Relation, Support, Texts


class StatisticsError(ValueError):
    """A statistics file cannot be read; the message says what was expected."""


BUCKETS = 10


def to_json(profile: Profile) -> str:
    """The text of a `statistics.json`."""
    types = {constraint.name: constraint.inferred_type for constraint in suggest(profile)}
    features = [_feature(column, types[column.name]) for column in profile.features.values()]
    return json.dumps({"version": 0.0, "dataset": {"item_count": profile.rows}, "features": features}, indent=2) + "\n"


def _feature(column: Column, inferred_type: str) -> dict[str, Any]:
    common = {"num_present": column.n, "num_missing": column.null_n}
    feature: dict[str, Any] = {"name": column.name, "inferred_type": inferred_type}
    if column.kind is Kind.NUMERIC and column.numbers is not None:
        feature["numerical_statistics"] = {"common": common, **_numbers(column.numbers)}
    elif column.texts is not None:
        feature["string_statistics"] = {"common": common, **_texts(column.texts)}
    return feature


def _numbers(numbers: Numbers) -> dict[str, Any]:
    finite = numbers.count - numbers.nan - numbers.infinite
    found: dict[str, Any] = {
        "mean": numbers.mean,
        "sum": numbers.mean * finite,
        "std_dev": numbers.std,
        "min": numbers.minimum,
        "max": numbers.maximum,
    }
    if numbers.support is not None and numbers.support.values.size:
        edges = np.linspace(numbers.minimum, numbers.maximum, BUCKETS + 1)
        shares, _ = np.histogram(numbers.support.values, edges, weights=numbers.support.weights)
        counts = shares / max(shares.sum(), 1e-300) * finite
        buckets = [
            {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ]
        found["distribution"] = {"kll": {"buckets": buckets}}
    return found


def _texts(texts: Texts) -> dict[str, Any]:
    ranked = sorted(texts.counts.items(), key=lambda item: (-item[1], item[0]))
    buckets = [{"value": value, "count": count} for value, count in ranked]
    return {"distinct_count": texts.distinct, "distribution": {"categorical": {"buckets": buckets}}}


def from_json(text: str) -> Profile:
    """The profile that a `statistics.json` tells of: a numeric feature is known as well as its buckets tell.

    Its relation is empty, as its rows are not here: constraints can be suggested from it, and columns compared with it.

    Raises:
        StatisticsError: the text is not JSON, or has another shape.
    """
    try:
        given = json.loads(text)
        columns = [_column(feature) for feature in given["features"]]
        rows = int(given["dataset"]["item_count"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StatisticsError(
            f"not a statistics.json: {error!r}; expected an object with `dataset.item_count` and `features`, each with "
            "`name` and `numerical_statistics` or `string_statistics`"
        ) from error
    features = {column.name: column for column in columns}
    return Profile(rows, float(rows), 0.0, float(rows), None, features, {}, Relation("", "", {}))


def _column(feature: Mapping[str, Any]) -> Column:
    kind = "numerical_statistics" if "numerical_statistics" in feature else "string_statistics"
    given = feature.get(kind, {})
    common = given.get("common", {"num_present": 0, "num_missing": 0})
    present, missing = int(common["num_present"]), int(common["num_missing"])
    column = Column(str(feature["name"]), null=float(missing), null_n=missing)
    if present == 0:
        return column
    if kind == "string_statistics":
        buckets = given.get("distribution", {}).get("categorical", {}).get("buckets", [])
        counts = {str(bucket["value"]): float(bucket["count"]) for bucket in buckets}
        return replace(column, texts=Texts(present, float(present), float(given["distinct_count"]), counts))
    return replace(column, numbers=_from_buckets(given, present))


def _from_buckets(given: Mapping[str, Any], present: int) -> Numbers:
    """The rows of a bucket stand at its middle, so that their ranks are known to within the fullest bucket."""
    buckets = given.get("distribution", {}).get("kll", {}).get("buckets", [])
    bounds = np.array([(bucket["lower_bound"], bucket["upper_bound"]) for bucket in buckets], np.float64).reshape(-1, 2)
    counts = np.array([bucket["count"] for bucket in buckets], np.float64)
    held = counts > 0
    middles, weights = bounds[held].mean(axis=1), counts[held]
    support = Support(middles, weights, float(weights.max() / weights.sum())) if held.any() else None
    low = float(given["min"])
    return Numbers(
        n=present,
        count=float(present),
        nan=0.0,
        infinite=0.0,
        zero=0.0,
        negative=max(float(low < 0), float(weights[middles < 0].sum())),
        minimum=low,
        maximum=float(given["max"]),
        mean=float(given["mean"]),
        std=float(given["std_dev"]),
        distinct=float("nan"),
        support=support,
    )
