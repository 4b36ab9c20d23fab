"""A relation thinned by the hash of the prediction id, so that a sample of it costs no sort of all rows."""

from __future__ import annotations

from dataclasses import replace

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


def thinned(store: Store, relation: Relation, limit: int) -> Relation:
    """The rows with the lowest hashes: at least `limit` of them but for chance, and all where they are few."""
    count = store.scalar(_COUNT.format(table=relation.table, condition=relation.condition), relation.parameters)
    share = SPARE * limit / max(count, 1) + 100 / max(count, 1)
    if share >= 1:
        return relation
    return replace(
        relation,
        condition=f"({relation.condition}) AND cityHash64(prediction_id) <= {{below:UInt64}}",
        parameters={**relation.parameters, "below": int(share * 2.0**64)},
    )


def rows_of(relation: Relation) -> Rows:
    """The relation's rows without their labels, in the shape that matrices are made from."""
    return Rows(_ROWS.format(table=relation.table, condition=relation.condition), relation.parameters)
