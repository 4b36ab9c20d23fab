"""Baselines of which only the columns are known, each by itself: what is kept of them, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from modelspan_analyzer.instants import now
from modelspan_analyzer.reading import abandoned
from modelspan_analyzer.reading.baselines import KIND_PROFILE, Baseline, record
from modelspan_analyzer.reading.profiles.profile import Column, Numbers, Profile, Relation, Support, Texts
from modelspan_collector.store.connect import Store

_FEATURE, _PREDICTION = "feature", "prediction"
_NOTHING: Final = Relation("reference_predictions", "false", {})
"""No row stands behind such a profile."""
_COLUMNS: Final = """
SELECT toString(source) AS source, feature, missing, numbers, nans, infinite, zero, negative, minimum, maximum, mean,
       deviation, different_numbers, points, weights, rank_error, texts, different_texts, categories
FROM reference_profiles WHERE model = {model:String} AND baseline_id = {baseline_id:String}
ORDER BY source, feature
"""
_COUNTS: Final = pa.map_(pa.string(), pa.float64())
_POINTS: Final = pa.list_(pa.float64())


def set_from_columns(
    store: Store,
    model: str,
    version: str | None,
    rows: int,
    features: Mapping[str, Column],
    outputs: Mapping[str, Column],
    source: str,
) -> Baseline:
    """Make what is known of columns the baseline.

    Args:
        store: the store.
        model: whose baseline it is.
        version: of which version; None for every one that has none of its own.
        rows: that the columns are of.
        features: the features' columns, each with its distribution.
        outputs: those of the answers, `value` and `label`.
        source: where they came from, in words that a person can check.

    Raises:
        ValueError: there is no column, or no row.
    """
    if not rows or not (features or outputs):
        raise ValueError(f"the baseline of {model} from {source} has no columns, or no rows that they are of")
    abandoned.clear(store)
    with abandoned.setting() as baseline_id:
        of = {"baseline_id": baseline_id, "model": model, "version": version or ""}
        made = [_as_row(column, _FEATURE) for column in features.values()]
        made += [_as_row(column, _PREDICTION) for column in outputs.values()]
        store.insert("reference_profiles", _table([{**of, **row} for row in made]))
        return record(store, Baseline(baseline_id, model, version, KIND_PROFILE, source, None, rows, now()))


def profile_without_rows(store: Store, baseline: Baseline) -> Profile:
    """What is known of such a baseline's columns."""
    asked = {"model": baseline.model, "baseline_id": baseline.baseline_id}
    rows = store.rows(_COLUMNS, asked)

    def of(source: str) -> dict[str, Column]:
        return {row["feature"]: _column(row) for row in rows if row["source"] == source}

    return Profile(
        rows=baseline.rows,
        weight=float(baseline.rows),
        errors=0.0,
        distinct_ids=float(baseline.rows),
        newest=None,
        features=of(_FEATURE),
        outputs=of(_PREDICTION),
        relation=_NOTHING,
        sketched=True,
    )


def _as_row(column: Column, source: str) -> dict[str, Any]:
    row = {"source": source, "feature": column.name, "missing": column.null_n, "points": [], "weights": []}
    if (numbers := column.numbers) is not None:
        support = numbers.support or Support(np.empty(0))
        weights = np.ones(support.values.size) if support.weights is None else support.weights
        row |= {
            "numbers": numbers.n,
            "nans": round(numbers.nan),
            "infinite": round(numbers.infinite),
            "zero": numbers.zero,
            "negative": numbers.negative,
            "minimum": numbers.minimum,
            "maximum": numbers.maximum,
            "mean": numbers.mean,
            "deviation": numbers.std,
            "different_numbers": numbers.distinct,
            "points": support.values.tolist(),
            "weights": weights.tolist(),
            "rank_error": support.rank_error,
        }
    if (texts := column.texts) is not None:
        row |= {"texts": texts.n, "different_texts": texts.distinct, "categories": list(texts.counts.items())}
    return row


_KINDS: Final[Mapping[str, pa.DataType]] = {
    **dict.fromkeys(("baseline_id", "model", "version", "source", "feature"), pa.string()),
    **dict.fromkeys(("missing", "numbers", "nans", "infinite", "texts"), pa.uint64()),
    **dict.fromkeys(("zero", "negative", "minimum", "maximum", "mean", "deviation"), pa.float64()),
    **dict.fromkeys(("different_numbers", "rank_error", "different_texts"), pa.float64()),
    "points": _POINTS,
    "weights": _POINTS,
    "categories": _COUNTS,
}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    def column(name: str, kind: pa.DataType) -> pa.Array:
        nothing: object = [] if kind in (_POINTS, _COUNTS) else "" if kind == pa.string() else 0
        return pa.array([row.get(name, nothing) for row in rows], kind)

    return pa.table({name: column(name, kind) for name, kind in _KINDS.items()})


def _column(row: Mapping[str, Any]) -> Column:
    missing = int(row["missing"])
    numbers = _numbers(row) if row["numbers"] else None
    texts = (
        Texts(int(row["texts"]), float(row["texts"]), float(row["different_texts"]), dict(row["categories"]))
        if row["texts"]
        else None
    )
    return Column(row["feature"], float(missing), missing, numbers, texts)


def _numbers(row: Mapping[str, Any]) -> Numbers:
    values, weights = (np.asarray(row[name], np.float64) for name in ("points", "weights"))
    alike = not weights.size or bool((weights == weights[0]).all())
    return Numbers(
        n=int(row["numbers"]),
        count=float(row["numbers"]),
        nan=float(row["nans"]),
        infinite=float(row["infinite"]),
        zero=float(row["zero"]),
        negative=float(row["negative"]),
        minimum=float(row["minimum"]),
        maximum=float(row["maximum"]),
        mean=float(row["mean"]),
        std=float(row["deviation"]),
        distinct=float(row["different_numbers"]),
        support=Support(values, None if alike else weights, float(row["rank_error"])),
    )
