"""How much came of each model, by the hour, from the sketches: at the same cost however many predictions there were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

HOURS: Final = 24
_HOURLY: Final = """
SELECT model, version, dateDiff('hour', {start:DateTime('UTC')}, hour) AS place, sum(rows) AS predictions,
       sum(zero) AS errors
FROM feature_profiles
WHERE ({model:String} = '' OR model = {model:String}) AND segment = '' AND source = 'model' AND kind = 'rows'
  AND toStartOfDay(hour) >= toStartOfDay({start:DateTime('UTC')}) AND hour >= {start:DateTime('UTC')}
  AND hour < {end:DateTime('UTC')}
GROUP BY model, version, place
"""
_EVER: Final = """
SELECT model, version, sum(rows) AS predictions, max(newest) AS newest FROM feature_profile_days
WHERE ({model:String} = '' OR model = {model:String}) AND segment = '' AND source = 'model' AND kind = 'rows'
GROUP BY model, version
"""
_PERIODS: Final = """
SELECT model, version, sumIf(rows, hour >= {since:DateTime('UTC')}) AS predictions,
       sumIf(zero, hour >= {since:DateTime('UTC')}) AS errors,
       sumIf(rows, hour < {since:DateTime('UTC')}) AS before,
       sumIf(zero, hour < {since:DateTime('UTC')}) AS errors_before
FROM feature_profiles
WHERE segment = '' AND source = 'model' AND kind = 'rows'
  AND toStartOfDay(hour) >= toStartOfDay({before:DateTime('UTC')}) AND hour >= {before:DateTime('UTC')}
  AND hour < {until:DateTime('UTC')}
GROUP BY model, version
"""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a model's version in a time, and in the one before it."""

    predictions: int = 0
    errors: int = 0
    before: int = 0
    errors_before: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came of a model's version."""

    ever: int
    newest: datetime | None
    hourly: tuple[int, ...] = (0,) * HOURS
    """Of the last hours, the oldest first; the last one is not over."""
    errors: float = 0.0
    """Of these hours."""

    @property
    def day(self) -> int:
        """Of all these hours."""
        return sum(self.hourly)


def traffic_between(store: Store, before: datetime, since: datetime, until: datetime) -> tuple[dict[Name, Came], Query]:
    """What came of every version from `since` until `until`, and from `before` until `since`: all whole hours."""
    times = {"before": before, "since": since, "until": until}
    query = Query("Predictions of the time and the one before", _PERIODS, times)
    rows = store.rows(query.sql, query.parameters)
    names = ("predictions", "errors", "before", "errors_before")
    return {(row["model"], row["version"]): Came(*(int(row[name]) for name in names)) for row in rows}, query


def traffic(store: Store, now: datetime, model: str = "") -> tuple[dict[Name, Traffic], tuple[Query, ...]]:
    """Every model and version that predicted, or those of one model, and the queries behind it."""
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    times = {"start": end - timedelta(hours=HOURS), "end": end}
    ever = Query("Predictions of each version", _EVER, {"model": model})
    hourly = Query("Predictions by the hour", _HOURLY, {"model": model, **times})
    found: dict[Name, Traffic] = {}
    lately: dict[Name, tuple[list[int], float]] = {}
    for row in store.rows(hourly.sql, hourly.parameters):
        hours, errors = lately.get((row["model"], row["version"]), ([0] * HOURS, 0.0))
        hours[row["place"]] = int(row["predictions"])
        lately[row["model"], row["version"]] = hours, errors + float(row["errors"])
    for row in store.rows(ever.sql, ever.parameters):
        name = (row["model"], row["version"])
        hours, errors = lately.get(name, ([0] * HOURS, 0.0))
        found[name] = Traffic(int(row["predictions"]), utc(row["newest"]), tuple(hours), errors)
    return found, (ever, hourly)
