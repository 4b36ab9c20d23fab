"""Columns beside what is usual for the time: a window's columns that differ from the baseline are looked at again.

Where a column's earlier windows show a rhythm or a trend, it is compared with the windows like it instead of with the
baseline, moved to the level that they forecast, and by as much more as forecasts are off by nature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.compare import Pair, pairs
from modelspan_analyzer.reading.alarmed import alarmed_windows
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.earlier import Past
from modelspan_analyzer.reading.profiles.pooling import MEAN, Level, level_of, moved, pooled
from modelspan_analyzer.reading.profiles.profile import Column, Kind, Profile
from modelspan_analyzer.results import Window
from modelspan_analyzer.verdicts.rhythm import DAY, WEEK
from modelspan_analyzer.verdicts.seasons import SETTLED, TREND, History, Season, day_of, season_of
from modelspan_collector.store.connect import Store

_SEASONAL: Final = """
WITH (SELECT max(window_end) FROM monitor_results WHERE model = {model:String} AND signal = {signal:String}) AS newest
SELECT DISTINCT toString(feature) AS feature FROM monitor_results FINAL
WHERE model = {model:String} AND signal = {signal:String} AND segment = '' AND window_end > newest - INTERVAL 5 WEEK
  AND JSONExtractString(details, 'season') != ''
"""

_INSTANT: Final = timedelta(microseconds=1)

Chosen = Mapping[str, Sequence[Level]]
"""Columns, each with what may tell how high it is: the first that shows a rhythm or a trend."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of one column for the time."""

    season: Season
    words: str
    pair: Pair | None = None
    """The column beside what is usual; None where no rhythm or trend is known."""
    like: tuple[Window, ...] = ()
    """The earlier windows that tell it."""
    days: Pair | None = None
    """Whole days of what is usual beside the baseline, where that is of all times too: no rhythm tells them apart."""
    moves: bool = False
    """Whether it moves away from the baseline steadily."""

    def unexplained(self, apart: float) -> Usual:
        """What its rhythm does not explain: it is compared with the baseline, as if none were known."""
        words = f"its rhythm of the {self.season.rhythm} does not explain it, {self._lie(apart)}"
        return Usual(replace(self.season, rhythm="", back=()), words)

    def moving(self, apart: float) -> Usual:
        """The same of one whose days move away from the baseline steadily."""
        return replace(self, words=f"{self.words}, {self._lie(apart)} and move steadily", moves=True)

    def _lie(self, apart: float) -> str:
        number = len(self.season.days)
        return f"as its last {number} whole days together lie {apart:.3g} beyond chance from the baseline"


@kept(1024)
def seasonal(store: Store, model: str, signal: str) -> set[str]:
    """The columns that were seen to have a season, by results of the newest five weeks, to be added to.

    A fault may hide in the season: what brings a low night back to the mean of all days is no drift from a baseline.
    So what an analyzer knew before it was started again, or another one, is looked at too.
    """
    return {row["feature"] for row in store.rows(_SEASONAL, {"model": model, "signal": signal})}


def _words(season: Season, level: Level, window: Window) -> str:
    number = len(season.back)
    if season.rhythm == TREND.name:
        leads = f"so it is compared with where its trend over {number} windows leads"
        what, now, before = _movement(season, level)
        if not season.slowed:
            return f"{what} {now} steadily, {leads}"
        return f"{what} {before} steadily, and slowed down or stopped in its last {season.slowed} windows, {leads}"
    if season.rhythm:
        return f"compared with what is usual {_when(season.rhythm, window)}, as {number} earlier windows have it"
    if season.stage == SETTLED:
        return ""
    return "no rhythm of it is known yet"


def _movement(season: Season, level: Level) -> tuple[str, str, str]:
    """What moves by a trend, how it does, and how it did."""
    if level.way:
        return "its distribution", "moves", "moved"
    share = "how much is missing" if level.missing else f"the share of {level.category}"
    return "it" if level == MEAN else share, *(("rises", "rose") if season.rising else ("falls", "fell"))


def _when(rhythm: str, window: Window) -> str:
    """When the window is, in the words of its rhythm."""
    short = window.end - window.start < DAY
    clock = f"{window.start:%H:%M} to {window.end:%H:%M}" if short else ""
    if rhythm == "day":
        return f"from {clock}"
    if rhythm == "week":
        return f"for a {_weekday(window, clock)}"
    return f"for the time of year ({window.start:%d %B})"


def _weekday(window: Window, clock: str) -> str:
    return f"{window.start:%A} {clock}".rstrip() if window.end - window.start <= DAY else "time of the week"


def usual_now(
    context: MonitorContext,
    signal: str,
    metric: str,
    chosen: Chosen,
    min_rows: int,
    *,
    outputs: bool,
) -> dict[str, Usual]:
    """What is usual of some columns in the window.

    Args:
        context: of the window.
        signal: whose earlier results tell which windows alarmed.
        metric: of these results.
        chosen: the columns, at least one.
        min_rows: an earlier window with fewer says nothing.
        outputs: whether they are the model's outputs.
    """
    past = Past.of(context.store, context.model, context.version, context.window, context.baseline)
    told = _told(past, signal, metric, chosen, min_rows, outputs)
    if not outputs and not any(season.stage for season, _ in told.values()):
        past = replace(past, version=None)  # a new release's features are those of the one before
        told = _told(past, signal, metric, chosen, min_rows, outputs)
    seasons = {name: season for name, (season, _) in told.items()}
    found = {name: season for name, season in seasons.items() if season.rhythm}
    there = _pairs(context, past, found, {name: level for name, (_, level) in told.items()}, outputs) if found else {}
    days = _day_pairs(context, past, found, outputs) if found and _of_all_times(context.baseline) else {}
    unknown = {name: Season(season.stage) for name, season in seasons.items() if name not in there}
    return {
        name: Usual(
            season,
            _words(season, told[name][1], context.window),
            there.get(name),
            tuple(map(past.window, season.back)),
            days.get(name),
            season.rhythm == TREND.name,
        )
        for name, season in (seasons | unknown).items()
    }


