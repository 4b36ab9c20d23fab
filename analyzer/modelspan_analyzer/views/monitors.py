"""The monitors: what runs, when it ran, what it cost, and what of it is noise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.checking import JUDGED
from modelspan_analyzer.config.durations import format_duration
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.incidents.feedback import BY_MONITOR
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_analyzer.reading.names import need_all
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.view import View, table_of
from modelspan_collector.store.connect import Store

PARAMETERS: Final = frozenset({"model"})
DAYS: Final = 7
"""Of runs, alarms and costs."""
_RUNS: Final = """
SELECT model, version, count() AS runs, countIf(outcome IN ('failed', 'timeout')) AS failed,
       countIf(outcome = 'running') AS unfinished, max(window_end) AS newest_window, max(started) AS last_started,
       argMax(toString(outcome), started) AS last_outcome, argMaxIf(error, started, error != '') AS last_error,
       sum(dateDiff('millisecond', started, ifNull(ended, started))) / 1000 AS seconds,
       max(dateDiff('millisecond', started, ifNull(ended, started))) / 1000 AS longest
FROM monitor_runs FINAL
WHERE monitor = '' AND started >= {since:DateTime64(3, 'UTC')} AND ({model:String} = '' OR model = {model:String})
GROUP BY model, version ORDER BY seconds DESC, model, version LIMIT 300
"""
_PARTS: Final = """
SELECT monitor, count() AS runs, countIf(outcome IN ('failed', 'timeout')) AS failed, uniqExact(model) AS models,
       argMaxIf(error, started, error != '') AS last_error,
       sum(dateDiff('millisecond', started, ifNull(ended, started))) / 1000 AS seconds
FROM monitor_runs FINAL
WHERE monitor != '' AND started >= {since:DateTime64(3, 'UTC')} AND ({model:String} = '' OR model = {model:String})
GROUP BY monitor
"""
_ALARMS: Final = f"""
SELECT model, version, name, countIf(looked_at) AS windows, countIf(alarmed) AS alarmed FROM (
    SELECT model, version, if(monitor != '', monitor, signal) AS name, window_start, window_end,
           max(verdict IN {{judged:Array(String)}}) AS looked_at, max(verdict = 'alarm') AS alarmed
    FROM monitor_results FINAL
    WHERE window_end >= {{since:DateTime64(9, 'UTC')}} AND {OF_MODELS}
    GROUP BY model, version, window_start, window_end, name
)
GROUP BY model, version, name
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One monitor."""

    name: str
    signal: str
    needs: str
    reads: str
    on: bool
    """By the settings of the model asked for, or by the defaults."""
    runs: int
    failed: int
    seconds: float
    last_error: str
    windows: int
    """In which it judged anything."""
    alarmed: int
    """Windows in which it alarmed."""
    useful: int
    noise: int
    """Opinions that its incidents were noise."""

    @property
    def noisy(self) -> bool:
        """Whether more people found it noise than useful."""
        return self.noise > self.useful


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One model's version: when it is looked at, and how that went."""

    model: str
    version: str
    schedule: str
    window: str
    runs: int
    failed: int
    unfinished: int
    last_started: datetime
    newest_window: datetime
    last_outcome: str
    last_error: str
    seconds: float
    longest: float


@dataclass(frozen=True, kw_only=True)
class Monitors(View):
    """What runs."""

    model: str
    parts: tuple[Part, ...]
    scheduled: tuple[Scheduled, ...]
    since: datetime

    def tables(self) -> Mapping[str, pa.Table]:
        """Monitors, and the models that they run on."""
        counts = ("runs", "failed", "seconds", "windows", "alarmed", "useful", "noise", "last_error")
        runs = ("runs", "failed", "unfinished", "last_started", "newest_window", "last_outcome", "last_error")
        return {
            "monitors": table_of(self.parts, ("name", "signal", "needs", "reads", "on", *counts)),
            "models": table_of(self.scheduled, ("model", "version", "schedule", "window", *runs, "seconds", "longest")),
        }


def read(store: Store, given: Mapping[str, str], config: MonitorsConfig, now: datetime) -> Monitors:
    """What runs on every model, or on one `model`.

    Raises:
        ValueError: there is no such model.
    """
    model = given.get("model", "")
    need_all(store, [model], [])
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    asked = {"since": since, "model": model}
    parts, queries = _parts(store, config.for_model(model, None), asked)
    rows = store.rows(_RUNS, asked)
    scheduled = tuple(_scheduled(row, config.for_model(row["model"], row["version"])) for row in rows)
    return Monitors(
        title=f"Monitors of {model}" if model else "Monitors",
        sentence=_sentence(parts, scheduled),
        queries=(Query("Runs by model", _RUNS, asked), *queries),
        model=model,
        parts=parts,
        scheduled=scheduled,
        since=since,
    )


