"""Whether a model is under maintenance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from modelspan_analyzer.config.alert_settings import MaintenanceSettings
from modelspan_analyzer.config.cron import parse_cron


def under_maintenance(windows: Iterable[MaintenanceSettings], model: str, now: datetime) -> bool:
    """Whether alerts of a model are held back now."""
    return any(_covers(window, now) for window in windows if not window.models or model in window.models)


def _covers(window: MaintenanceSettings, now: datetime) -> bool:
    if window.start is not None and window.end is not None:
        return window.start <= now < window.end
    begun = parse_cron(window.cron or "").after(now - window.lasts)
    return begun <= now
