"""Which reports of a schedule are owed, by what the audit log says was delivered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.config.settings import ScheduleSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.fleet import Version
from modelspan_analyzer.runner.schedule import latest, next_run
from modelspan_collector.store.connect import Store

DELIVERED: Final = "report delivered"
FAILED: Final = "report failed"
FOLDER: Final = "folder"
WEBHOOK: Final = "webhook"

Delivered = Mapping[tuple[str, str], datetime]
"""The newest due moment that was delivered, by the name of its model or team and where to."""

_DELIVERED = """
SELECT JSONExtractString(details, if(JSONHas(details, 'team'), 'team', 'model')) AS name,
       JSONExtractString(details, 'to') AS target,
       max(parseDateTime64BestEffort(JSONExtractString(details, 'due'), 3, 'UTC')) AS due
FROM audit_log
WHERE action = {action:String} AND JSONExtractString(details, 'report') = {report:String}
  AND JSONExtractString(details, 'digest') = {digest:String}
GROUP BY name, target
"""


Began = Mapping[str, datetime]
"""The first prediction, by the name of its model or team."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A report of one model, or a digest of one team, that is due."""

    name: str
    """Of the model or the team."""
    window: Window
    """What it covers; its end is the moment that it is due at."""
    targets: tuple[str, ...]
    """Where it was not delivered yet."""


def delivered(store: Store, settings: ReportSettings) -> Delivered:
    """What was delivered of a report, ever."""
    asked = {"action": DELIVERED, "report": settings.name, "digest": settings.digest or ""}
    rows = store.rows(_DELIVERED, asked)
    return {(row["name"], row["target"]): utc(row["due"]) for row in rows}


def due_at(settings: ReportSettings, schedule: ScheduleSettings, now: datetime) -> datetime:
    """The newest moment of a report that is due: one whose last window the analyzer has had its time to look at."""
    newest = latest(settings, now)
    looked = next_run(schedule, newest + schedule.delay) + schedule.delay
    return newest if looked <= now else _before(settings, newest)


def owed(settings: ReportSettings, due: datetime, began: Began, told: Delivered) -> list[Owed]:
    """The reports that are due and were not delivered.

    Those that were missed are made up for by one, which covers all since the last that was delivered. The first of a
    model, or a team, is due at the first moment after it began to predict.
    """
    targets = [name for name, there in ((FOLDER, settings.folder), (WEBHOOK, settings.webhook)) if there]
    found = []
    for one in settings.teams or settings.models or sorted(began):
        last = {name: told[one, name] for name in targets if (one, name) in told}
        if one in began and began[one] >= due:
            continue
        if missing := tuple(name for name in targets if name not in last or last[name] < due):
            since = min([_before(settings, due), *(last[name] for name in missing if name in last)])
            start = due - settings.covers if settings.covers else since
            found.append(Owed(one, Window(start, due), missing))
    return found


def earliest(settings: ReportSettings, due: datetime, told: Delivered) -> datetime:
    """When the longest time begins that any report tells of that is due."""
    return min([_before(settings, due), due - (settings.covers or timedelta()), *told.values()])


def began(versions: Sequence[Version], name_of: Callable[[Version], str]) -> Began:
    """When each model, or team, began to predict."""
    found: dict[str, datetime] = {}
    for one in versions:
        name = name_of(one)
        found[name] = min(one.first, found.get(name, one.first))
    return found


def _before(settings: ReportSettings, moment: datetime) -> datetime:
    return latest(settings, moment - timedelta(microseconds=1))
