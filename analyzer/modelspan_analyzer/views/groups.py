"""Fairness by group: each measure of each facet's groups, with its interval, in the newest measured window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts import Bar, Figure, interval_bars
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.fairness.found import SIGNAL as FAIRNESS
from modelspan_analyzer.reading.segments import OF_GROUPS
from modelspan_analyzer.views.period import WITHIN, Period
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

_FAIR: Final = f"signal = '{FAIRNESS}' AND segment != '' AND {OF_GROUPS}"
_GROUPS: Final = f"""
SELECT feature AS facet, metric, segment AS name, window_end, value, lower, upper, threshold, verdict, reason, n
FROM monitor_results FINAL
WHERE {WITHIN} AND {_FAIR} AND window_end = (
    SELECT max(window_end) FROM monitor_results WHERE {WITHIN} AND {_FAIR} AND value IS NOT NULL
)
ORDER BY facet, metric, name
"""
MOST_CHARTS: Final = 6


@dataclass(frozen=True, slots=True)
class Group:
    """One group by one measure."""

    name: str
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    verdict: str
    reason: str
    n: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The groups of one facet by one measure."""

    facet: str
    metric: str
    at: datetime
    groups: tuple[Group, ...]

    @property
    def alarms(self) -> int:
        """Groups that alarm."""
        return sum(group.verdict == "alarm" for group in self.groups)

    @property
    def bound(self) -> float | None:
        """The threshold, where the groups share one."""
        known = {group.threshold for group in self.groups}
        return known.pop() if len(known) == 1 else None

    def figure(self) -> Figure:
        """The groups with their intervals."""
        bars = [Bar(one.name, one.value, one.lower, one.upper, one.verdict, one.n) for one in self.groups]
        return interval_bars(f"{self.metric.replace('_', ' ')} by {self.facet}", bars, self.bound)


def facets(store: Store, model: str, version: str, of: Period) -> tuple[list[Facet], Query]:
    """Every measure of every facet, those that alarm or can first, and the query behind them."""
    query = Query("Fairness by group", _GROUPS, {"model": model, "version": version, **of.parameters})
    grouped: dict[tuple[str, str], list[Group]] = {}
    at = of.window.end
    for row in store.rows(query.sql, query.parameters):
        at = utc(row.pop("window_end"))
        grouped.setdefault((row.pop("facet"), row.pop("metric")), []).append(Group(**row))
    found = [Facet(facet, metric, at, tuple(groups)) for (facet, metric), groups in grouped.items()]
    return sorted(found, key=_telling), query


def _telling(one: Facet) -> tuple[int, bool, bool, str, str]:
    compared = any(group.threshold is not None for group in one.groups)
    measured = any(group.value is not None for group in one.groups)
    return (-one.alarms, not compared, not measured, one.metric, one.facet)


def drawn(found: Sequence[Facet]) -> list[Facet]:
    """Those that have more than one group to draw, as many as fit."""
    return [one for one in found if sum(group.value is not None for group in one.groups) > 1][:MOST_CHARTS]
