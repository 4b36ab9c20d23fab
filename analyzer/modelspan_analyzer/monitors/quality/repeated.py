"""Rows that repeat another row: its features, among the first rows of a window or baseline, or its prediction id."""

from __future__ import annotations

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.profile import Profile, Relation
from modelspan_analyzer.reading.relation import baseline_relation
from modelspan_analyzer.verdicts.rates import Rate
from modelspan_collector.store.connect import Store

ROWS = 1_000
"""Rows that are looked at on each side: as many on both, as repetition grows with their number."""

# One thread and small blocks, so that no more rows are read than are looked at.
_REPEATED = """
SELECT count() AS n, n - uniqExact(cityHash64(numeric_features, categorical_features)) AS repeated
FROM (SELECT numeric_features, categorical_features FROM {table} WHERE {condition} LIMIT {{rows:UInt32}})
SETTINGS max_threads = 1, max_block_size = 1000
"""

ESTIMATE_ERROR = 0.02
"""Share of repeated ids that a sketch's estimate of different ids cannot tell from none."""

# As exact as it need be for any number of rows, at a megabyte of memory.
_REPEATED_IDS = "SELECT 1 - uniqCombined64(20)(prediction_id) / count() FROM {table} WHERE {condition}"


def repeated_ids(store: Store, current: Profile) -> float:
    """The share of a window's rows that repeat another row's prediction id; what a sketch suspects is counted."""
    repeated = 1 - current.distinct_ids / current.rows
    if current.sketched and repeated > ESTIMATE_ERROR:
        relation = current.relation
        sql = _REPEATED_IDS.format(table=relation.table, condition=relation.condition)
        repeated = float(store.scalar(sql, relation.parameters))
    return max(0.0, repeated)


def repeated_rows(store: Store, current: Relation, current_rows: int, baseline: Baseline) -> Rate:
    """The share of rows with the features of another row, beside the baseline's in as many rows.

    What few categories make repeat by nature repeats in the baseline too, and so does not alarm.
    """
    rows = min(ROWS, current_rows)
    repeated, n = _count(store, current, rows)
    count_baseline = _stored if baseline.stored else _moving
    repeated_baseline, n_baseline = count_baseline(store, baseline, rows)
    what = "of the rows repeat another row's features"
    return Rate("duplicate_row_rate", "", repeated, n, repeated_baseline, n_baseline, what)


def _moving(store: Store, baseline: Baseline, rows: int) -> tuple[float, float]:
    return _count(store, baseline_relation(baseline), rows)


_stored = kept(64)(_moving)
"""Stored rows never change."""


def _count(store: Store, relation: Relation, rows: int) -> tuple[float, float]:
    sql = _REPEATED.format(table=relation.table, condition=relation.condition)
    row = store.rows(sql, {**relation.parameters, "rows": rows})[0]
    return float(row["repeated"]), float(row["n"])
