"""What moved: each measurement of an incident over time, with the bound beyond which it alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.charts import Band, Figure, Mark, Point, time_line
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents.incident import Incident, OpenFinding
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.metrics.monitor import METRICS
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.views.lines import share_of
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import Veil
from modelspan_collector.store.connect import Store

DRAWN: Final = 4
"""Measurements that are drawn; the others are listed."""
_WINDOWS: Final = 120
_VALUES: Final = """
SELECT window_start, window_end, value, lower, upper, threshold, toString(direction) AS direction,
       toString(verdict) AS verdict, reason
FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String} AND metric = {metric:String}
  AND feature = {feature:String} AND segment = {segment:String} AND monitor = {monitor:String}
  AND window_end <= {until:DateTime64(9, 'UTC')}
ORDER BY window_end DESC LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one window said."""

    start: datetime
    at: datetime
    """The end of the window."""
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    direction: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement that alarmed."""

    words: str
    """`missing values in age`."""
    version: str
    signal: str
    metric: str
    feature: str
    segment: str
    reason: str
    since: datetime | None
    """When the data says that it began."""
    ended: bool
    affected: int
    of: int
    """Rows that were measured."""
    points: tuple[Measured, ...]
    """Over time; none for those that are only listed."""

    @property
    def has_page(self) -> bool:
        """Whether its feature has a page of its own; a metric of one's own may be of several, and of tags."""
        return self.feature != "" and self.signal != METRICS.name

    def drawn(self, marks: Sequence[Mark]) -> Figure:
        """Its values, with the bound and what happened meanwhile."""
        points = [
            Point(each.at, each.value, each.verdict, each.lower, each.upper, each.reason, each.start)
            for each in self.points
        ]
        unit = share_of(self.metric)
        title = " ".join(part for part in (self.metric.replace("_", " "), self.feature, self.segment) if part)
        return time_line(
            f"{title}, version {self.version}" if self.version else title, points, self._band(), marks, unit
        )

    def _band(self) -> list[Band]:
        known = [each for each in self.points if each.threshold is not None]
        if not known:
            return []
        newest = known[-1]
        below = newest.direction == "below"
        return [Band(newest.threshold, None) if below else Band(None, newest.threshold)]


def findings(store: Store, incident: Incident, until: datetime, veil: Veil) -> tuple[tuple[Finding, ...], list[Query]]:
    """The measurements of an incident, the worst first, and the queries behind those that are drawn."""
    found, queries = [], []
    for place, member in enumerate(describe.by_gravity(incident.findings)):
        points: tuple[Measured, ...] = ()
        if place < DRAWN:
            query = _query(incident, member, until)
            queries.append(query)
            points = tuple(_measured(row) for row in reversed(store.rows(query.sql, query.parameters)))
        found.append(_finding(member, points, veil))
    return tuple(found), queries


def _query(incident: Incident, member: OpenFinding, until: datetime) -> Query:
    names = ("version", "signal", "metric", "feature", "segment", "monitor")
    key = {name: getattr(member, name) for name in names}
    about = " ".join(part for part in (member.metric, member.feature, member.segment) if part)
    return Query(f"{about} over time", _VALUES, {"model": incident.model, **key, "until": until, "most": _WINDOWS})


def _measured(row: Mapping[str, Any]) -> Measured:
    values = (row["value"], row["lower"], row["upper"], row["threshold"])
    return Measured(
        utc(row["window_start"]), utc(row["window_end"]), *values, row["direction"], row["verdict"], row["reason"]
    )


def _finding(member: OpenFinding, points: tuple[Measured, ...], veil: Veil) -> Finding:
    signal = SIGNALS[member.signal]
    trouble = signal.words_for(member.metric, member.direction, member.n)
    place = " of ".join(part for part in ("" if signal.names_outputs else member.feature, member.segment) if part)
    return Finding(
        f"{trouble} in {place}" if place and place != trouble else trouble,
        member.version,
        member.signal,
        member.metric,
        member.feature,
        member.segment,
        veil.text(member.reason),
        member.since,
        member.ended,
        member.affected,
        member.n,
        points,
    )