def _parts(
    store: Store, settings: ModelSettings, asked: Mapping[str, object]
) -> tuple[tuple[Part, ...], tuple[Query, ...]]:
    runs = {row["monitor"]: row for row in store.rows(_PARTS, asked)}
    alarms = _alarms(store, asked)
    opinions: dict[str, list[int]] = {}
    for row in store.rows(BY_MONITOR):
        if asked["model"] in ("", row["model"]):
            told = opinions.setdefault(row["monitor"], [0, 0])
            told[0] += row["useful"]
            told[1] += row["noise"]
    found = []
    for monitor in MONITORS:
        ran, said = runs.get(monitor.name, {}), alarms.get(monitor.name, (0, 0))
        signal = monitor.signal
        found.append(
            Part(
                name=monitor.name,
                signal=signal.name,
                needs=" and ".join(need.value for need in signal.needs) or "nothing",
                reads=signal.cost.value,
                on=signal.enabled(settings),
                runs=int(ran.get("runs", 0)),
                failed=int(ran.get("failed", 0)),
                seconds=float(ran.get("seconds", 0.0)),
                last_error=ran.get("last_error", ""),
                windows=said[0],
                alarmed=said[1],
                useful=opinions.get(monitor.name, [0, 0])[0],
                noise=opinions.get(monitor.name, [0, 0])[1],
            )
        )
    of = _asked_of([str(asked["model"])] if asked["model"] else [], asked["since"])
    queries = (Query("Runs by monitor", _PARTS, asked), Query("Alarms by monitor", _ALARMS, of))
    return tuple(found), (*queries, Query("Opinions by monitor", BY_MONITOR))


def _alarms(store: Store, asked: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """In how many windows each monitor said anything, and in how many it alarmed."""
    found: dict[str, tuple[int, int]] = {}
    for counts in _COUNTED(store, asked["model"], asked["since"]).values():
        for name, (windows, alarmed) in counts.items():
            before = found.get(name, (0, 0))
            found[name] = before[0] + windows, before[1] + alarmed
    return found


def _asked_of(models: Sequence[str], since: object) -> dict[str, object]:
    return {"models": list(models), "since": since, "judged": list(JUDGED)}


def _counted(store: Store, models: Sequence[str], since: Hashable) -> dict[Name, dict[str, tuple[int, int]]]:
    found: dict[Name, dict[str, tuple[int, int]]] = {}
    for row in store.rows(_ALARMS, _asked_of(models, since)):
        counts = found.setdefault((row["model"], row["version"]), {})
        counts[row["name"]] = int(row["windows"]), int(row["alarmed"])
    return found


_COUNTED: Final = UntilWritten(_counted, "monitor_results")


def _scheduled(row: Mapping[str, Any], settings: ModelSettings) -> Scheduled:
    schedule, window = settings.schedule, settings.window
    when = f"cron {schedule.cron}" if schedule.cron else f"looks every {format_duration(schedule.every)}"
    size = f"{window.rows:,} predictions" if window.rows else format_duration(window.size)
    return Scheduled(
        model=row["model"],
        version=row["version"],
        schedule=when,
        window=size,
        runs=int(row["runs"]),
        failed=int(row["failed"]),
        unfinished=int(row["unfinished"]),
        last_started=utc(row["last_started"]),
        newest_window=utc(row["newest_window"]),
        last_outcome=row["last_outcome"],
        last_error=row["last_error"],
        seconds=float(row["seconds"]),
        longest=float(row["longest"]),
    )


def _sentence(parts: Sequence[Part], scheduled: Sequence[Scheduled]) -> str:
    on = sum(part.on for part in parts)
    if not scheduled:
        return f"{on} of {len(parts)} monitors are on, and none has run in the last {DAYS} days: nothing was looked at."
    runs, failed = sum(one.runs for one in scheduled), sum(one.failed for one in scheduled)
    seconds = sum(one.seconds for one in scheduled)
    noisy = [part.name.replace("_", " ") for part in parts if part.noisy]
    told = f"; mostly noise, people say: {', '.join(noisy)}" if noisy else ""
    went = f"{failed:,} failed" if failed else "none failed"
    return (
        f"{on} of {len(parts)} monitors are on; in the last {DAYS} days {runs:,} windows were looked at, {went}, in "
        f"{seconds:,.0f} s of work{told}."
    )