def _of_all_times(baseline: Baseline | None) -> bool:
    """Whether a baseline is taken to be of all times of the day and the week: it has no times, or those of a week."""
    return baseline is not None and (
        baseline.window is None or baseline.window.end - baseline.window.start > WEEK - DAY
    )


def _day_pairs(context: MonitorContext, past: Past, seasons: Mapping[str, Season], outputs: bool) -> dict[str, Pair]:
    """The columns over the whole days that tell what is usual of them, beside the baseline."""
    runs, each = {name: _runs(season.days) for name, season in seasons.items()}, day_of(past.size)
    wanted = {run for some in runs.values() for run in some}
    read = {(first, last): past.together((first - 1) * each + 1, last * each) for first, last in wanted}
    together: dict[str, Column] = {}
    for name, some in runs.items():
        sides = [_columns(profile, outputs) for run in some for profile in read[run]]
        if parts := [side[name] for side in sides if name in side]:
            together[name] = pooled(parts)
    if context.reference is None or not together:
        return {}
    days = _with_columns(context.current, together, outputs)
    return {
        pair.name: pair
        for pair in pairs(context.store, context.reference, days, together.__contains__, outputs=outputs)
    }


def _runs(days: Sequence[int]) -> list[tuple[int, int]]:
    """Days as the first and the last of those that follow each other.

    >>> _runs((1, 2, 3, 5))
    [(1, 3), (5, 5)]
    """
    firsts = [day for day in days if day - 1 not in days]
    return [(day, next(last for last in count(day) if last + 1 not in days)) for day in firsts]


def _told(
    past: Past, signal: str, metric: str, chosen: Chosen, min_rows: int, outputs: bool
) -> dict[str, tuple[Season, Level]]:
    """The season of each column, and by which level it is told."""
    told: dict[str, tuple[Season, Level]] = {}
    for turn in range(max(map(len, chosen.values()))):
        left = {name: levels[turn] for name, levels in chosen.items() if turn < len(levels)}
        asked = {name: level for name, level in left.items() if name not in told or not told[name][0].rhythm}
        for name, season in _seasons(past, signal, metric, asked, min_rows, outputs).items():
            if name not in told or season.rhythm:
                told[name] = season, asked[name]
    return told


def _seasons(
    past: Past, signal: str, metric: str, chosen: Mapping[str, Level], min_rows: int, outputs: bool
) -> dict[str, Season]:
    levels = past.levels(chosen, outputs=outputs)
    alarmed = _alarmed(past, signal, metric, list(levels)) if levels else {}
    nothing = np.full(past.number, -1)
    histories = {
        name: History(past.size, np.where(one.n >= min_rows, one.mean, np.nan), one.error, alarmed.get(name, nothing))
        for name, one in levels.items()
    }
    return {name: season_of(histories[name]) if name in histories else Season(0) for name in chosen}


def _alarmed(past: Past, signal: str, metric: str, names: list[str]) -> dict[str, NDArray[np.intp]]:
    """The stage at which each earlier window alarmed, by column; -1 where it did not.

    Of a past of every version, that of any of them: a fault of the release before is not usual for the new one.
    """
    within = Window(past.window(past.number).start, past.start)
    found: dict[str, NDArray[np.intp]] = {}
    for one in alarmed_windows(
        past.store, past.model, signal, metric, within, version=past.version, features=names, breached=True
    ):
        if one.window.end > past.start:
            continue
        stages = found.setdefault(one.feature, np.full(past.number, -1))
        first, last = past.place(one.window.start), past.place(one.window.end - _INSTANT)
        stages[max(0, first) : last + 1] = np.maximum(stages[max(0, first) : last + 1], one.stage)
    return found


def _pairs(
    context: MonitorContext, past: Past, seasons: Mapping[str, Season], levels: Mapping[str, Level], outputs: bool
) -> dict[str, Pair]:
    """The columns beside what is expected of them."""
    wanted = {back for season in seasons.values() for back in season.back}
    earlier = {back: profile for back in sorted(wanted) if (profile := past.profile(back))}
    now = _columns(context.current, outputs)
    expected: dict[str, Column] = {}
    for name, season in seasons.items():
        sides = [_columns(earlier[back], outputs) for back in season.back if back in earlier]
        parts = [side[name] for side in sides if name in side]
        usual_column = pooled(parts) if parts else Column(name)
        if name in now and usual_column.kind is not Kind.EMPTY:
            expected[name] = _expected(usual_column, season, levels[name], now[name])
    usual = _with_columns(context.current, expected, outputs)
    found = pairs(context.store, usual, context.current, expected.__contains__, outputs=outputs)
    return {pair.name: pair for pair in found}


def _columns(profile: Profile, outputs: bool) -> Mapping[str, Column]:
    return profile.outputs if outputs else profile.features


def _with_columns(profile: Profile, columns: Mapping[str, Column], outputs: bool) -> Profile:
    return replace(profile, outputs=columns) if outputs else replace(profile, features=columns)


def _expected(usual: Column, season: Season, level: Level, now: Column) -> Column:
    """What earlier windows make expected, as near to the window as forecasts are off by nature."""
    away = (level.way.end if level.way else level_of(now, level)) - season.level
    near = float(np.clip(away, -season.natural, season.natural)) if np.isfinite(away) else 0.0
    return moved(usual, level, season.level + near)
