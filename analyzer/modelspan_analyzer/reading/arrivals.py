"""When predictions came: how many in earlier windows, the newest, in which hours, and in which role they answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.from_sketches import covers
from modelspan_analyzer.reading.silence import REACH, Series, Silence, grain_of, grains_until, hours_until, unix
from modelspan_analyzer.reading.window import between
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.counts import Floats
from modelspan_collector.store.connect import Store

PRIMARY: Final = ROLE_PRIMARY
"""The role of a version whose answers reach somebody."""
HISTORY: Final = timedelta(days=35)
"""How far back a rhythm is looked for."""
FINE: Final = timedelta(days=2)
"""How far back one of less than hours is."""

# Hourly counts from the sketches' rows where windows are whole hours, so that the cost does not grow with predictions.
_HOURS = """
SELECT hour AS moment, rows AS n FROM feature_profiles
WHERE model = {{model:String}} AND version = {{version:String}} AND segment = '' AND source = 'model' AND kind = 'rows'
  AND toStartOfDay(hour) >= toStartOfDay(toDateTime({begin}, 'UTC')) AND hour >= {begin} AND hour < {end}
"""
_ROWS = "SELECT timestamp AS moment, 1 AS n FROM predictions WHERE model = {{model:String}} AND {whose} AND {between}"
_MOMENT = "{{{0}:DateTime64(9, 'UTC')}}"
_JUST_BEFORE = """
SELECT sum(n) AS counted,
       intDiv({{until:Int64}} - 1 - toUnixTimestamp64Micro(toDateTime64(moment, 6, 'UTC')), {{size:Int64}}) + 1 AS place
FROM ({source}) GROUP BY place
"""

_NEWEST = """
SELECT max(newest) FROM (
    SELECT max(newest) AS newest FROM feature_profiles
    WHERE model = {model:String} AND version = {version:String} AND segment = '' AND source = 'model' AND kind = 'rows'
      AND hour < toStartOfHour({before:DateTime64(9, 'UTC')})
    UNION ALL
    SELECT max(timestamp) FROM predictions
    WHERE model = {model:String} AND version = {version:String} AND timestamp < {before:DateTime64(9, 'UTC')}
      AND toStartOfFiveMinutes(timestamp) >= toStartOfHour({before:DateTime64(9, 'UTC')})
)
"""
_NEWEST_ANSWER = f"""
SELECT max(timestamp) FROM predictions
WHERE model = {{model:String}} AND role = {{role:String}} AND {between("earliest", "before")}
"""
_ROLE = """
SELECT role FROM predictions
WHERE model = {model:String} AND version = {version:String} AND timestamp <= {at:DateTime64(9, 'UTC')}
  AND toStartOfFiveMinutes(timestamp) = toStartOfFiveMinutes({at:DateTime64(9, 'UTC')})
ORDER BY role = {role:String} DESC LIMIT 1
"""
_FIRST = """
SELECT count() FROM (
    SELECT 1 FROM predictions
    WHERE model = {model:String} AND version = {version:String} AND timestamp < {before:DateTime64(9, 'UTC')}
    LIMIT {most:UInt64}
)
"""
_FIRST_ANSWERS = """
SELECT count() AS n, min(timestamp) AS first, max(timestamp) AS last FROM (
    SELECT timestamp FROM predictions
    WHERE model = {model:String} AND version = {version:String} AND role = {role:String}
      AND timestamp >= {since:DateTime64(9, 'UTC')} ORDER BY timestamp LIMIT {most:UInt64}
)
"""
_ACTIVE_HOURS = """
SELECT DISTINCT toUnixTimestamp(hour) AS slot FROM feature_profiles
WHERE model = {model:String} AND (version = {version:String} OR {any:Bool})
  AND segment = '' AND source = 'model' AND kind = 'rows'
  AND hour >= {earliest:DateTime64(9, 'UTC')} AND hour < {before:DateTime64(9, 'UTC')}
