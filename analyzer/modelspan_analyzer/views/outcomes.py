"""How well a model answers: realised from labels, and estimated where these are not in yet, on one chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts import WIDE, Figure, Mark, Point, two_lines
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL as ESTIMATED
from modelspan_analyzer.monitors.performance.monitor import SIGNAL as REALISED
from modelspan_analyzer.views.lines import Line, Measured

SHARE: Final = "labels_share"
_FIRST: Final = ("accuracy", "f1", "roc_auc", "mean_absolute_error", "root_mean_squared_error", "rmse", "mae")
"""Measures that most people know, for where none of them alarms."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One measure, realised and estimated, with the share of labels behind the first."""

    metric: str
    realised: tuple[Measured, ...]
    estimated: tuple[Measured, ...]
    shares: tuple[float | None, ...]
    """Of the labels that are in, for each realised point."""

    def figure(self, marks: Sequence[Mark] = ()) -> Figure:
        """Both lines."""
        title = f"{self.metric.replace('_', ' ')}, realised and estimated"
        return two_lines(title, _points(self.realised), _points(self.estimated), self.shares, marks=marks, width=WIDE)


def outcomes(found: Sequence[Line], most: int = 2) -> list[Outcome]:
    """The measures that tell most: those that alarm or can, first; none where no outcome was measured."""
    realised = {line.metric: line for line in found if line.signal == REALISED and line.measured}
    estimated = {line.metric: line for line in found if line.signal == ESTIMATED and line.measured}
    labels = next((line for line in found if (line.signal, line.metric) == (REALISED, SHARE)), None)
    names = [name for name in {**realised, **estimated} if name != SHARE]
    alarms = {name: sum(line[name].alarms for line in (realised, estimated) if name in line) for name in names}
    names.sort(key=lambda name: (-alarms[name], not (name in realised and name in estimated), _place(name), name))
    shares = {point.at: point.value for point in labels.points} if labels else {}
    return [_outcome(name, realised.get(name), estimated.get(name), shares) for name in names[:most]]


def _outcome(
    metric: str, realised: Line | None, estimated: Line | None, shares: dict[datetime, float | None]
) -> Outcome:
    known = realised.points if realised else ()
    return Outcome(metric, known, estimated.points if estimated else (), tuple(shares.get(point.at) for point in known))


def _place(metric: str) -> int:
    return _FIRST.index(metric) if metric in _FIRST else len(_FIRST)


def _points(points: Sequence[Measured]) -> list[Point]:
    return [
        Point(point.at, point.value, point.verdict, point.lower, point.upper, point.reason, point.start)
        for point in points
    ]
