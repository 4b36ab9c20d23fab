"""Which windows a view shows: those of the time that was asked for, else the newest there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.names import has_version, need_model, need_version
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

NEWEST: Final = 96
"""Windows that are shown where no time is asked for ..."""
MOST: Final = 300
"""... and where one is: more points than a chart has room for say nothing."""
_ALWAYS: Final = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_WINDOWS: Final = """
SELECT min(window_start) AS start, max(window_end) AS end, count() AS windows, any(every) AS every
FROM (
    SELECT window_start, window_end, count() OVER () AS every FROM monitor_runs FINAL
    WHERE model = {model:String} AND version = {version:String} AND monitor = '' AND outcome != 'running'
      AND window_end > {start:DateTime64(9, 'UTC')} AND window_start < {end:DateTime64(9, 'UTC')}
    ORDER BY window_end DESC LIMIT {most:UInt32}
)
"""

_LAST: Final = """
SELECT version FROM monitor_runs WHERE model = {model:String} AND monitor = ''
ORDER BY window_end DESC, version DESC LIMIT 1
"""
_NEWEST_ROW: Final = """
SELECT max(newest) AS newest, count() AS days FROM feature_profile_days
WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model' AND kind = 'rows'
"""
_PREDICTED: Final = """
SELECT version FROM feature_profile_days
WHERE model = {model:String} AND segment = '' AND source = 'model' AND kind = 'rows'
GROUP BY version ORDER BY max(newest) DESC, version DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time and the windows in it that were looked at."""

    window: Window
    windows: int
    left_out: int
    """Older windows of the time that was asked for, which there are too many of."""
    silent_since: datetime | None = None
    """When the newest prediction came, where that is all that the newest windows would say; the period ends with it."""

    @property
    def parameters(self) -> dict[str, object]:
        """For `WITHIN`."""
        return {"start": self.window.start, "end": self.window.end}


WITHIN: Final = """model = {model:String} AND version = {version:String}
  AND window_start >= {start:DateTime64(9, 'UTC')} AND window_end <= {end:DateTime64(9, 'UTC')}"""
"""SQL: the results of a version in a period."""


def period(store: Store, model: str, version: str, asked: Window | None) -> Period | None:
    """The period to show; None where nothing was looked at in it.

    The newest windows of a version that has long been silent would show nothing but that: the period ends with the last
    one in which it predicted.
    """
    if asked:
        return _windows(store, model, version, asked, MOST, counts=True)
    newest = _windows(store, model, version, _ALWAYS, NEWEST)
    (row,) = store.rows(_NEWEST_ROW, {"model": model, "version": version})
    if newest is None or not row["days"] or utc(row["newest"]) >= newest.window.start:
        return newest
    last = utc(row["newest"])
    spoke = _windows(store, model, version, Window(_ALWAYS.start, last + timedelta(microseconds=1)), NEWEST)
    return replace(spoke, silent_since=last) if spoke else newest


def _windows(
    store: Store, model: str, version: str, within: Window, most: int, *, counts: bool = False
) -> Period | None:
    """So many of the newest windows of a time; `counts` how many older ones are left out."""
    scope = {"model": model, "version": version, "start": within.start, "end": within.end, "most": most}
    (row,) = store.rows(_WINDOWS, scope)
    if not row["windows"]:
        return None
    left_out = int(row["every"]) - int(row["windows"]) if counts else 0
    return Period(Window(utc(row["start"]), utc(row["end"])), int(row["windows"]), left_out)


def shown_version(store: Store, model: str, given: Mapping[str, str]) -> str:
    """The version that is asked for; where none is, the one that was looked at last, else that predicted last.

    An empty `version=` asks for the predictions that came without one, where there are such.

    Raises:
        UnknownNameError: there is no such model or version.
    """
    if version := given.get("version", ""):
        need_version(store, model, version)
        return version
    need_model(store, model)
    if "version" in given and has_version(store, model, ""):
        return ""
    rows = store.rows(_LAST, {"model": model}) or store.rows(_PREDICTED, {"model": model})
    return str(rows[0]["version"]) if rows else ""
