"""What each signal measured over time: a line a metric, with the band in which it does not alarm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.charts import Band, Figure, Mark, Point, time_line
from modelspan_analyzer.checking import JUDGED, WITHIN
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.fairness.found import SIGNAL as FAIRNESS
from modelspan_analyzer.monitors.latency.monitor import SIGNAL as LATENCY
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.segments import OF_GROUPS
from modelspan_analyzer.views.period import WITHIN as WITHIN_PERIOD
from modelspan_analyzer.views.period import Period
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import REDACTED
from modelspan_analyzer.views.veiled import Redactable
from modelspan_collector.store.connect import Store

_LINES: Final = f"""
WITH transform(toString(verdict), ['alarm', 'error', 'warning', 'ok', 'not_compared'], [5, 4, 3, 2, 1], 0) AS gravity,
     if(isFinite(value / threshold), abs(value / threshold), 0) AS times
SELECT signal, metric, window_end, min(window_start) AS start, count() AS results,
       countIf(verdict = 'alarm') AS alarms, uniq(feature) AS features,
       argMax((value, lower, upper, threshold, toString(direction), toString(verdict), toString(feature), reason),
              (gravity, ifNull(if(direction = 'below', -times, times), 0))) AS worst
FROM monitor_results FINAL
WHERE {WITHIN_PERIOD}
  AND (segment = {{segment:String}} OR ({{segment:String}} = '' AND signal = '{FAIRNESS}' AND {OF_GROUPS}))
  AND ({{feature:String}} = '' OR feature = {{feature:String}})
  AND ({{signal:String}} = '' OR signal = {{signal:String}})
GROUP BY signal, metric, window_end
ORDER BY signal, metric, window_end
"""
_SHARES: Final = ("_rate", "_share")
_TIMES: Final = "burn_rate"
"""How many times as fast as allowed: no share."""
_SECONDS: Final = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Measured(Redactable):
    """What one window says of a metric: the worst of its results, where there are several."""

    start: datetime
    at: datetime
    """The end of the window."""
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    direction: str
    verdict: str
    feature: str
    reason: str
    results: int
    alarms: int

    def redacted(self) -> Measured:
        """The window, as one in which nothing of it was measured."""
        return replace(_gap(self.start, self.at), reason=REDACTED)


@dataclass(frozen=True, slots=True)
class Line:
    """A metric of a signal over time."""

    signal: str
    metric: str
    features: int
    """Of how many features each point is the worst; 0 or 1 where it is of the model as a whole, or of one feature."""
    points: tuple[Measured, ...]

    @property
    def alarms(self) -> int:
        """Windows in which it alarmed."""
        return sum(point.verdict == "alarm" for point in self.points)

    @property
    def judged(self) -> int:
        """Windows in which it could."""
        return sum(point.verdict in JUDGED for point in self.points)

    @property
    def compared(self) -> bool:
        """Whether it has a band at all."""
        return any(point.threshold is not None for point in self.points)

    @property
    def measured(self) -> int:
        """Windows that have a value of it."""
        return sum(point.value is not None for point in self.points)

    @property
    def newest(self) -> Measured:
        """The last point that was looked at."""
        return next((point for point in reversed(self.points) if point.results), self.points[-1])

    @property
    def name(self) -> str:
        """In words."""
        words = f"{self.signal.replace('_', ' ')}: {self.metric.replace('_', ' ')}"
        return f"{words}, the worst of {self.features:,}" if self.features > 1 else words

    @property
    def unit(self) -> str:
        """As charts take it."""
        return share_of(self.metric) or ("s" if self.signal == LATENCY and self.metric in _SECONDS else "")


def share_of(metric: str) -> str:
    """The unit of a metric that is a share, as charts take it; '' of all others."""
    return "share" if metric.endswith(_SHARES) and not metric.endswith(_TIMES) else ""


def lines(
    store: Store, model: str, version: str, of: Period, *, segment: str = "", feature: str = "", signal: str = ""
) -> tuple[list[Line], Query]:
    """Every metric that was measured in a period, or those of one feature or signal, and the query behind them."""
    scope = {"model": model, "version": version, "segment": segment, "feature": feature, "signal": signal}
    query = Query("Every metric over time, the worst result of each window", _LINES, {**scope, **of.parameters})
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.rows(query.sql, query.parameters):
        grouped.setdefault((row["signal"], row["metric"]), []).append(row)
    windows = sorted({(row["start"], row["window_end"]) for rows in grouped.values() for row in rows})
    return [_line(signal, metric, rows, windows) for (signal, metric), rows in grouped.items()], query


def _line(
    signal: str, metric: str, rows: Sequence[Mapping[str, Any]], windows: Sequence[tuple[datetime, datetime]]
) -> Line:
    """The line over all windows: one in which the metric was not measured is a gap of its own."""
    known = {row["window_end"]: row for row in rows}
    points = tuple(_measured(known[end]) if end in known else _gap(start, end) for start, end in windows)
    return Line(signal, metric, max(row["features"] for row in rows), points)


def _gap(start: datetime, end: datetime) -> Measured:
    reason = "not measured in this window"
    return Measured(utc(start), utc(end), None, None, None, None, "above", "skipped", "", reason, 0, 0)


def _measured(row: Mapping[str, Any]) -> Measured:
    value, lower, upper, threshold, direction, verdict, feature, reason = row["worst"]
    start, at, results, alarms = utc(row["start"]), utc(row["window_end"]), int(row["results"]), int(row["alarms"])
    return Measured(start, at, value, lower, upper, threshold, direction, verdict, feature, reason, results, alarms)


def by_signal(found: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each signal, in the order of the table of signals; the one that tells most of each first."""
    grouped: dict[str, list[Line]] = {name: [] for name in SIGNALS}
    for line in found:
        grouped.setdefault(line.signal, []).append(line)
    return {name: sorted(own, key=_telling) for name, own in grouped.items() if own}


def _telling(line: Line) -> tuple[bool, bool, int, bool, int, str]:
    """What alarmed most, then what can alarm, then what was measured most often; last what tells nothing of a model."""
    return (
        not line.measured,
        not line.alarms and line.metric in WITHIN,
        -line.alarms,
        not line.compared,
        -line.measured,
        line.metric,
    )


def figure(line: Line, marks: Sequence[Mark] = ()) -> Figure:
    """The line with its band, and what happened meanwhile."""
    points = [
        Point(point.at, point.value, point.verdict, point.lower, point.upper, _note(line, point), point.start)
        for point in line.points
    ]
    return time_line(line.name, points, list(_bands(line.points)), marks, line.unit)


def _note(line: Line, point: Measured) -> str:
    about = point.feature if line.features > 1 else ""
    return ": ".join(part for part in (about, point.reason) if part)


def _bands(points: Sequence[Measured]) -> Iterable[Band]:
    """Where it does not alarm: one band for each stretch of time with the same threshold."""
    known = [point for point in points if point.threshold is not None]
    if len({(point.threshold, point.direction) for point in known}) <= 1:
        yield from (_band(point) for point in known[:1])
        return
    begin = 0
    for place in range(1, len(known) + 1):
        if place == len(known) or (known[place].threshold, known[place].direction) != (
            known[begin].threshold,
            known[begin].direction,
        ):
            end = known[place].at if place < len(known) else known[-1].at
            yield _band(known[begin], known[begin].at, end)
            begin = place


def _band(point: Measured, start: datetime | None = None, end: datetime | None = None) -> Band:
    below = point.direction == "below"
    return Band(point.threshold if below else None, None if below else point.threshold, start, end)
