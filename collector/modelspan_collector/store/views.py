"""A view per model with one typed column a feature: `SELECT avg(age) FROM churn`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_name, quote_string

_FEATURES_SQL = """SELECT name, countIf(kind = 'number') AS numbers, countIf(kind = 'text') AS texts
FROM (
    SELECT arrayJoin(arrayConcat(
        arrayMap(name -> (name, 'number'), mapKeys(numeric_features)),
        arrayMap(name -> (name, 'text'), mapKeys(categorical_features)))) AS feature,
        feature.1 AS name, feature.2 AS kind
    FROM predictions
    WHERE model = {model:String}
    ORDER BY timestamp DESC
    LIMIT {sample:UInt64}
)
GROUP BY name
ORDER BY name"""
_COMMON = (
    "version", "role", "timestamp", "prediction_id", "trace_id", "span_id", "value", "label", "duration", "error_type",
    "sample_weight", "tags",
)  # fmt: skip
FEATURES_SAMPLED = 200_000
"""Feature values of the newest rows that decide which columns a view has."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class View:
    """One model's view."""

    model: str
    name: str
    features: tuple[str, ...]
    statement: str


def plan(store: Store, model: str, *, prefix: str = "") -> View:
    """Write the view of one model, from the features of its newest predictions.

    A feature that came both as number and as text (a type error somewhere upstream) is a number where it mostly was.

    Args:
        store: the store.
        model: the model's name.
        prefix: put before the view's name, where a model's name would be another table's.

    Raises:
        ValueError: the model has no predictions, or a table has the view's name.
    """
    found = store.rows(_FEATURES_SQL, {"model": model, "sample": FEATURES_SAMPLED})
    if not store.scalar("SELECT count() > 0 FROM predictions WHERE model = {model:String}", {"model": model}):
        raise ValueError(f"no predictions of the model {model!r} are stored, so its features are not known")
    name = prefix + _UNSAFE.sub("_", model)
    _check_free(store, name)
    taken = {*_COMMON, "model"}
    columns = [f"    {column}" for column in _COMMON]
    for row in found:
        alias = row["name"] if row["name"] not in taken else f"feature_{row['name']}"
        taken.add(alias)
        columns.append(f"    {_column(row['name'], numeric=row['numbers'] >= row['texts'])} AS {quote_name(alias)}")
    statement = (
        f"CREATE OR REPLACE VIEW {quote_name(name)} AS\nSELECT\n" + ",\n".join(columns) + "\n"
        f"FROM predictions\nWHERE model = {quote_string(model)}"
    )
    return View(model, name, tuple(row["name"] for row in found), statement)


def models(store: Store) -> list[str]:
    """Names of the models that have predictions."""
    return [row["model"] for row in store.rows("SELECT DISTINCT model FROM predictions ORDER BY model")]


def _column(feature: str, *, numeric: bool) -> str:
    """NULL where the feature is missing, as the maps answer 0 and '' for a key that they do not have."""
    column = "numeric_features" if numeric else "categorical_features"
    key = quote_string(feature)
    return f"if(mapContains({column}, {key}), {column}[{key}], NULL)"


def _check_free(store: Store, name: str) -> None:
    engine = store.rows(
        "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {name:String}", {"name": name}
    )
    if engine and engine[0]["engine"] != "View":
        raise ValueError(f"the table {name!r} exists already: choose a prefix for the views (--prefix)")
