"""A profile in the shape of SageMaker Model Monitor's `statistics.json`, ten buckets a numeric feature."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from modelspan_analyzer.distributions.vocabulary import Column, Kind, Numbers, Profile, Texts
from modelspan_analyzer.quality.constraints import suggest

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
