"""What came before a silence, read once for all of it: while nothing comes, it does not change."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

REACH: Final = timedelta(days=36)
"""How far back from the last prediction is read: a day more than rhythms are looked for."""
LEAST_GRAIN: Final = 60
"""Seconds; windows that do not begin and end on multiples of at least that are read one by one."""

# By hour from the sketches' rows, as elsewhere; by less from predictions. Which hours had any is told by all roles.
_HOURS = """
SELECT toUnixTimestamp(hour) AS moment, sum(rows) AS n FROM feature_profiles
WHERE model = {model:String} AND (version = {version:String} OR {any:Bool})
  AND segment = '' AND source = 'model' AND kind = 'rows' AND hour >= {earliest:DateTime64(9, 'UTC')}
GROUP BY moment ORDER BY moment
"""
_GRAINS = """
SELECT intDiv(toUnixTimestamp(timestamp), {grain:Int64}) * {grain:Int64} AS moment, count() AS n FROM predictions
WHERE model = {model:String} AND if({any:Bool}, {answers:Bool} = 0 OR role = {role:String}, version = {version:String})
  AND toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({earliest:DateTime64(9, 'UTC')})
GROUP BY moment ORDER BY moment
"""


@dataclass(frozen=True, slots=True)
class Silence:
    """When a version predicted last, where it is known to have been silent since."""

    since: datetime
    of_model: datetime | None = None
    """The same of the model with all its versions; None where another one predicted meanwhile."""
    alarmed: Set[tuple[str, datetime]] | None = field(default=None, compare=False)
    """Versions and beginnings of earlier windows in which the volume alarmed; None where that has to be asked."""


@dataclass(frozen=True, slots=True)
class Series:
    """How many predictions came in each of the stretches that had any: their beginnings, as Unix times, in order."""

    moments: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]

    def counts(self, windows: Sequence[Window]) -> list[int]:
        """How many came in each of some windows."""
        sums = np.concatenate([[0], np.cumsum(self.n)])
        ends = [np.searchsorted(self.moments, [unix(one.start), unix(one.end)]) for one in windows]
        return [int(sums[end] - sums[begin]) for begin, end in ends]

    def just_before(self, window: Window, most: int) -> dict[int, int]:
        """How many came in each of the windows just before that had any, by how many windows earlier."""
        start, size = unix(window.start), unix(window.end) - unix(window.start)
        near = (self.moments < start) & (self.moments >= start - most * size)
        places, at = np.unique((start - self.moments[near] + size - 1) // size, return_inverse=True)
        counts = np.bincount(at, self.n[near], places.size)
        return {int(place): int(n) for place, n in zip(places, counts, strict=True)}


def unix(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())


def grain_of(window: Window) -> int:
    """The seconds of which a window's beginning, its length and a day are multiples; 0 where these are too few."""
    if window.start.microsecond or window.end.microsecond:
        return 0
    grain = math.gcd(unix(window.start), unix(window.end) - unix(window.start), 86_400)
    return grain if grain >= LEAST_GRAIN else 0


@kept(256)
def hours_until(store: Store, model: str, version: str | None, last: datetime) -> Series:
    """The hours in which a version, or any of a model, predicted until it did last."""
    return _series(store, _HOURS, {"model": model, "version": version or "", "any": version is None}, last)


@kept(256)
def grains_until(
    store: Store, model: str, version: str | None, last: datetime, grain: int, role: str, reach: timedelta = REACH
) -> Series:
    """The same in stretches of so many seconds; of a model what it answered in a role, or all of it for ''."""
    asked = {"model": model, "version": version or "", "any": version is None, "grain": grain}
    return _series(store, _GRAINS, {**asked, "role": role, "answers": bool(role)}, last, reach)


def _series(store: Store, sql: str, asked: dict[str, object], last: datetime, reach: timedelta = REACH) -> Series:
    table = store.arrow(sql, {**asked, "earliest": last - reach})
    return Series(*(np.asarray(table[name].to_numpy(), np.int64) for name in ("moment", "n")))
