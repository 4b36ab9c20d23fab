"""Which reports of a schedule are owed, by what the audit log says was delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
"""The newest due moment that was delivered, by model and where to."""

_DELIVERED = """
SELECT model, JSONExtractString(details, 'to') AS target,
       max(parseDateTime64BestEffort(JSONExtractString(details, 'due'), 3, 'UTC')) AS due
FROM audit_log
WHERE action = {action:String} AND JSONExtractString(details, 'report') = {report:String}
GROUP BY model, target
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """A report of one model that is due."""

    model: str
    window: Window
    """What it covers; its end is the moment that it is due at."""
    targets: tuple[str, ...]
    """Where it was not delivered yet."""


def delivered(store: Store, name: str) -> Delivered:
    """What was delivered of a report, ever."""
    rows = store.rows(_DELIVERED, {"action": DELIVERED, "report": name})
    return {(row["model"], row["target"]): utc(row["due"]) for row in rows}


def due_at(settings: ReportSettings, schedule: ScheduleSettings, now: datetime) -> datetime:
    """The newest moment of a report that is due: one whose last window the analyzer has had its time to look at."""
    newest = latest(settings, now)
    looked = next_run(schedule, newest + schedule.delay) + schedule.delay
    return newest if looked <= now else _before(settings, newest)


def owed(settings: ReportSettings, due: datetime, versions: Sequence[Version], told: Delivered) -> list[Owed]:
    """The reports that are due and were not delivered.

    Those that were missed are made up for by one, which covers all since the last that was delivered. A model's first
    is due at the first moment after it began to predict.
    """
    began: dict[str, datetime] = {}
    for one in versions:
        began[one.model] = min(one.first, began.get(one.model, one.first))
    targets = [name for name, there in ((FOLDER, settings.folder), (WEBHOOK, settings.webhook)) if there]
    found = []
    for model in settings.models or sorted(began):
        last = {name: told[model, name] for name in targets if (model, name) in told}
        if model in began and began[model] >= due:
            continue
        if missing := tuple(name for name in targets if name not in last or last[name] < due):
            since = min([_before(settings, due), *(last[name] for name in missing if name in last)])
            start = due - settings.covers if settings.covers else since
            found.append(Owed(model, Window(start, due), missing))
    return found


def _before(settings: ReportSettings, moment: datetime) -> datetime:
    return latest(settings, moment - timedelta(microseconds=1))
