"""A relation thinned by the hash of the prediction id, so that a sample of it costs no sort of all rows."""

from __future__ import annotations

from dataclasses import replace

from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_analyzer.reading.rows import Rows
from modelspan_collector.store.connect import Store

SPARE = 1.5
"""How many times the asked rows are kept, so that chance leaves no fewer; the reader sorts by hash and cuts."""

_COUNT = "SELECT count() FROM {table} WHERE {condition}"
_ROWS = """
SELECT prediction_id, timestamp, value, label, '' AS truth, CAST(NULL AS Nullable(Float64)) AS true_value,
       sample_weight AS weight, numeric_features, categorical_features
FROM {table} WHERE {condition}
"""


def thinned(store: Store, relation: Relation, limit: int, rows: int | None = None) -> Relation:
    """The rows with the lowest hashes: at least `limit` of them but for chance, and all where they are few.

    They are counted, unless it is given how many `rows` there are.
    """
    count = rows_in(store, relation) if rows is None else rows
    share = SPARE * limit / max(count, 1) + 100 / max(count, 1)
    if share >= 1:
        return relation
    return replace(
        relation,
        condition=f"({relation.condition}) AND cityHash64(prediction_id) <= {{below:UInt64}}",
        parameters={**relation.parameters, "below": int(share * 2.0**64)},
    )


def rows_in(store: Store, relation: Relation) -> int:
    """How many rows a relation has; those of a stored baseline, which never change, are counted once."""
    count = _kept_count if relation.table == "reference_predictions" else _count
    return count(store, relation.table, relation.condition, dict(relation.parameters))


def _count(store: Store, table: str, condition: str, parameters: dict[str, object]) -> int:
    return int(store.scalar(_COUNT.format(table=table, condition=condition), parameters))


_kept_count = kept(64)(_count)


def rows_of(relation: Relation) -> Rows:
    """The relation's rows without their labels, in the shape that matrices are made from."""
    return Rows(_ROWS.format(table=relation.table, condition=relation.condition), relation.parameters)