ORDER BY slot
"""
_ACTIVE_MINUTES = f"""
SELECT DISTINCT toUnixTimestamp(toStartOfMinute(timestamp)) AS slot FROM predictions
WHERE model = {{model:String}} AND {between("earliest", "before")}
ORDER BY slot
"""


class Arrivals:
    """The predictions of one version, or with None what a model answered with whichever version, before a window."""

    def __init__(
        self, store: Store, model: str, version: str | None, window: Window, silence: Silence | None = None
    ) -> None:
        """Of a window; after a `silence` its arrivals are read once for all windows of it."""
        self._store = store
        self._window = window
        self._scope = {"model": model, "version": version or "", "role": PRIMARY}
        self._whose = "role = {role:String}" if version is None else "version = {version:String}"
        by_hour = version is not None and covers(window)
        self._from = _HOURS if by_hour else _ROWS
        last, grain = _last(silence, version), grain_of(window)
        self._series: Series | None = None
        if last is not None and by_hour:
            self._series = hours_until(store, model, version, last)
        elif last is not None and grain:
            self._series = grains_until(store, model, version, last, grain, PRIMARY)
        self._earliest = last - REACH if last else None

    def counts(self, windows: Sequence[Window]) -> list[int]:
        """How many came in each of some stretches of time; each is looked up by itself."""
        if not windows:
            return []
        if self._series is not None:
            return self._series.counts(windows)
        parts = [f"SELECT {place} AS place, sum(n) AS n FROM ({self._rows(place)})" for place in range(len(windows))]
        asked = {f"begin{place}": one.start for place, one in enumerate(windows)}
        asked |= {f"end{place}": one.end for place, one in enumerate(windows)}
        rows = self._store.rows(" UNION ALL ".join(parts), self._scope | asked)
        found = {int(row["place"]): int(row["n"] or 0) for row in rows}
        return [found.get(place, 0) for place in range(len(windows))]

    def just_before(self, most: int) -> dict[int, int]:
        """How many came in each of the windows just before that had any, by how many windows earlier."""
        size = self._window.end - self._window.start
        if self._series is not None and self._earliest and self._window.start - most * size >= self._earliest:
            return self._series.just_before(self._window, most)
        asked = {
            "begin0": self._window.start - most * size,
            "end0": self._window.start,
            "until": round(self._window.start.timestamp() * 1e6),
            "size": size // timedelta(microseconds=1),
        }
        rows = self._store.rows(_JUST_BEFORE.format(source=self._rows(0)), self._scope | asked)
        return {int(row["place"]): int(row["counted"]) for row in rows}

    def _rows(self, place: int) -> str:
        begin, end = f"begin{place}", f"end{place}"
        places = {"begin": _MOMENT.format(begin), "end": _MOMENT.format(end)}
        return self._from.format(**places, whose=self._whose, between=between(begin, end))


def first_rows(store: Store, model: str, version: str, before: datetime, most: int) -> int:
    """How many predictions a version had made before a moment, as far as they matter."""
    return int(store.scalar(_FIRST, {"model": model, "version": version, "before": before, "most": most}))


def first_answers(store: Store, model: str, version: str, since: datetime, number: int) -> Window | None:
    """The stretch of the first so many predictions of a version that reached somebody; None while there are fewer."""
    asked = {"model": model, "version": version, "since": since, "most": number, "role": PRIMARY}
    (row,) = store.rows(_FIRST_ANSWERS, asked)
    if row["n"] < number:
        return None
    return Window(utc(row["first"]), utc(row["last"]) + timedelta(microseconds=1))


def newest(store: Store, model: str, version: str, before: datetime) -> datetime | None:
    """When a version predicted last, before a moment; None where it had not predicted yet."""
    found = utc(store.scalar(_NEWEST, {"model": model, "version": version, "before": before}))
    return found if found.year > 1970 else None


def newest_answer(store: Store, model: str, before: datetime, since: datetime) -> datetime | None:
    """When a model answered last with whichever version, between two moments."""
    asked = {"model": model, "role": PRIMARY, "before": before, "earliest": since}
    found = utc(store.scalar(_NEWEST_ANSWER, asked))
    return found if found.year > 1970 else None


@kept(1024)
def role_at(store: Store, model: str, version: str, at: datetime | None) -> str:
    """The role in which a version answered at the moment of one of its predictions."""
    asked = {"model": model, "version": version, "at": at, "role": PRIMARY}
    found = store.rows(_ROLE, asked) if at is not None else []
    return str(found[0]["role"]) if found else PRIMARY


def active_hours(
    store: Store, model: str, before: datetime, version: str | None = None, silence: Silence | None = None
) -> Floats:
    """The hours in which a version, or any of a model, predicted, as Unix times in order."""
    if (last := _last(silence, version)) is not None:
        hours = hours_until(store, model, version, last).moments
        return np.asarray(hours[hours >= unix(before - HISTORY)], np.float64)
    asked = {"model": model, "version": version or "", "any": version is None}
    return _slots(store, _ACTIVE_HOURS, asked, before, HISTORY)


def active_minutes(store: Store, model: str, before: datetime, silence: Silence | None = None) -> Floats:
    """The minutes of the last two days in which a model predicted."""
    if silence is not None and silence.of_model is not None:
        minutes = grains_until(store, model, None, silence.of_model, 60, "", FINE + timedelta(minutes=5))
        earliest = unix(before - FINE) // 300 * 300  # as the table is sorted
        return np.asarray(minutes.moments[minutes.moments >= earliest], np.float64)
    return _slots(store, _ACTIVE_MINUTES, {"model": model}, before, FINE)


def _last(silence: Silence | None, version: str | None) -> datetime | None:
    """When a version, or a model with all of them, predicted last, where that is known."""
    return (silence.of_model if version is None else silence.since) if silence else None


def _slots(store: Store, sql: str, asked: dict[str, object], before: datetime, reach: timedelta) -> Floats:
    table = store.arrow(sql, {**asked, "before": before, "earliest": before - reach})
    return np.asarray(table["slot"].to_numpy(), np.float64)
