"""When due windows are looked for: every so often, or by a cron line."""

from __future__ import annotations

from datetime import UTC, datetime

from modelspan_analyzer.config.cron import parse_cron
from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.config.settings import ScheduleSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_run(schedule: ScheduleSettings, after: datetime) -> datetime:
    """The next moment to look, after the given one; an interval counts from midnight UTC, not from the start."""
    if schedule.cron:
        return parse_cron(schedule.cron).after(after)
    return _EPOCH + ((after - _EPOCH) // schedule.every + 1) * schedule.every


def latest(schedule: ScheduleSettings | ReportSettings, now: datetime) -> datetime:
    """The last moment at or before the given one."""
    if schedule.cron:
        return parse_cron(schedule.cron).latest(now)
    return _EPOCH + (now - _EPOCH) // schedule.every * schedule.every
