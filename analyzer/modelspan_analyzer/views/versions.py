"""The versions of a model side by side: the newest value of each measure that people compare versions by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

_NEWEST: Final = """
SELECT version, signal, metric, argMax(value, (window_end, computed_at)) AS newest
FROM monitor_results
WHERE model = {model:String} AND version IN {versions:Array(String)} AND segment = '' AND value IS NOT NULL
  AND (signal IN ('performance', 'estimation', 'latency') OR metric IN ('error_rate', 'volume'))
GROUP BY version, signal, metric
ORDER BY signal, metric
"""
MOST: Final = 6
"""Versions that are put side by side, the newest first."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One measure of each version."""

    signal: str
    metric: str
    values: tuple[float | None, ...]
    """In the order of the versions; None where it was never measured."""


def side_by_side(store: Store, model: str, versions: Sequence[str]) -> tuple[list[SideBySide], Query]:
    """The newest values of versions, and the query behind them."""
    query = Query("Newest values of each version", _NEWEST, {"model": model, "versions": list(versions)})
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in store.rows(query.sql, query.parameters):
        found.setdefault((row["signal"], row["metric"]), {})[row["version"]] = row["newest"]
    return [SideBySide(*name, tuple(values.get(each) for each in versions)) for name, values in found.items()], query
