"""Features of live predictions that name rows instead of describing them, told from the baseline that was learnt.

A file's are told when it is read; those of predictions come without anybody's word on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from modelspan_analyzer.files.not_features import FEWEST_ROWS, reason_against
from modelspan_analyzer.reading.baselines import KIND_LEARNT, KIND_WINDOW, Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.relation import baseline_relation, filled
from modelspan_collector.store.connect import Store

MOST_ROWS: Final = 5_000
"""Rows of a baseline that are looked at, the first in time."""

_DIFFERENT = """
SELECT toString(name) AS feature, arrayMap(pair -> pair.2, arraySort(groupArray((timestamp, {value})))) AS found
FROM (SELECT timestamp, {map} FROM {table} WHERE {condition} ORDER BY timestamp LIMIT {most})
ARRAY JOIN mapKeys({map}) AS name, mapValues({map}) AS {value}
GROUP BY name
HAVING count() = {rows} AND uniqExact({value}) = {rows} {more}
"""


def row_names(store: Store, baseline: Baseline | None) -> Mapping[str, str]:
    """Why features of a baseline made of predictions are none, by their names."""
    made = baseline is not None and baseline.kind in (KIND_LEARNT, KIND_WINDOW)
    return _of_predictions(store, baseline) if made and baseline and baseline.rows >= FEWEST_ROWS else {}


@kept(64)
def _of_predictions(store: Store, baseline: Baseline) -> Mapping[str, str]:
    whole = "AND countIf(NOT isFinite(number) OR number != round(number) OR abs(number) >= 9e15) = 0"
    found = {
        **_different(store, baseline, "numeric_features", "number", whole),
        **_different(store, baseline, "categorical_features", "text", ""),
    }
    why = {name: reason_against(name, column) for name, column in found.items()}
    return {name: reason for name, reason in why.items() if reason is not None}


def _different(store: Store, baseline: Baseline, features: str, value: str, more: str) -> dict[str, pa.Array]:
    """Columns with another value in every row, in order of time; numbers are whole."""
    rows = baseline_relation(baseline)
    sizes = {"most": str(MOST_ROWS), "rows": str(min(MOST_ROWS, baseline.rows))}
    parts = {"table": rows.table, "condition": rows.condition, "map": features, "value": value, "more": more}
    sql = filled(_DIFFERENT, **parts, **sizes)
    numeric = value == "number"
    return {
        row["feature"]: pa.array(np.asarray(row["found"]).astype(np.int64)) if numeric else pa.array(row["found"])
        for row in store.rows(sql, rows.parameters)
    }
