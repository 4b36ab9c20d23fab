"""Rows that repeat another row's features, all of them, among the first rows of a window or baseline."""

from __future__ import annotations

from modelspan_analyzer.distributions.vocabulary import Relation
from modelspan_analyzer.quality.rates import Rate
from modelspan_collector.store.connect import Store

ROWS = 2_000
"""Rows that are looked at on each side: as many on both, as repetition grows with their number."""

_REPEATED = """
SELECT count() AS n, n - uniqExact(sipHash128(numeric_features, categorical_features)) AS repeated
FROM (SELECT numeric_features, categorical_features FROM {table} WHERE {condition} LIMIT {{rows:UInt32}})
"""


def repeated_rows(store: Store, current: Relation, current_rows: int, baseline: Relation) -> Rate:
    """The share of rows with the features of another row, beside the baseline's in as many rows.

    What few categories make repeat by nature repeats in the baseline too, and so does not alarm.
    """
    rows = min(ROWS, current_rows)
    (repeated, n), (repeated_baseline, n_baseline) = (_count(store, side, rows) for side in (current, baseline))
    what = "of the rows repeat another row's features"
    return Rate("duplicate_row_rate", "", repeated, n, repeated_baseline, n_baseline, what)


def _count(store: Store, relation: Relation, rows: int) -> tuple[float, float]:
    sql = _REPEATED.format(table=relation.table, condition=relation.condition)
    row = store.rows(sql, {**relation.parameters, "rows": rows})[0]
    return float(row["repeated"]), float(row["n"])
