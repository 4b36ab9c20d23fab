"""When due windows are looked for: every so often, or by a cron line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from modelspan_analyzer.config.settings import ScheduleSettings


def next_run(schedule: ScheduleSettings, now: datetime) -> datetime:
    """The next moment, after now, to look."""
    since = (now - datetime(1970, 1, 1, tzinfo=timezone.utc)) // schedule.every
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + (since + 1) * schedule.every + timedelta(0)
