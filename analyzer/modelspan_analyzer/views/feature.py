"""One feature of a model's version: baseline and window overlaid, how it moved over time, its quality, its segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.charts import WIDE, Figure, Mark, heat_strip
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.drift.prediction_drift import SIGNAL as PREDICTION_DRIFT
from modelspan_analyzer.monitors.fairness.found import SIGNAL as FAIRNESS
from modelspan_analyzer.monitors.quality.monitor import SIGNAL as DATA_QUALITY
from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.names import need_feature, need_segment
from modelspan_analyzer.reading.settled import OfResults, results_of
from modelspan_analyzer.views.asked import FILTERS, Asked, asked
from modelspan_analyzer.views.drifted import Drifted, history
from modelspan_analyzer.views.lines import Line, by_signal, figure, lines
from modelspan_analyzer.views.marks import Happening, happened
from modelspan_analyzer.views.period import WITHIN, Period, period, shown_version
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = FILTERS | {"feature"}
_SEGMENTS: Final = f"""
SELECT segment, signal, metric, window_end AS at, value, threshold, verdict, n, reason FROM monitor_results FINAL
WHERE {WITHIN} AND feature = {{feature:String}} AND segment != ''
  AND (threshold IS NOT NULL OR value IS NULL) AND window_end = (
    SELECT max(window_end) FROM monitor_results
    WHERE {WITHIN} AND feature = {{feature:String}} AND segment != '' AND value IS NOT NULL
)
ORDER BY verdict = 'alarm' DESC, signal, metric, segment LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """One bin, before and now."""

    bin: str
    baseline: float
    window: float

    @property
    def change(self) -> float:
        """Of its share."""
        return self.window - self.baseline


@dataclass(frozen=True, slots=True)
class Segment:
    """The feature among the rows of one segment."""

    segment: str
    signal: str
    metric: str
    at: datetime
    value: float | None
    threshold: float | None
    verdict: str
    n: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Feature(View):
    """What there is to see of a feature."""

    asked: Asked
    """With the version that is shown, where none was asked for."""
    feature: str
    period: Period | None
    newest: Drifted | None = None
    """The newest window in which it was compared; None where it never was."""
    history: tuple[Drifted, ...] = ()
    """Every window of the period in which it was compared, the oldest first."""
    lines: Mapping[str, Sequence[Line]]
    segments: tuple[Segment, ...] = ()
    happened: tuple[Happening, ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """What happened, as charts take it."""
        return [each.mark for each in self.happened]

    @property
    def categorical(self) -> bool:
        """Whether its bins are categories."""
        return self.newest is not None and "(number)" in self.newest.bins

    @property
    def is_output(self) -> bool:
        """Whether it is what the model said, which is compared as such."""
        return PREDICTION_DRIFT in self.lines

    @property
    def moved(self) -> list[Moved]:
        """The bins by how much they moved, the most first."""
        if self.newest is None:
            return []
        bins = zip(self.newest.bins, self.newest.baseline, self.newest.window, strict=True)
        return sorted((Moved(*each) for each in bins), key=lambda one: -abs(one.change))

    @property
    def comparable(self) -> list[Drifted]:
        """Windows in the same bins as the newest: those compared with another baseline have others."""
        return [one for one in self.history if self.newest and one.bins == self.newest.bins]

    @property
    def quality(self) -> Sequence[Line]:
        """What was measured of its quality."""
        return self.lines.get(DATA_QUALITY, ())

    def drawn_strip(self) -> Figure | None:
        """The distribution over time; None of a single window."""
        found = self.comparable
        if self.newest is None or not self.newest.bins or len(found) < 2:
            return None
        shares = [one.window for one in found]
        title = f"{self.feature} over time"
        return heat_strip(title, [one.end for one in found], self.newest.bins, shares, width=WIDE)

    def drawn_lines(self) -> list[Figure]:
        """The metric of each signal that tells most, and what else alarmed."""
        every = [line for own in self.lines.values() for place, line in enumerate(own) if not place or line.alarms]
        return [figure(line, self.marks) for line in every if line.measured]

    def tables(self) -> Mapping[str, pa.Table]:
        """Bins, windows and segments."""
        windows = ("start", "end", "metric", "value", "threshold", "verdict", "n", "reason", "bins", "window")
        return {
            "bins": table_of(self.moved, ("bin", "baseline", "window", "change")),
            "windows": table_of(self.history, windows),
            "segments": table_of(
                self.segments, ("segment", "signal", "metric", "at", "value", "threshold", "verdict", "n", "reason")
            ),
        }


def read(store: Store, given: Mapping[str, str]) -> Feature:
    """A feature over a time; of the version that was looked at last where none is asked for.

    Raises:
        ValueError: a parameter cannot be read, or nothing is known of the model, version or feature.
    """
    wanted, name = asked(given), given.get("feature", "")
    if not name:
        raise ValueError("say which feature: ?feature=NAME")
    version = shown_version(store, wanted.model, given)
    need_feature(store, wanted.model, version, name)
    need_segment(store, wanted.model, version, wanted.segment)
    this = Asked(wanted.model, version, wanted.segment, wanted.window)
    title = f"{name} of {this.model} {this.version}".strip()
    of = period(store, this.model, version, this.window)
    if of is None:
        sentence = "Not compared: no window was looked at in this time."
        return Feature(title=title, sentence=sentence, asked=this, feature=name, period=None, lines={})
    rows = results_of(store, this.model)
    found, of_history, measured, of_lines = _measured(store, rows, this, of, name)
    marked, of_marks = happened(store, this.model, version, of.window)
    parts = {"model": this.model, "version": version, "feature": name, **of.parameters}
    of_segments = Query("The feature by segment", _SEGMENTS, parts)
    newest = found[-1] if found else None
    return Feature(
        title=title,
        sentence=_sentence(name, newest, measured),
        queries=(of_history, of_lines, of_segments, of_marks),
        asked=this,
        feature=name,
        period=of,
        newest=newest,
        history=tuple(found),
        lines=by_signal(line for line in measured if line.signal != FAIRNESS),
        segments=tuple(_segment(row) for row in store.rows(of_segments.sql, of_segments.parameters)),
        happened=tuple(marked),
    )


@kept_of_rows(32)
def _measured(
    store: Store, _rows: OfResults, this: Asked, of: Period, name: str
) -> tuple[list[Drifted], Query, list[Line], Query]:
    """Its drift and its lines, and the queries behind them; read once while no result of the model is written."""
    found, of_history = history(store, this.model, this.version, of, name, this.segment)
    measured, of_lines = lines(store, this.model, this.version, of, segment=this.segment, feature=name)
    return found, of_history, measured, of_lines


def _segment(row: Mapping[str, Any]) -> Segment:
    return Segment(**{**row, "at": utc(row["at"])})


def _sentence(name: str, newest: Drifted | None, measured: Sequence[Line]) -> str:
    wrong = [line.newest for line in measured if line.newest.verdict == "alarm" and line.signal == DATA_QUALITY]
    beside = f" {wrong[0].reason}." if wrong and wrong[0].reason else ""
    if newest is None:
        lacking = next((line.newest.reason for line in measured if line.newest.reason), "")
        return f"Not compared with a baseline in this time{f': {lacking}' if lacking else ''}.{beside}"
    how = {"alarm": "has moved", "warning": "may have moved", "ok": "is as in the baseline"}
    why = f": {newest.reason}" if newest.reason else ""
    return f"{name} {how.get(newest.verdict, 'was looked at')}{why}.{beside}"
